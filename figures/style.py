"""What all figures share: colours, names of methods, reading, panels."""

from pathlib import Path
from typing import Literal

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_Place = Literal["outside lower left", "outside lower center", "outside lower right"]
DATA = Path(__file__).parent / "data"

# Okabe–Ito colours, told apart by readers with any colour vision.
COLOR = {
    "base": "#7f7f7f", "sft": "#d55e00", "rlvr": "#0072b2", "student": "#009e73",
    "cut": "#cc79a7", "walks": "#56b4e9", "optimum": "#000000", "other": "#e69f00",
}  # fmt: skip
LABEL = {"base": "base model (uniform walk)", "sft": "SFT on golden paths", "rlvr": "RLVR"}

mpl.rcParams |= {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "mazerl",
}

read_names: list[str] = []
"""The tables read so far, for whoever wants to know what a drawing was made from."""


def read(name: str, data: Path = DATA) -> pd.DataFrame:
    """A figure's table."""
    read_names.append(name)
    return pd.read_csv(data / f"{name}.csv")


def panels(
    count: int, columns: int = 4, width: float = 9.5, height: float = 3.9
) -> tuple[Figure, list[Axes]]:
    """As many axes as are asked for, row by row; the height is that of a row."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def side_by_side(places: "pd.Series[float]", width: float = 0.6) -> "pd.Series[float]":
    """Offsets of points that share a tick, in the order of their seeds, `width` apart in all."""
    rank = places.rank(method="dense") - 1
    return (rank / max(rank.max(), 1) - 0.5) * min(width, 0.08 * rank.max())


def legend(
    figure: Figure, axes: Axes, columns: int, place: _Place = "outside lower center"
) -> None:
    """Below all panels, where it lies on no data."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc=place, ncols=columns)
