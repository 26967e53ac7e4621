"""Transformers after SFT, PPO and distillation, seed by seed, beside the exact laws."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures.style import COLOR, panels, read

NAME = {
    "base": "base model", "sft": "SFT on golden paths", "rlvr": "PPO",
    "student": "SFT on PPO's walks",
}  # fmt: skip
EXACT = {"base": "uniform walk", "sft": "SFT limit, free rows", "rlvr": "optimum"}
AXES = {"depth": "depth K", "width": "width W", "lanes": "lanes L"}
# Seeds stand side by side, methods apart.
OFFSET = {"base": -0.15, "sft": -0.05, "rlvr": 0.05, "student": 0.15}


def draw(data: Path) -> Figure:
    """Lines: exact. Points: one transformer each, context 1, solved exactly."""
    cells, fits = read("transformer_gap", data), read("transformer_gap_fits", data)
    corner = {name: int(cells[name].mode()[0]) for name in AXES if name != "depth"}
    corner["depth"] = _corner_depth(cells, corner)
    figure, axes = panels(2, rows=2, height=7.6)
    for axis, varied in zip(axes[:3], AXES, strict=True):
        line = cells
        for name in AXES:
            if name != varied:
                line = line[line[name] == corner[name]]
        _sweep(axis, line, varied, ordered=varied == "depth")
        fixed = [name for name in AXES if name != varied]
        axis.set_title(", ".join(f"{AXES[name][-1]} = {corner[name]}" for name in fixed))
    axes[0].legend(loc="upper left", fontsize=7.5)
    _bases(axes[3], fits)
    return figure


def _corner_depth(cells: pd.DataFrame, corner: dict[str, int]) -> int:
    """The depth at which width or lanes mostly vary; where neither does, the commonest."""
    varied = cells[(cells["width"] != corner["width"]) | (cells["lanes"] != corner["lanes"])]
    return int((varied if len(varied) else cells)["depth"].mode().max())


def _sweep(axes: Axes, line: pd.DataFrame, varied: str, ordered: bool) -> None:
    shuffled = line[line["ports"] == "shuffled"]
    for method, label in EXACT.items():
        exact = line[line["method"] == method].groupby(varied)["exact"].first()
        axes.plot(exact.index, exact, color=COLOR[method], lw=1.2, label=f"exact: {label}")
    for method, label in NAME.items():
        part = shuffled[shuffled["method"] == method]
        axes.plot(part[varied] + OFFSET[method], part["time"], "o", ms=4, alpha=0.75,
                  color=COLOR[method], label=label)  # fmt: skip
    told = line[(line["ports"] == "ordered") & (line["method"] == "sft")]
    if ordered and len(told):
        axes.plot(told[varied] - 0.05, told["time"], "^", ms=4, mfc="none", color=COLOR["sft"],
                  label="SFT where low ports lead onward")  # fmt: skip
    axes.set_yscale("log")
    axes.set_xticks(sorted(line[varied].unique()))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(AXES[varied])
    axes.set_ylabel("expected steps to the goal, H")


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
        axes.errorbar([len(labels)], [row["base"]], yerr=error, fmt="o", capsize=3,
                      color=COLOR["sft"])  # fmt: skip
        axes.annotate(f"{row['base']:.3g}", (len(labels), row["base"]), (8, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
        labels.append(label)
    axes.axhline(exponential["predicted_base"].iloc[0], color="black", lw=1, label="(L+1)²/L")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.5, len(labels) - 0.3)
    axes.set_yscale("log")
    axes.set_ylabel("base b of H ∝ b$^K$ after SFT")
    axes.set_title("fitted with 95% intervals")
    axes.legend(loc="upper left")
