"""On which graphs there is a gap: H over the optimum as graphs grow, and what explains it."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import COLOR, LABEL, panels, read

METHODS = {
    "uniform": ("base", LABEL["base"], "-"), "sft": ("sft", LABEL["sft"], "-"),
    "search": ("walks", "SFT + search, no arc twice", "--"), "rlvr": ("rlvr", LABEL["rlvr"], "-"),
}  # fmt: skip
MARKS = "osD^v<>P*X"


def draw(data: Path) -> Figure:
    """A panel a topology, largest gap first; the last panel sets the gap beside the graph."""
    cells, laws = read("topologies", data), read("topologies_laws", data)
    order = list(cells["topology"].unique())
    columns = 3
    rows = -(-(len(order) + 1) // columns)
    figure, axes = panels(columns, rows=rows, width=11, height=3.1 * rows)
    for axis, name in zip(axes, order, strict=False):
        _panel(axis, cells[cells["topology"] == name], laws[laws["topology"] == name])
    axes[0].legend(loc="upper left", fontsize=7.5)
    _why(axes[len(order)], cells[cells["method"] == "sft"], order)
    for axis in axes[len(order) + 1 :]:
        axis.set_visible(False)
    return figure


def _panel(axes: Axes, cells: pd.DataFrame, laws: pd.DataFrame) -> None:
    for method, (color, label, style) in METHODS.items():
        part = cells[cells["method"] == method]
        middle = part.groupby("size")[["vertices", "ratio"]].median()
        axes.plot(middle["vertices"], middle["ratio"], style, color=COLOR[color], label=label)
        axes.plot(part["vertices"], part["ratio"], ".", ms=4, color=COLOR[color])
    axes.set_yscale("log")
    axes.set_xlabel("vertices")
    axes.set_ylabel("H / optimum")
    law = laws[laws["method"] == "sft"].iloc[0]
    said = {
        "none": "no gap that grows",
        "undecided": f"{law['smallest']:.2g} to {law['largest']:.2g}, law undecided",
        "polynomial": f"gap ∝ n$^{{{law['exponent']:.2f}}}$",
        "exponential": f"gap ∝ {law['base']:.3g}$^n$",
    }[law["gap"]]  # fmt: skip
    axes.set_title(f"{law['topology'].replace('_', ' ')}: {said}", fontsize=10)


def _why(axes: Axes, sft: pd.DataFrame, order: list[str]) -> None:
    for number, name in enumerate(order):
        part = sft[sft["topology"] == name]
        axes.plot(part["cost"], part["ratio"], MARKS[number], ms=4, alpha=0.8, ls="none",
                  label=name.replace("_", " "))  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("cost of retreat from a wrong goal, nats")
    axes.set_ylabel("H after SFT / optimum")
    axes.set_title("what explains it", fontsize=10)
    axes.set_xlim(right=1.35 * sft["cost"].max())
    axes.legend(loc="lower right", fontsize=7)
