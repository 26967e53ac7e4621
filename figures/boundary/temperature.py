"""B8, B6: heat and cold, one long try beside many, and what of RL surprises the base model."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log, ticks
from figures.style import legend, panels, read

_COLOR = {"base": "#7f7f7f", "sft": "#d55e00", "rl": "#0072b2"}
_LABEL = {"base": "base model", "sft": "SFT, golden paths", "rl": "GRPO"}
_STYLE = {"A": ":", "B": "--", "C": "-"}


def draw(data: Path) -> Figure:
    """Left: temperatures on chained problems. Middle: one try. Right: perplexity."""
    figure, axes = panels(3, columns=3, width=13, height=4.2)
    _heat(axes[0], read("pass_at_k_temperature", data))
    _long(axes[1], read("pass_at_k_long", data))
    _surprise(axes[2], read("pass_at_k_perplexity", data))
    legend(figure, axes[0], 3)
    return figure


def _heat(axes: Axes, cells: pd.DataFrame) -> None:
    for model, color in _COLOR.items():
        for category, style in _STYLE.items():
            mine = cells[(cells["model"] == model) & (cells["category"] == category)]
            line = mine.groupby("temperature")["solved"].mean()
            name = f"{_LABEL[model]}" if category == "C" else None
            axes.plot(line.index, line, style, color=color, marker="o", ms=3, label=name)
    axes.set_xscale("log")
    ticks(axes, cells["temperature"])
    axes.set_xlabel("temperature")
    axes.set_ylabel("PASS@(64, 32)")
    axes.set_title("heat and cold\n(solid: C, dashed: B, dotted: A)")


def _long(axes: Axes, cells: pd.DataFrame) -> None:
    for model in ("base", "sft"):
        for category in ("A", "C"):
            mine = cells[(cells["model"] == model) & (cells["category"] == category)]
            line = mine.groupby("tries")[["once", "many"]].mean()
            gain = line["once"] - line["many"]
            axes.plot(gain.index, gain, _STYLE[category], color=_COLOR[model], marker="o", ms=3)
    axes.axhline(0, color="black", lw=0.8)
    log(axes, "x")
    ticks(axes, cells["tries"])
    axes.set_xlabel("k")
    axes.set_ylabel("share solved: one try less k tries")
    axes.set_title("one try of k · T against k tries of T = 32\n(solid: C, dotted: A)")


def _surprise(axes: Axes, cells: pd.DataFrame) -> None:
    places = [(c, s) for c in ("A", "B", "C") for s in ("forks", "passages")]
    for shift, model in ((-0.12, "base"), (0.12, "rl")):
        for x, (category, segment) in enumerate(places):
            mine = cells[(cells["category"] == category) & (cells["segment"] == segment)]
            mine = mine[mine["model"] == model]
            axes.plot([x + shift] * len(mine), mine["perplexity"], "o", ms=4, color=_COLOR[model])
    axes.set_xticks(range(len(places)), [f"{c}\n{s}" for c, s in places], fontsize=8.5)
    axes.set_ylim(1, None)
    axes.set_ylabel("the base model's perplexity")
    axes.set_title("arrivals of the base model (grey)\nand of GRPO (blue); a point a seed")
