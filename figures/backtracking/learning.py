"""C1, C2: hitting time and the four decision families while each method trains."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import COLOR, panels, read

FAMILY = {
    "a": ("out of the lanes, forward", "-"),
    "b": ("into the lanes, backward", "--"),
    "c": ("into the lanes, forward", "-."),
    "d": ("out of the lanes, backward", ":"),
}
NAME = {"sft": "SFT on golden paths", "rlvr": "RLVR", "student": "student of RLVR's walks"}


def draw(data: Path) -> Figure:
    """H, then the probability of each family's desired move, against updates."""
    curves = read("learning", data)
    figure, axes = panels(2, rows=2, height=7.2)
    for method, label in NAME.items():
        part = curves[curves["method"] == method]
        style = (0, (1, 2)) if method == "student" else "-"
        weight = 3.2 if method == "student" else 1.8
        axes[0].plot(
            part["step"], part["time"], ls=style, lw=weight, color=COLOR[method], label=label
        )
    axes[0].axhline(curves["optimum"].iloc[0], color="black", lw=1, ls="--", label="optimum")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("expected steps to the goal, H")
    size = curves.iloc[0]
    axes[0].set_title(f"W = {size['width']}, K = {size['depth']}, L = {size['lanes']}")
    axes[0].legend()
    for axis, method in zip(axes[1:], NAME, strict=True):
        _families(axis, curves[curves["method"] == method], COLOR[method])
        axis.set_title(NAME[method])
        axis.set_ylabel("probability of the desired move\n(mean over depth)")
    axes[1].legend(loc="center right", bbox_to_anchor=(1.0, 0.42), fontsize=8)
    for axis in axes:
        axis.set_xlabel("updates")
    return figure


def _families(axes: Axes, part: pd.DataFrame, color: str) -> None:
    for family, (label, style) in FAMILY.items():
        axes.plot(
            part["step"], part[f"{family}_mean"], style, color=color, label=f"{family}: {label}"
        )
    axes.set_ylim(0, 1.03)
