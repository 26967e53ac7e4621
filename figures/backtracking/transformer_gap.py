"""Transformers after SFT, PPO and distillation, seed by seed, beside the exact laws."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import SIZES, STEPS, along, beside, log, number, sizes, ticks
from figures.style import COLOR, legend, panels, read

NAME = {
    "base": "base model", "sft": "SFT on golden paths", "rlvr": "PPO",
    "student": "SFT on PPO's walks",
}  # fmt: skip
EXACT = {"base": "uniform walk", "sft": "SFT limit, free rows", "rlvr": "optimum"}
# Seeds stand one above the other, methods side by side: points right of the tick.
OFFSET = {"base": -9.0, "sft": -3.0, "rlvr": 3.0, "student": 9.0}


def draw(data: Path) -> Figure:
    """Lines: exact. Points: one transformer each, context 1, solved exactly."""
    cells, fits = read("transformer_gap", data), read("transformer_gap_fits", data)
    corner = {name: int(cells[name].mode()[0]) for name in ("width", "lanes")}
    corner["depth"] = _corner_depth(cells, corner)
    # Small grids vary depth alone.
    varied = [name for name in SIZES if along(cells, name, corner)[name].nunique() > 1]
    figure, axes = panels(len(varied) + 1, columns=2, height=3.9)
    for axis, name in zip(axes, varied, strict=False):
        _sweep(axis, along(cells, name, corner), name)
        axis.set_title(f"H by {name}, {sizes(corner, but=name)}")
    _bases(axes[-1], fits)
    legend(figure, axes[0], 3)
    return figure


def _corner_depth(cells: pd.DataFrame, corner: dict[str, int]) -> int:
    """The depth at which width or lanes mostly vary; where neither does, the commonest."""
    varied = cells[(cells["width"] != corner["width"]) | (cells["lanes"] != corner["lanes"])]
    return int((varied if len(varied) else cells)["depth"].mode().max())


def _sweep(axes: Axes, line: pd.DataFrame, varied: str) -> None:
    shuffled = line[line["ports"] == "shuffled"]
    for method, label in EXACT.items():
        exact = line[line["method"] == method].groupby(varied)["exact"].first()
        style = "-" if len(exact) > 1 else "_"
        axes.plot(exact.index, exact, style, ms=14, color=COLOR[method], lw=1.2,
                  label=f"exact: {label}")  # fmt: skip
    for method, label in NAME.items():
        part = shuffled[shuffled["method"] == method]
        points = axes.plot(part[varied], part["time"], "o", ms=4, alpha=0.75,
                           color=COLOR[method], label=label)  # fmt: skip
        beside(points, OFFSET[method])
    told = line[(line["ports"] == "ordered") & (line["method"] == "sft")]
    if varied == "depth" and len(told):
        points = axes.plot(told[varied], told["time"], "^", ms=4.5, mfc="none", color=COLOR["sft"],
                           label="SFT where low ports lead onward")  # fmt: skip
        beside(points, OFFSET["sft"])
    log(axes)
    if varied == "width":
        axes.set_xscale("log", base=2)
    ticks(axes, line[varied])
    axes.set_xlabel(SIZES[varied])
    axes.set_ylabel(STEPS)


def _bases(axes: Axes, fits: pd.DataFrame) -> None:
    exponential = fits[fits["law"] == "exponential"]
    shown = [
        ("rows", None, "free rows"), ("sft", "shuffled", "transformer"),
        ("sft", "ordered", "transformer,\nlow ports\nlead onward"),
    ]  # fmt: skip
    labels: list[str] = []
    for method, ports, label in shown:
        fit = exponential[exponential["method"] == method]
        fit = fit[fit["ports"] == ports] if ports else fit
        if fit.empty:
            continue
        row = fit.iloc[0]
        error = [[row["base"] - row["base_low"]], [row["base_high"] - row["base"]]]
        axes.errorbar([len(labels)], [row["base"]], yerr=error, fmt="o", ms=5, capsize=3,
                      color=COLOR["sft"])  # fmt: skip
        axes.annotate(number(row["base"]), (len(labels), row["base"]), (8, 3),
                      textcoords="offset points", fontsize=9)  # fmt: skip
        labels.append(label)
    predicted = exponential["predicted_base"].iloc[0]
    axes.axhline(predicted, color="black", lw=1, zorder=1, label=f"(L+1)²/L = {number(predicted)}")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(labels) - 0.3)
    log(axes)
    axes.margins(y=0.1)
    axes.set_ylabel("base b of H ∝ b$^K$ after SFT")
    axes.set_title("fitted to H by depth, with 95% intervals")
    axes.legend(loc="upper left")
