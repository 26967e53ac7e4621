"""I3 and I4: mixed groups by selector, and what a tree's update is worth along the exact one."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import legend, panels, read

SELECTORS = {
    "flat": "flat group", "random": "at random", "fixed": "fixed tree",
    "value": "Q̄ alone", "exploration": "exploration alone", "uncertainty": "entropy alone",
    "cost": "cost alone", "uucb": "UUCB, first constants", "uucb_tuned": "UUCB, tuned",
    "uucb_contrast": "UUCB with Q̄(1-Q̄), tuned", "lowest": "oracle, lowest V",
    "highest": "oracle, highest V", "oracle": "oracle, V(1-V)",
}  # fmt: skip
CREDITS = {
    "leaves": ("leaf GRPO", "#0072b2", "o"),
    "leaves_repeated": ("leaf GRPO, shared steps repeated", "#56b4e9", "s"),
    "leaves_and_trees": ("leaf + tree (Tree-GRPO)", "#e69f00", "^"),
    "global_and_local": ("global + local (TreeRL)", "#009e73", "v"),
    "siblings": ("sibling edges (SPO)", "#d55e00", "D"),
}
BUDGETS = {"walks": ("16 walks", "#000000", "o"), "steps": ("800 steps", "#cc79a7", "s")}


def draw(data: Path) -> Figure:
    """Mixed groups at both budgets; direction; what is gained a step at equal steps."""
    groups, updates = read("trees", data), read("trees_updates", data)
    places = dict(zip(SELECTORS, range(len(SELECTORS), 0, -1), strict=True))
    figure, axes = panels(3, width=14, height=5.6)
    for shift, (budget, (label, color, marker)) in zip((0.12, -0.12), BUDGETS.items(), strict=True):
        part = groups[groups["budget"] == budget]
        axes[0].errorbar(part["mixed"], part["selector"].map(places) + shift,
                         xerr=1.96 * part["error"], ls="", marker=marker, color=color, ms=5,
                         capsize=2, label=f"at {label} a problem")  # fmt: skip
    axes[0].set_xlabel("share of problems whose group is mixed")
    axes[0].set_xlim(0, 1.02)
    axes[0].set_yticks(list(places.values()), [SELECTORS[name] for name in places])
    shifts = np.linspace(0.28, -0.28, len(CREDITS))
    for axis, column, budget, says in (
        (axes[1], "direction", "walks", "along the exact gradient, over length"),
        (axes[2], "per_step", "steps", "along the exact gradient, per 1000 steps"),
    ):
        for shift, (credit, (label, color, marker)) in zip(shifts, CREDITS.items(), strict=True):
            mine = (updates["budget"] == budget) & (updates["credit"] == credit)
            part = updates[mine]
            axis.errorbar(part[column], part["selector"].map(places) + shift,
                          xerr=1.96 * part[f"{column}_error"], ls="", marker=marker, color=color,
                          ms=4, capsize=1.5, label=label)  # fmt: skip
        axis.set_xlabel(says)
        axis.set_yticks(list(places.values()), [""] * len(places))
        axis.set_xlim(left=0)
    axes[0].set_title("mixed groups")
    axes[1].set_title("the update's direction, 16 walks")
    axes[2].set_title("the update a step, 800 steps")
    for axis in axes:
        axis.set_ylim(0.4, len(places) + 0.6)
    axes[0].legend(loc="lower left", fontsize=8)
    legend(figure, axes[1], 5)
    return figure
