"""Mazes drawn as graphs."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection


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
