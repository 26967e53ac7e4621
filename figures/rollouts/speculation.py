"""I10 and I11: what choosing ahead costs, what heat does to silent groups, and who is rescued."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import panels, read

WAYS = {
    "one": "one after the other", "four": "four at once", "strict": "four at once, no slack",
    "four, 2 old": "four at once, two rounds old", "one, by entropy": "one, by entropy alone",
}  # fmt: skip
DECIDERS = {
    "oracle": ("exact chance", "#009e73", "-"), "posterior": ("Beta posterior", "#0072b2", "-"),
    "learned": ("network", "#d55e00", "-"), "at random": ("at random", "#7f7f7f", "--"),
    "others' history": ("posterior of another problem", "#e69f00", ":"),
}  # fmt: skip


def draw(data: Path) -> Figure:
    """Mixed groups, rounds and waste by way; flips over temperature; flips over the budget."""
    ways, rescue = read("speculation", data), read("speculation_rescue", data)
    heat = read("speculation_heat", data)
    figure, axes = panels(4, width=17, height=4.2)
    shown = [name for name in WAYS if name in set(ways["way"])]
    places = np.arange(len(shown))[::-1]
    mean = ways.groupby("way").mean(numeric_only=True)
    error = 1.96 * ways.groupby("way")["mixed"].sem().fillna(0)
    axes[0].errorbar(mean["mixed"][shown], places, xerr=error[shown], ls="", marker="o",
                     color="#0072b2", capsize=3)  # fmt: skip
    axes[0].axvline(ways["flat"].mean(), color="black", ls="--", lw=1)
    axes[0].set_yticks(places, [WAYS[name] for name in shown])
    axes[0].set_xlabel("share of groups; dashed: flat, exact law")
    axes[0].set_title("mixed groups, interval over caves")
    axes[1].barh(places + 0.2, mean["rounds"][shown] / 8, 0.35, color="#56b4e9",
                 label="rounds, over 8")  # fmt: skip
    axes[1].barh(places - 0.2, mean["wasted"][shown], 0.35, color="#d55e00",
                 label="steps wasted, over kept")  # fmt: skip
    axes[1].axvline(0.4, color="#999999", lw=0.8)
    axes[1].set_yticks(places, [""] * len(shown))
    axes[1].set_ylim(-1.4, len(shown) - 0.5)
    axes[0].set_ylim(-1.4, len(shown) - 0.5)
    axes[1].set_title("rounds and waste")
    axes[1].legend(fontsize=8, loc="lower right")
    for column, label, color in (
        ("flips_failed", "groups that all fail", "#d55e00"),
        ("flips_solved", "groups that all succeed", "#009e73"),
    ):
        told = heat.groupby("temperature")[column].mean()
        axes[2].plot(told.index, told, marker="o", color=color, label=label)
    axes[2].set_yscale("log")
    axes[2].set_xlabel("temperature of one more walk")
    axes[2].set_ylabel("chance to flip the group, exact")
    axes[2].set_title("what heat does")
    axes[2].legend(fontsize=8)
    for decider, (label, color, style) in DECIDERS.items():
        mine = rescue[rescue["decider"] == decider] if len(rescue) else rescue
        if not len(mine):
            continue
        total = mine.groupby("share")[["flips", "silent"]].sum()
        axes[3].plot(100 * total.index, 100 * total["flips"] / total["silent"], color=color,
                     ls=style, marker="o", ms=4, label=label)  # fmt: skip
    shares = sorted(100 * each for each in set(rescue["share"])) if len(rescue) else []
    axes[3].set_xscale("log")
    axes[3].set_xticks(shares, [f"{each:g}" for each in shares])
    axes[3].minorticks_off()
    axes[3].set_xlabel("% of steps that rescue may add")
    axes[3].set_ylabel("% of silent groups flipped, expected")
    axes[3].set_title("who is rescued")
    if len(rescue):
        axes[3].legend(fontsize=8)
    return figure
