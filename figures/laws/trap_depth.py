"""L2: what a law foretells of transformers after SFT, beside what they do and free rows tell."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.laws.traps import called
from figures.style import legend, panels, read

ROLES = {"formed": "formed on", "held out": "held out", "larger": "larger"}
MARKS = {
    "corridor": ("o", "#d55e00"), "path_star": ("s", "#e69f00"), "tree": ("D", "#009e73"),
    "grid": ("^", "#56b4e9"), "ladder": ("v", "#7f7f7f"), "asymmetric_corridor": ("P", "#d55e00"),
    "caves": ("X", "#0072b2"), "rooms": ("*", "#cc79a7"), "random_regular": ("<", "#000000"),
    "erdos_renyi": (">", "#56b4e9"), "hops": ("h", "#009e73"),
}  # fmt: skip
"""By topology: a marker and a colour; hollow where the law was formed on it."""


def draw(data: Path) -> Figure:
    """Foretold against measured; then free rows' limit and the cost of retreat in its place."""
    rows, scores = read("trap_depth", data), read("trap_depth_scores", data)
    figure, axes = panels(3, width=12.5, height=5.6)
    _law(axes[0], rows)
    _scatter(axes[1], rows, "sft")
    axes[1].set_xlabel("log H of free rows after SFT, exact")
    _scatter(axes[2], rows, "cost")
    axes[2].set_xlabel("cost of retreat from a wrong goal, nats")
    for axis, name, title in (
        (axes[0], "predicted", "law with a leak, committed before"),
        (axes[1], "sft", "free rows' limit"), (axes[2], "cost", "cost of retreat"),
    ):  # fmt: skip
        axis.set_title(f"{title}\n{_told(scores, name)}", fontsize=10)
    axes[0].set_ylabel("log H of transformers after SFT\n(mean of seeds; bars: least to most)")
    legend(figure, axes[0], 6)
    return figure


def _told(scores: pd.DataFrame, name: str) -> str:
    mine = scores[scores["predictor"] == name].set_index("role")["correlation"]
    return "correlation " + ", ".join(f"{ROLES[str(role)]} {r:.2f}" for role, r in mine.items())


def _law(axes: Axes, rows: pd.DataFrame) -> None:
    for _, row in rows.iterrows():
        color = MARKS[row["topology"]][1]
        axes.plot([row["low"], row["high"]], [row["measured"]] * 2, color=color, lw=0.7, alpha=0.6)
        axes.plot([row["predicted"]] * 2, [row["smallest"], row["largest"]], color=color, lw=0.7,
                  alpha=0.6)  # fmt: skip
    _scatter(axes, rows, "predicted")
    end = float(max(rows["high"].max(), rows["largest"].max())) * 1.03
    axes.plot([0, end], [0, end], color="black", lw=0.9, ls=":", label="equal")
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xlabel("log H foretold (bars: its 95% for means of seeds)")


def _scatter(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    for topology, (mark, color) in MARKS.items():
        mine = rows[rows["topology"] == topology]
        old = mine["role"] == "formed"
        axes.plot(mine[old][name], mine[old]["measured"], ls="", marker=mark, mfc="none",
                  color=color, ms=6)  # fmt: skip
        axes.plot(mine[~old][name], mine[~old]["measured"], ls="", marker=mark, color=color, ms=6,
                  label=called(topology))  # fmt: skip
