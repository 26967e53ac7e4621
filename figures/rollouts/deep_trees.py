"""I12: mixed groups over the length of the way to the first junction."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import panels, read

RULES = {
    "greedy": ("greedy gain", "#0072b2", "o"),
    "lookahead": ("two steps of lookahead", "#d55e00", "D"),
    "deepest": ("as deep as can be", "#e69f00", "v"),
}


def draw(data: Path) -> Figure:
    """Mixed groups beside the exact law; the difference; where walks are resumed."""
    table = read("deep_trees", data)
    figure, axes = panels(3, width=13, height=4.2)
    wide = table.pivot(index=["length", "seed"], columns="rule", values="mixed")
    lengths = sorted(set(table["length"]))
    for shift, (rule, (label, color, marker)) in zip((-0.15, 0.15, 0), RULES.items(), strict=True):
        mine = table[table["rule"] == rule]
        for axis, column in ((axes[0], "mixed"), (axes[2], "depth")):
            told = mine.groupby("length")[column].agg(["mean", "sem"])
            axis.errorbar(told.index + shift, told["mean"], yerr=1.96 * told["sem"].fillna(0),
                          color=color, marker=marker, ms=5, capsize=2, label=label)  # fmt: skip
    law = table[table["rule"] == "greedy"].groupby("length")["flat"].mean()
    axes[0].plot(law.index, law, color="black", ls="--", label="flat groups, exact law")
    gap = 100 * (wide["lookahead"] - wide["greedy"])
    for length in lengths:
        each = gap.loc[length]
        axes[1].plot(np.full(len(each), length), each, ls="", marker="o", ms=4, mfc="none",
                     color="#7f7f7f")  # fmt: skip
    told = gap.groupby("length").agg(["mean", "sem"])
    axes[1].errorbar(told.index, told["mean"], yerr=1.96 * told["sem"].fillna(0), color="#d55e00",
                     marker="D", capsize=3, label="mean, 95%")  # fmt: skip
    axes[1].axhline(0, color="#999999", lw=0.8)
    for axis, label, title in (
        (axes[0], "share of groups that are mixed", "mixed groups"),
        (axes[1], "points, lookahead less greedy", "what lookahead adds (circles: mazes)"),
        (axes[2], "step", "where walks are resumed"),
    ):
        axis.set_xlabel("passages before the first junction")
        axis.set_xticks(lengths)
        axis.set_ylabel(label)
        axis.set_title(title)
    axes[0].set_ylim(0.5, 1)
    axes[0].legend(fontsize=8, loc="upper right")
    axes[1].legend(fontsize=8)
    return figure
