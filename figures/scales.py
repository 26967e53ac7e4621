"""Axes, numbers and the sizes of corridors, as all figures show them."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation, NullLocator
from matplotlib.transforms import offset_copy

SIZES = {"depth": "depth K", "width": "width W", "lanes": "lanes L"}
STEPS = "expected steps to the goal, H"


class _Plain(LogFormatterSciNotation):
    """60 rather than 6 × 10¹, unless the axis goes on to where zeros are many."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        told = super().__call__(x, pos)
        short = isinstance(self.axis, Axis) and max(self.axis.get_view_interval()) < 2e4
        return f"{x:g}" if told and short else told


def log(axes: Axes, name: Literal["x", "y"] = "y") -> None:
    """A logarithmic axis with few and plain labels."""
    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_major_formatter(_Plain())
    axis.set_minor_formatter(_Plain(minor_thresholds=(2, 0.5)))


def ticks(axes: Axes, values: Iterable[float]) -> None:
    """One tick on x for each value that has points, and no other."""
    axes.set_xticks(sorted(set(values)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def beside(marks: Iterable[Line2D], points: float) -> None:
    """Move marks to the right, by so many points, where they would hide others."""
    for mark in marks:
        figure = mark.get_figure(root=True)
        mark.set_transform(offset_copy(mark.get_transform(), figure, x=points, units="points"))


def number(value: float, digits: int = 3) -> str:
    """In so many digits: 5.37, 6300, 1.01 × 10⁵."""
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    few = -3 <= int(exponent) < 4
    return f"{float(f'{value:.{digits}g}'):g}" if few else f"{mantissa} × 10$^{{{int(exponent)}}}$"


def sizes(row: "Mapping[str, int] | pd.Series[Any]", but: str = "") -> str:
    """W = 4, K = 4, L = 3, without the one that varies."""
    shown = [name for name in ("width", "depth", "lanes") if name != but]
    return ", ".join(f"{SIZES[name][-1]} = {row[name]:g}" for name in shown)


def along(table: pd.DataFrame, varied: str, corner: Mapping[str, int]) -> pd.DataFrame:
    """The rows that differ from the corner in this size alone."""
    for name in SIZES:
        if name != varied:
            table = table[table[name] == corner[name]]
    return table
