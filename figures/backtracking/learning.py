"""C1, C2: hitting time and the four decision families while each method trains."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import STEPS, log, sizes
from figures.style import COLOR, legend, panels, read

FAMILY = {
    "a": ("out of the lanes, forward", "o-"),
    "b": ("into the lanes, backward", "s--"),
    "c": ("into the lanes, forward", "^-."),
    "d": ("out of the lanes, backward", "x:"),
}
NAME = {"sft": "SFT on golden paths", "rlvr": "RLVR", "student": "student of RLVR's walks"}


def draw(data: Path) -> Figure:
    """H, then the probability of each family's desired move, against updates."""
    curves = read("learning", data)
    figure, axes = panels(4, columns=2)
    for method, label in NAME.items():
        part = curves[curves["method"] == method]
        style = (0, (1, 2)) if method == "student" else "-"
        weight = 3.2 if method == "student" else 1.8
        axes[0].plot(
            part["step"], part["time"], ls=style, lw=weight, color=COLOR[method], label=label
        )
    optimum = curves["optimum"].iloc[0]
    axes[0].axhline(optimum, color="black", lw=1, ls="--", label=f"optimum, {optimum:g}")
    log(axes[0])
    axes[0].set_ylabel(STEPS)
    axes[0].set_title(f"H in training, {sizes(curves.iloc[0])}")
    axes[0].legend(loc="center right")
    for axis, method in zip(axes[1:], NAME, strict=True):
        _families(axis, curves[curves["method"] == method], COLOR[method])
        axis.set_title(f"decisions, {NAME[method]}")
        axis.set_ylabel("probability of the desired move\n(mean over depth)")
    for axis in axes:
        axis.set_xlabel("updates")
    for family, (label, style) in FAMILY.items():
        axes[1].plot([], [], style, color="black", lw=1.4, ms=5, mfc="white",
                     label=f"{family}: {label}")  # fmt: skip
    legend(figure, axes[1], 4)
    return figure


def _families(axes: Axes, part: pd.DataFrame, color: str) -> None:
    for number, (family, (_, style)) in enumerate(FAMILY.items()):
        # Curves that coincide show their marks by turns.
        axes.plot(part["step"], part[f"{family}_mean"], style, color=color, lw=1.4, ms=5,
                  mfc="white", markevery=(0.03 + 0.04 * number, 0.16))  # fmt: skip
    axes.set_ylim(0, 1.05)
