"""X13: what part of a run's gain adapters of each rank have, and how far they are from it."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

_STUDENTS = (
    ("tree", "grpo", "run", "trees, GRPO, distilled", "#0072b2", "o"),
    ("tree", "ppo", "run", "trees, PPO, distilled", "#009e73", "v"),
    ("regular", "grpo", "run", "regular graphs, GRPO, distilled", "#cc79a7", "D"),
    ("tree", "grpo", "cut", "trees, GRPO, its own change cut to the rank", "#d55e00", "s"),
    ("tree", "grpo", "dealt", "trees, GRPO dealt anew, distilled", "#7f7f7f", "X"),
)


def draw(data: Path) -> Figure:
    """Part of the gain in p, and nats of a walk, over the rank; a thin line a pool."""
    fits = read("rank", data)
    figure, (gain, nats) = panels(2, columns=2, width=10.5, height=4.4)
    for maze, learner, student, label, color, marker in _STUDENTS:
        mine = fits[(fits["maze"] == maze) & (fits["learner"] == learner)]
        mine = mine[mine["student"] == student]
        if student != "dealt":
            _lines(gain, mine, "gain", label, color, marker)
        if student != "cut":
            _lines(nats, mine, "nats", label, color, marker)
    for axis in (gain, nats):
        axis.set_xscale("log", base=2)
        axis.set_xticks([1, 2, 3, 4, 8, 16, 32], ["1", "2", "3", "4", "8", "16", "32"])
        axis.minorticks_off()
        axis.set_xlabel("rank, of 32 goals")
    gain.axhline(1, color="black", lw=0.8, ls=":")
    gain.set_ylabel("part of the run's gain in p")
    gain.set_ylim(0, 1.05)
    nats.set_yscale("log")
    nats.set_ylabel("KL(teacher ‖ adapter), nats a walk")
    gain.set_title("what an adapter has of the gain")
    nats.set_title("how far it is from its teacher")
    handles, labels = gain.get_legend_handles_labels()
    more, names = nats.get_legend_handles_labels()
    figure.legend([*handles, more[-1]], [*labels, names[-1]], loc="outside lower center", ncols=2)
    return figure


def _lines(axis: Axes, fits: pd.DataFrame, what: str, label: str, color: str, marker: str) -> None:
    for _, one in fits.groupby("seed"):
        axis.plot(one["rank"], one[what], color=color, alpha=0.25, lw=0.8)
    mean = fits.groupby("rank")[what].mean()
    axis.plot(mean.index, mean, marker=marker, color=color, markersize=5, lw=1.5, label=label)
