"""C6: where SFT and RLVR change decisions, drawn on the corridor."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from figures.mazes import bare, bent, draw_edges
from figures.style import COLOR, panels, read

NAME = {"sft": "SFT on golden paths", "rlvr": "RLVR"}
# What did not change is grey, and still to be seen on white.
CHANGE = LinearSegmentedColormap.from_list(
    "change", ["#d0d0d0", COLOR["other"], COLOR["sft"], "#8b0000"]
)


def draw(data: Path) -> Figure:
    """Each arrival arc, one half an edge, coloured by KL from the base after it."""
    arcs = read("decisions", data)
    figure, axes = panels(2, width=11.0, height=2.9)
    top = arcs["divergence"].max()
    for axis, (method, title) in zip(axes, NAME.items(), strict=True):
        drawn = _corridor(axis, arcs[arcs["method"] == method], top)
        axis.set_title(f"where {title} changes decisions")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.01)
    bar.set_label("KL(trained ‖ base) of the decision\nafter arriving this way (nats)")
    which = "upper line of each pair: arriving forward →   lower line: arriving backward ←"
    figure.supxlabel(which, fontsize=9)
    return figure


def _corridor(axes: Axes, arcs: pd.DataFrame, top: float) -> LineCollection:
    forward = arcs["x1"] > arcs["x0"]
    draw_edges(axes, arcs[forward], 0.32, 0.4, "#cccccc")
    # Forward arcs a little above the edge, backward ones below it.
    shift = forward.map({True: 0.045, False: -0.045})
    shifted = arcs.assign(y0=arcs["y0"] + shift, y1=arcs["y1"] + shift)
    colored = LineCollection(bent(shifted, 0.32), cmap=CHANGE, linewidths=2.6)
    colored.set_array(arcs["divergence"].to_numpy())
    colored.set_clim(0, top)
    axes.add_collection(colored)
    vertices = arcs.drop_duplicates("head")
    axes.plot(vertices["x1"], vertices["y1"], "o", color="#333333", markersize=4, zorder=3)
    for row in vertices.itertuples():
        if row.x1 == 0:
            axes.annotate("fork", (row.x1, row.y1), (-6, 0), textcoords="offset points",
                          ha="right", va="center", fontsize=9)  # fmt: skip
        elif row.x1 == vertices["x1"].max():
            axes.annotate("leaf", (row.x1, row.y1), (6, 0), textcoords="offset points",
                          va="center", fontsize=9)  # fmt: skip
    bare(axes)
    return colored
