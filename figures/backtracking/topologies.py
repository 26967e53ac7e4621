"""On which graphs there is a gap: H over the optimum as graphs grow, and what explains it."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log, number
from figures.style import COLOR, LABEL, legend, panels, read

METHODS = {
    "uniform": ("base", LABEL["base"], "-"), "sft": ("sft", LABEL["sft"], "-"),
    "rlvr": ("rlvr", LABEL["rlvr"], "-"), "search": ("walks", "SFT + search, no arc twice", "--"),
}  # fmt: skip
MARKS = "osD^v<>P*X"


def draw(data: Path) -> Figure:
    """A panel a topology, largest gap first; the last panel sets the gap beside the graph."""
    cells, laws = read("topologies", data), read("topologies_laws", data)
    order = list(cells["topology"].unique())
    figure, axes = panels(len(order) + 1, columns=3, width=11, height=3.2)
    for axis, name in zip(axes, order, strict=False):
        _panel(axis, cells[cells["topology"] == name], laws[laws["topology"] == name])
    _why(axes[-1], cells[cells["method"] == "sft"], order)
    axes[0].plot([], [], "k.", ms=4, label="one graph each; lines: medians of a size")
    legend(figure, axes[0], 5)
    return figure


def _name(topology: str) -> str:
    return topology.replace("_", " ").replace("erdos renyi", "Erdős–Rényi")


def _panel(axes: Axes, cells: pd.DataFrame, laws: pd.DataFrame) -> None:
    for method, (color, label, style) in METHODS.items():
        part = cells[cells["method"] == method]
        middle = part.groupby("size")[["vertices", "ratio"]].median()
        axes.plot(middle["vertices"], middle["ratio"], style, color=COLOR[color], label=label)
        axes.plot(part["vertices"], part["ratio"], ".", ms=4, color=COLOR[color])
    log(axes)
    axes.set_xlabel("vertices n")
    axes.set_ylabel("H / optimum")
    law = laws[laws["method"] == "sft"].iloc[0]
    low, high = number(law["smallest"], 2), number(law["largest"], 2)
    said = {
        "none": "no gap that grows",
        "undecided": f"gap {low} to {high}, law undecided",
        "polynomial": f"gap ∝ n$^{{{law['exponent']:.2f}}}$",
        "exponential": f"gap ∝ {law['base']:.3g}$^n$",
    }[law["gap"]]  # fmt: skip
    axes.set_title(f"{_name(law['topology'])}: {said}", fontsize=10)


def _why(axes: Axes, sft: pd.DataFrame, order: list[str]) -> None:
    colors = [*COLOR.values()] * 2
    for name, mark, color in zip(order, MARKS, colors, strict=False):
        part = sft[sft["topology"] == name]
        axes.plot(part["cost"], part["ratio"], mark, ms=4.5, mfc="none", mew=1, color=color,
                  label=_name(name))  # fmt: skip
    log(axes)
    axes.set_xlabel("cost of retreat from a wrong goal, nats")
    axes.set_ylabel("H after SFT / optimum")
    axes.set_title("what explains it, one point a graph", fontsize=10)
    axes.set_xlim(right=1.6 * sft["cost"].max())
    axes.legend(loc="lower right", fontsize=8, borderpad=0)
