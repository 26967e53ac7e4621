"""I7, I8, I9 and I13: F against what is learned; terms left out; networks; graded rewards."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import panels, read

SERIES = {
    "": ("F", "#0072b2", "o"), "_mixed": ("whether it is mixed", "#009e73", "s"),
    "_fixed": ("F, successes held fixed", "#d55e00", "D"),
    "_other": ("F of another problem", "#7f7f7f", "v"),
}  # fmt: skip
SELECTORS = {
    "flat": "flat group", "random": "at random", "uucb": "UUCB, first constants",
    "greedy": "greedy gain in F", "no contrast": "without contrast", "no cost": "without cost",
    "no depth": "without depth", "learned": "network", "learned from noise": "network from noise",
    "oracle": "oracle, V(1-V)",
}  # fmt: skip


def draw(data: Path) -> Figure:
    """Correlations over checkpoints; mixed groups, steps and depth; gains by both rewards."""
    groups, proxies = read("tree_proxies", data), read("tree_proxies_f", data)
    figure, axes = panels(4, width=18, height=4.6)
    for axis, name, says in (
        (axes[0], "cosine", "the update's direction"),
        (axes[1], "gain", "the exact gain of a step"),
    ):
        for shift, (suffix, (label, color, marker)) in zip(
            (-0.09, -0.03, 0.03, 0.09), SERIES.items(), strict=True
        ):
            told = proxies.groupby("checkpoint")[name + suffix].agg(["mean", "sem"])
            axis.errorbar(told.index + shift, told["mean"], yerr=1.96 * told["sem"].fillna(0),
                          color=color, marker=marker, capsize=2, label=label)  # fmt: skip
        axis.axhline(0, color="#999999", lw=0.8)
        axis.set_ylim(-0.4, 1.05)
        axis.set_xticks(sorted(set(proxies["checkpoint"])))
        axis.set_xlabel("checkpoint")
        axis.set_ylabel("correlation over trees")
        axis.set_title(f"with {says}")
    axes[0].legend(fontsize=8, loc="lower left")
    shown = [name for name in SELECTORS if name in set(groups["selector"])]
    places = dict(zip(shown, range(len(shown), 0, -1), strict=True))
    mean = groups.groupby("selector").mean(numeric_only=True)
    error = 1.96 * groups.groupby("selector").sem(numeric_only=True).fillna(0)
    y = np.asarray([places[name] for name in shown])
    axes[2].errorbar(mean["mixed"][shown], y, xerr=error["mixed"][shown], ls="", marker="o",
                     color="black", capsize=2, label="mixed groups")  # fmt: skip
    for column, scale, label, color, marker in (
        ("steps", 1000, "thousand steps a tree", "#d55e00", "s"),
        ("depth", 60, "depth, over the limit", "#0072b2", "^"),
    ):
        axes[2].plot(mean[column][shown] / scale, y, ls="", marker=marker, ms=4, color=color,
                     label=label)  # fmt: skip
    axes[2].set_yticks(y, [SELECTORS[name] for name in shown])
    axes[2].set_xlim(-0.02, 1.02)
    axes[2].set_title("what terms are for")
    axes[2].legend(fontsize=8, loc="lower right")
    for shift, column, label, color in (
        (0.12, "along", "reward by outcome", "#000000"),
        (-0.12, "graded_along", "graded reward", "#cc79a7"),
    ):  # fmt: skip
        shares = mean[column][shown]
        axes[3].errorbar(shares, y + shift, xerr=error[column][shown], ls="", marker="o", ms=4,
                         color=color, capsize=2, label=label)  # fmt: skip
    axes[3].set_yticks(y, [""] * len(shown))
    for axis in axes[2:]:
        axis.set_ylim(-1.6, len(shown) + 0.6)
    axes[3].set_xlim(left=0)
    axes[3].set_xlabel("along the exact gradient, per 1000 steps")
    axes[3].set_title("outcomes and graded rewards")
    axes[3].legend(fontsize=8, loc="lower right")
    return figure
