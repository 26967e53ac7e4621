"""O6: what walks that are scored otherwise than they were drawn make of an update."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import legend, panels, read

_REPAIRS = {
    "none": ("not weighted", "#d55e00", "o"),
    "moves": ("single moves weighted", "#0072b2", "s"),
    "moves up to 2": ("single moves, by at most 2", "#56b4e9", "D"),
    "whole walks": ("whole walks weighted", "#000000", "^"),
}
_MEAN = "walker's mean"


def draw(data: Path) -> Figure:
    """Updates beside ∇p, and where ascents end, by walker and weights."""
    cells = read("mismatched_scoring", data)
    figure, axes = panels(4, columns=2, width=12, height=4.2)
    based, plain = (cells[cells["baseline"] == name] for name in (_MEAN, "none"))
    _ranges(axes[0], based, "cosine", "cosine of the expected update with ∇p")
    _ranges(axes[1], based, "length", "its length over that of ∇p")
    axes[0].set_title("direction, less the walker's mean")
    axes[1].set_title("length, less the walker's mean")
    for axis, part in zip(axes[2:], (based, plain), strict=True):
        _ranges(axis, part, "end", "p of the policy that is scored, at the end")
    axes[2].set_title("where ascent ends, less the walker's mean")
    axes[3].set_title("where ascent ends, no baseline")
    legend(figure, axes[0], 4)
    return figure


def _ranges(axis: Axes, cells: pd.DataFrame, name: str, label: str) -> None:
    walkers = list(dict.fromkeys(cells["walker"]))
    for n, (repair, (told, color, marker)) in enumerate(_REPAIRS.items()):
        by = cells[cells["repair"] == repair].groupby("walker")[name]
        low, middle, high = (
            found.reindex(walkers) for found in (by.min(), by.median(), by.max())
        )  # fmt: skip
        axis.errorbar(np.arange(len(walkers)) + 0.17 * (n - 1.5), middle,
                      yerr=[middle - low, high - middle], ls="", marker=marker, color=color,
                      markersize=5, capsize=2, label=told)  # fmt: skip
    axis.axhline(1, color="black", lw=0.8, ls=":")
    axis.set_xticks(range(len(walkers)), walkers, rotation=25, ha="right", fontsize=8)
    axis.set_xlabel("how walks are drawn; all are scored at temperature 1", fontsize=9)
    axis.set_ylabel(f"{label}\n(median, smallest, largest)", fontsize=9)
