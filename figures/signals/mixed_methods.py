"""A7: SFT first or mixed with RL, right and with the first of 16 microbatches alone in SFT."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

FIRST, MEANS = ", first microbatch alone", ", mean of microbatch means"
ARMS = {
    "RL": ("RL alone", "#999999", "-"),
    "SFT, then RL": ("SFT, then RL", "#000000", "-"),
    "SFT, then RL" + FIRST: ("the same, first of 16 microbatches", "#000000", ":"),
    "in the group": ("in the group", "#009e73", "-"),
    "joint": ("joint", "#d55e00", "-"),
    "alternating": ("alternating", "#0072b2", "-"),
}
OPTIMIZERS = {"adam": "Adam", "sgd": "plain steps"}
METHODS = ("SFT, then RL", "joint", "alternating")
FAULTS = {"": ("none", "#56b4e9"), MEANS: ("mean of means", "#e69f00"),
          FIRST: ("first of 16 alone", "#d55e00")}  # fmt: skip


def draw(data: Path) -> Figure:
    """Success along the budget with each optimiser; at its end by fault, walked and expected."""
    rows = read("mixed_methods", data)
    told = [name for name in OPTIMIZERS if name in set(rows["optimizer"])]
    figure, axes = panels(4, width=17, height=4.6)
    for axis, optimizer in zip(axes, told, strict=False):
        mean = rows[rows["optimizer"] == optimizer].groupby(["arm", "share"])["success"].mean()
        for arm, (label, color, style) in ARMS.items():
            if arm in mean.index.get_level_values(0):
                axis.plot(mean[arm].index, mean[arm], color=color, ls=style, marker=".",
                          label=label)  # fmt: skip
        axis.set(xlabel="share of the steps", ylabel="success (mean over pools)", ylim=(0, 1.03))
        axis.set_title(f"{OPTIMIZERS[optimizer]}: the fault in SFT alone\nturns the order round")
        axis.legend(fontsize=7.5, loc="lower right")
    end = rows[rows["share"] == 1]
    for axis, optimizer in zip(axes[2:], told, strict=False):
        own = end[end["optimizer"] == optimizer]
        _bars(axis, own)
        black = "" if own["population"].isna().all() else "\n(black: expected updates)"
        axis.set_title(f"{OPTIMIZERS[optimizer]}: at the end, by fault{black}")
    return figure


def _bars(axis: Axes, end: pd.DataFrame) -> None:
    """A group of bars a method, one a fault; every pool a dot."""
    for n, (fault, (label, color)) in enumerate(FAULTS.items()):
        for m, method in enumerate(METHODS):
            own = end[end["arm"] == method + fault]
            if own.empty:
                continue
            at = m + (n - 1) * 0.27
            axis.bar(at, own["success"].mean(), 0.25, color=color, alpha=0.6,
                     label=label if m == 0 else None)  # fmt: skip
            spread = np.linspace(-0.09, 0.09, len(own))
            axis.plot(at + spread, own["success"], ".", color=color, ms=3)
            if own["population"].notna().any():
                axis.plot([at - 0.12, at + 0.12], [own["population"].mean()] * 2, color="black")
    axis.set_xticks(range(len(METHODS)), ["SFT,\nthen RL", "joint", "alternating"])
    axis.set(ylabel="success", ylim=(0, 1.25))
    axis.legend(title="fault in its imitation", ncol=3, fontsize=7.5, title_fontsize=7.5,
                loc="upper center")  # fmt: skip
