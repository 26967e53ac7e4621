"""Y1, Y2, Y3: mazes in the prompt, after golden paths, search traces and reward."""

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import COLOR, legend, panels, read, side_by_side

_DECODERS = {
    "golden": ("SFT on golden paths", COLOR["sft"]),
    "search": ("SFT on search traces", COLOR["student"]),
    "reward": ("GRPO after search traces", COLOR["rlvr"]),
    "blind": ("the same, goals told at random", COLOR["cut"]),
}
_STYLES = ("-", "--", ":", "-.")


def draw(data: Path) -> Figure:
    """Along SFT; straight to the goal; within a search's steps; by distance in trees."""
    cells, curves = read("in_context", data), read("in_context_curves", data)
    distances = read("in_context_distances", data)
    trees = distances[distances["graphs"].str.startswith("tree")]
    figure, axes = panels(3 + (len(trees) > 0), columns=2, width=12, height=4.4)
    _learning(axes[0], curves[curves["method"] == "golden"])
    cells = cells.assign(name=[_name(row) for row in cells.to_dict("records")])
    _decoders(axes[1], cells, "straight", "p of going straight to the goal, exact")
    axes[1].set_title("graphs never seen: straight to the goal")
    _decoders(axes[2], cells, "within", "share of walks within a search's steps")
    axes[2].set_title("graphs never seen: within the steps of a search")
    if len(trees):
        _by_distance(axes[3], trees)
    legend(figure, axes[1], 3)
    return figure


def _name(row: Mapping[Hashable, object]) -> str:
    kind, *sizes = str(row["graphs"]).split()
    told = f"{sizes[0]} arms of {sizes[1]}" if kind == "star" else f"trees of {sizes[0]}"
    return f"{told}, {row['layers']} layer{'s' if row['layers'] != 1 else ''}"


def _learning(axis: Axes, curves: pd.DataFrame) -> None:
    stars = curves[curves["graphs"].str.startswith("star")]
    for n, ((graphs, layers), part) in enumerate(stars.groupby(["graphs", "layers"])):
        color = f"C{n}"
        for m, (_, seed) in enumerate(part.groupby("seed")):
            name = _name({"graphs": graphs, "layers": layers}) if m == 0 else None
            axis.plot(seed["updates"], seed["first"], color=color, lw=1.3,
                      ls=_STYLES[n % len(_STYLES)], label=name)  # fmt: skip
    axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel("updates of SFT on golden paths")
    axis.set_ylabel("p of the right first move, exact")
    axis.set_title("graphs never seen: the first move")
    axis.legend(fontsize=8)


def _decoders(axis: Axes, cells: pd.DataFrame, column: str, label: str) -> None:
    names = sorted(set(cells["name"]))
    shown = [name for name in _DECODERS if (cells["decoder"] == name).any()]
    for n, decoder in enumerate(shown):
        told, color = _DECODERS[decoder]
        part = cells[cells["decoder"] == decoder]
        place = part["name"].map(names.index) + 0.18 * (n - (len(shown) - 1) / 2)
        place = place + side_by_side(part["seed"], 0.12)
        axis.plot(place, part[column], "o", ms=5, color=color, label=told)
        if column == "within":
            axis.vlines(place, part["within_low"], part["within_high"], color=color, lw=1.2)
        else:
            axis.plot(place, part["edges"], "x", ms=5, color=color)
    if column == "straight":
        axis.plot([], [], "x", color="black", label="told the edges of another graph")
    by_name = cells.groupby("name")["guess" if column == "straight" else "chance"].mean()
    for n, name in enumerate(names):
        axis.hlines(by_name[name], n - 0.4, n + 0.4, color=COLOR["base"], lw=1.2)
    axis.plot([], [], color=COLOR["base"], lw=1.2,
              label="a guess at each fork (right, above); a uniform walk (below)")  # fmt: skip
    axis.set_ylim(-0.02, 1.04)
    axis.set_xticks(np.arange(len(names)), names, rotation=20, ha="right", fontsize=8)
    axis.set_ylabel(label)


def _by_distance(axis: Axes, trees: pd.DataFrame) -> None:
    for decoder, part in trees.groupby("decoder"):
        told, color = _DECODERS[str(decoder)]
        axis.plot(part["distance"], part["straight"], "o", ms=5, color=color)
        mean = part.groupby("distance")["straight"].mean()
        axis.plot(mean.index, mean, color=color, label=told)
    guess = trees.groupby("distance")["guess"].mean()
    axis.plot(guess.index, guess, color=COLOR["base"], lw=1.2)
    axis.set_ylim(-0.02, 1.04)
    axis.set_xticks(sorted(set(trees["distance"])))
    axis.set_xlabel("edges to the goal")
    axis.set_ylabel("p of going straight to the goal, exact")
    axis.set_title("trees whose graph is isomorphic to none in training")
