"""O9: success on a pool before and after learning, and on goals that were held out."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from figures.style import legend, panels, read

_SHOWN = {
    "exact": ("exact ascent", "#000000", "D"),
    "ppo": ("PPO, free rows", "#0072b2", "o"),
    "grpo": ("GRPO, free rows", "#009e73", "s"),
    "blind": ("control: exact ascent, goal not seen", "#d55e00", "X"),
}
_CODES = {"codes": "told in parts", "ids": "control: told\nby an identifier"}
_LEAST = 1e-6


def draw(data: Path) -> Figure:
    """Goal by goal over the base's p; and transformers pool by pool."""
    rows = read("pool_learning", data)
    networks = bool(rows["method"].isin(list(_CODES)).any())
    figure, axes = panels(2 if networks else 1, width=10.5 if networks else 6, height=4.6)
    training = rows[rows["split"] == "training"]
    for method, (label, color, marker) in _SHOWN.items():
        part = training[training["method"] == method]
        axes[0].plot(part["before"], (1 - part["after"]).clip(lower=_LEAST), ls="", label=label,
                     marker=marker, color=color, markersize=4, alpha=0.6)  # fmt: skip
    line = np.geomspace(max(training["before"].min(), 1e-6), 0.999, 200)
    axes[0].plot(line, 1 - line, color="#7f7f7f", lw=1, label="as the base")
    axes[0].axhline(0.02, color="black", lw=0.8, ls=":")
    axes[0].set_xscale("log")
    axes[0].set_yscale("log")
    axes[0].set_ylim(_LEAST * 0.7, 1.5)
    axes[0].set_xlabel("the base's success p on a training goal")
    axes[0].set_ylabel(f"failures after learning, 1 - p (from {_LEAST:.0e} on)")
    axes[0].set_title("free rows, training goals")
    if networks:
        _networks(axes[1], rows)
    legend(figure, axes[0], 3)
    return figure


def _networks(axis: Axes, rows: DataFrame) -> None:
    for place, method in enumerate(_CODES):
        mine = rows[rows["method"] == method].groupby(["split", "seed"])[["before", "after"]].mean()
        for shift, (split, color) in enumerate((("training", "#0072b2"), ("held_out", "#cc79a7"))):
            x = place + 0.35 * (shift - 0.5)
            for before, after in mine.loc[split].to_numpy():
                axis.plot([x - 0.07, x + 0.07], [before, after], "-", color=color, lw=1)
                axis.plot([x - 0.07], [before], "o", color="white", markeredgecolor=color, ms=5)
                axis.plot([x + 0.07], [after], "o", color=color, ms=5)
            axis.text(x, 1.04, split.replace("_", " "), ha="center", color=color, fontsize=9)
    axis.set_xticks(range(len(_CODES)), list(_CODES.values()))
    axis.set_xlim(-0.5, len(_CODES) - 0.5)
    axis.set_ylim(0, 1.12)
    axis.set_ylabel("mean p: open before, filled after GRPO")
    axis.set_title("transformers, a line a pool")
