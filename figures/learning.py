"""C1, C2: hitting time and the four decision families while each method trains."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import COLOR, panels, read

FAMILY = {
    "a": ("forward, at a lane's end: go on", "-"),
    "b": ("backward, before lanes: go back", "--"),
    "c": ("forward, before lanes: go on", "-."),
    "d": ("backward, at a lane's end: go back", ":"),
}
NAME = {"sft": "SFT on golden paths", "rlvr": "RLVR", "student": "student of RLVR's walks"}


def draw(data: Path) -> Figure:
    """H, then the probability of each family's desired move, against updates."""
    curves = read("learning", data)
    figure, axes = panels(4, width=14.0)
    for method, label in NAME.items():
        part = curves[curves["method"] == method]
        style = ":" if method == "student" else "-"
        axes[0].plot(part["step"], part["time"], style, color=COLOR[method], label=label)
    axes[0].axhline(curves["optimum"].iloc[0], color="black", lw=1, ls="--", label="optimum")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("expected steps to the goal, H")
    size = curves.iloc[0]
    axes[0].set_title(f"W = {size['width']}, K = {size['depth']}, L = {size['lanes']}")
    axes[0].legend()
    for axis, method in zip(axes[1:], NAME, strict=True):
        _families(axis, curves[curves["method"] == method], COLOR[method])
        axis.set_title(NAME[method])
    axes[1].set_ylabel("probability of the desired move, mean over depth")
    axes[1].legend(loc="center right", fontsize=7.5)
    for axis in axes:
        axis.set_xlabel("updates")
    return figure


def _families(axes: Axes, part: pd.DataFrame, color: str) -> None:
    for family, (label, style) in FAMILY.items():
        axes.plot(
            part["step"], part[f"{family}_mean"], style, color=color, label=f"{family}: {label}"
        )
    axes.set_ylim(0, 1.03)
