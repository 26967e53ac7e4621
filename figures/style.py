"""What all figures share: colours, names, sizes."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

DATA = Path(__file__).parent / "data"

# Okabe–Ito colours, told apart by readers with any colour vision.
COLOR = {
    "base": "#7f7f7f", "sft": "#d55e00", "rlvr": "#0072b2", "student": "#009e73",
    "cut": "#cc79a7", "walks": "#56b4e9", "optimum": "#000000",
}  # fmt: skip
LABEL = {"base": "base model (uniform walk)", "sft": "SFT on golden paths", "rlvr": "RLVR"}

mpl.rcParams |= {
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "font.size": 10,
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
    columns: int, rows: int = 1, width: float = 9.5, height: float = 3.9
) -> tuple[Figure, list[Axes]]:
    """A grid of axes, row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def bent(frame: pd.DataFrame, spread: float, points: int = 9) -> list[list[tuple[float, float]]]:
    """Each row's arc as a polyline, parallel arcs bowed apart by up to `spread`."""
    lines = []
    for x0, y0, x1, y1, bend in frame[["x0", "y0", "x1", "y1", "bend"]].to_numpy():
        line = []
        for i in range(points):
            s = i / (points - 1)
            bow = 4 * s * (1 - s) * spread * bend
            line.append(
                (x0 + s * (x1 - x0) - bow * (y1 - y0), y0 + s * (y1 - y0) + bow * (x1 - x0))
            )
        lines.append(line)
    return lines


def draw_edges(axes: Axes, frame: pd.DataFrame, spread: float, width: float, color: str) -> None:
    """Draw a maze's edges."""
    axes.add_collection(LineCollection(bent(frame, spread), colors=color, linewidths=width))


def bare(axes: Axes) -> None:
    """No axes: a drawing of a maze has no units."""
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.axis("off")
