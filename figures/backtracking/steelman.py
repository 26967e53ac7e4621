"""H over the optimum after SFT where the conditions are kinder to it."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log, sizes
from figures.style import COLOR, legend, panels, read, side_by_side

NAME = {"golden": "golden\npaths alone", "goal visible": "goal\nvisible", "L = 1": "golden,\nL = 1"}


def draw(data: Path) -> Figure:
    """One point a seed: transformers and free rows on the same walks; right, those near 1."""
    cells = read("steelman", data)
    near = cells.groupby("condition")["ratio"].transform("max") < 10
    figure, axes = panels(2, width=10.5, height=4.4)
    _conditions(axes[0], cells)
    log(axes[0])
    axes[0].set_title(f"SFT where conditions are kinder, {sizes(cells.iloc[0])}")
    _conditions(axes[1], cells[near])
    axes[1].set_ylim(0.95, max(1.5, axes[1].get_ylim()[1]))
    axes[1].set_title("those near the optimum, closer")
    legend(figure, axes[0], 3)
    return figure


def _conditions(axes: Axes, cells: pd.DataFrame) -> None:
    conditions = list(cells["condition"].drop_duplicates())
    for x, condition in enumerate(conditions):
        part = cells[cells["condition"] == condition]
        seeds = x + side_by_side(part["seed"], 0.32)
        axes.plot(seeds - 0.2, part["ratio"], "o", ms=5, alpha=0.8, color=COLOR["sft"])
        axes.plot(seeds + 0.2, part["rows_ratio"], "s", ms=4, mfc="none", color=COLOR["student"])
    axes.plot([], [], "o", color=COLOR["sft"], label="transformer, one point a seed")
    axes.plot([], [], "s", mfc="none", color=COLOR["student"], label="free rows, same walks")
    axes.axhline(1, color="black", lw=1, zorder=1, label="optimum of the condition")
    names = [NAME.get(c, f"{c}\nbacktrack") for c in conditions]
    axes.set_xticks(range(len(conditions)), names, fontsize=8)
    axes.set_xlim(-0.5, len(conditions) - 0.5)
    axes.set_ylabel("H after SFT / H of the optimum")
