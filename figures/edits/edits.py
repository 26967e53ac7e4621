"""X1, X2, X15: how sparse edits are, what chance shows, and what it takes to carry the gain."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

_TAUGHT = (
    ("junctions", "0.999", "RL to p = .999, turns at junctions", "#0072b2", "o-"),
    ("anywhere", "0.999", "RL to p = .999, turns anywhere", "#d55e00", "s-"),
    ("anywhere", "0.9", "RL to p = .9, turns anywhere", "#e69f00", "D--"),
    ("junctions", "random", "random preferences, turns at junctions", "#7f7f7f", "X:"),
)
_GATES = (
    ("pivotality", "pivotality", "#009e73", "o"),
    ("kl", "KL(teacher ‖ base)", "#cc79a7", "v"),
    ("entropy", "base entropy", "#d55e00", "s"),
    ("degree", "3 ports or more first", "#0072b2", "D"),
    ("chance", "chance", "#7f7f7f", "X"),
)


def draw(data: Path) -> Figure:
    """Shares and entropy ratios over passages; sufficiency and necessity over occupancy of S."""
    shares, curves = read("edits", data), read("edits_curves", data)
    shares = shares[(shares["kind"] == "plain") & (shares["along"] == "base")]
    figure, axes = panels(6, columns=3, width=12.5, height=4.1)
    for turns, teacher, label, color, style in _TAUGHT:
        mine = shares[(shares["turns"] == turns) & (shares["teacher"].astype(str) == teacher)]
        for axis, value in ((axes[0], 1 - mine["unshifted"]), (axes[3], mine["entropy_ratio"])):
            each = value.groupby(mine["passage"])
            axis.plot(each.mean().index, each.mean(), style, color=color, label=label)
            axis.plot(mine["passage"], value, style[0], color=color, alpha=0.4, markersize=4)
    for axis in (axes[0], axes[3]):
        axis.set_xticks([0, 3, 12])
        axis.set_yscale("log")
        axis.set_xlabel("vertices of degree 2 in a passage")
    axes[0].set_yticks([0.03, 0.1, 0.3, 1], ["3%", "10%", "30%", "100%"])
    axes[3].set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes[3].axhline(1, color="black", lw=0.8, ls=":")
    axes[0].set_title("tokens whose first choice changes")
    axes[3].set_title("base entropy there, over the mean")
    for column, turns in ((1, "junctions"), (2, "anywhere")):
        here = curves[(curves["passage"] == 12) & (curves["kind"] == "plain")]
        here = here[here["turns"] == turns]
        _panel(axes[column], here, "enough")
        _panel(axes[column + 3], here, "needed")
        axes[column].set_title(f"teacher on S, base elsewhere\npassages of 12, turns {_at(turns)}")
        axes[column + 3].set_title(f"base on S, teacher elsewhere\nturns {_at(turns)}")
    for axis in axes[:4:3]:
        axis.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=1)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


def _at(turns: str) -> str:
    return "at junctions" if turns == "junctions" else turns


def _panel(axis: Axes, curves: pd.DataFrame, what: str) -> None:
    """A thin line a maze, marks at the mean over mazes of each size of S."""
    for gate, label, color, marker in _GATES:
        mine = curves[curves["gate"] == gate]
        size = mine.groupby("seed").cumcount()
        for _, one in mine.groupby("seed"):
            axis.plot(one["share"], one[what], color=color, alpha=0.25, lw=0.8)
        mean = mine.groupby(size)[["share", what]].mean()
        axis.plot(mean["share"], mean[what], marker=marker, color=color, markersize=4, lw=1.5,
                  label=label)  # fmt: skip
    axis.set_xscale("log")
    low, high = curves["share"].min(), curves["share"].max()
    places = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
    ticks = [x for x in places if low / 1.5 <= x <= 1.5 * high]
    axis.set_xticks(ticks, [f"{100 * x:g}%" for x in ticks])
    axis.minorticks_off()
    axis.set_xlabel("S, share of the base's tokens")
    axis.set_ylabel("part of the gain in p")
    axis.set_ylim(-0.05, 1.08)
