"""A2: what moves tell of the goal along training, its entropy, and the price in success."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

ARMS = {
    "nothing": ("no regulariser", "#000000", "-"),
    "seeing": ("KL to a seeing reference", "#0072b2", "-"),
    "blind, filtered": ("KL to a blind one, filter", "#009e73", "-"),
    "entropy, filtered": ("entropy bonus, filter", "#009e73", "--"),
    "blind, scaled": ("KL to a blind one, scaled", "#cc79a7", "-"),
    "blind": ("KL to a blind one", "#d55e00", "-"),
    "blind, filtered, noise": ("KL to a blind one, filter, noise", "#56b4e9", ":"),
    "entropy": ("entropy bonus", "#d55e00", "--"),
}


def draw(data: Path) -> Figure:
    """Means over pools; a column each for free rows and for goals told in parts."""
    curves = read("template_collapse", data)
    figure, axes = panels(6, columns=3, width=14, height=3.8)
    for row, (shared, name) in enumerate(((False, "free rows"), (True, "goals told in parts"))):
        own = curves[curves["shared"] == shared]
        begin = own[own["update"] == 0].set_index(["seed", "arm"])
        for axis, column in zip(axes[3 * row :], ("hard_move", "hard_entropy"), strict=False):
            told = own.join(begin[column].rename("begin"), on=["seed", "arm"])
            told = told.assign(ratio=told[column] / told["begin"])
            _lines(axis, told, "ratio")
            axis.axhline(1, color="black", lw=0.6, ls=":")
        axes[3 * row].set_ylabel(f"{name}\nover that of the start")
        told = own.assign(p=(own["hard_p"] + own["open_p"]) / 2)
        _lines(axes[3 * row + 2], told, "p")
        axes[3 * row + 2].set_ylabel("mean p over all goals")
        for axis in axes[3 * row : 3 * row + 3]:
            axis.set_ylim(0)
            axis.set_xlabel("updates")
    axes[0].set_title("I(hard goal; move | arrival)")
    axes[1].set_title("entropy a move, hard goals")
    axes[2].set_title("success, hard and open goals")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _lines(axis: Axes, told: pd.DataFrame, column: str) -> None:
    for arm, (label, color, style) in ARMS.items():
        mean = told[told["arm"] == arm].groupby("update")[column].mean()
        axis.plot(mean.index, mean, color=color, ls=style, label=label)
