"""X8, X9, X12: cost of learning without RL, what gates gain, and where positives alone end."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

_CURVES = (("grpo", "GRPO", "#0072b2"), ("ppo", "PPO", "#56b4e9"))
_POINTS = (
    ("gated_20", "ReasonMaxxer, 20 walks a problem", "#d55e00", "o"),
    ("gated_80", "ReasonMaxxer, 80 walks a problem", "#d55e00", "s"),
    ("sft", "SFT on the successes of 20 walks", "#009e73", "D"),
)
_GATES = (
    ("gain_all", "no gate"), ("gain_entropy", "entropy"), ("gain_degree", "ports"),
    ("gain_chance", "chance"), ("gain_low_entropy", "low entropy"),
    ("gain_positives", "positives"), ("shuffled_rate", "shuffled"),
)  # fmt: skip


def draw(data: Path) -> Figure:
    """Mean p over steps, gains of gates, and rows that imitation of successes ends at."""
    limits = read("gated_training_limits", data)
    trained = (data / "gated_training_pools.csv").exists()
    figure, axes = panels(4 if trained else 1, columns=2, width=10.5, height=4.1)
    if trained:
        _cost(axes[0], read("gated_training_curves", data))
        pools = read("gated_training_pools", data)
        _gains(axes[1], pools)
        _tries(axes[2], pools)
    _ends(axes[-1], limits)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _cost(axis: Axes, curves: pd.DataFrame) -> None:
    for name, label, color in _CURVES:
        mine = curves[curves["method"] == name]
        for _, one in mine.groupby("seed"):
            axis.plot(one["steps"], one["success"], color=color, alpha=0.18, lw=0.8)
        mean = mine.groupby(mine.groupby("seed").cumcount())[["steps", "success"]].mean()
        axis.plot(mean["steps"], mean["success"], color=color, label=label)
    for name, label, color, marker in _POINTS:
        mine = curves[curves["method"] == name]
        axis.plot(mine["steps"], mine["success"], marker, color=color, alpha=0.3, markersize=4)
        axis.plot(mine["steps"].mean(), mine["success"].mean(), marker, color=color, markersize=10,
                  markeredgecolor="black", label=label, ls="none")  # fmt: skip
    axis.set_xlabel("steps of the environment")
    axis.set_ylabel("mean p of the pool")
    axis.set_xlim(0, 200_000)
    axis.set_xticks([0, 50_000, 100_000, 150_000, 200_000], ["0", "50k", "100k", "150k", "200k"])
    axis.set_ylim(0, 1)
    axis.set_title("cost: thin a pool, thick their mean")


def _gains(axis: Axes, pools: pd.DataFrame) -> None:
    for n, (column, _) in enumerate(_GATES):
        axis.plot([n] * len(pools), pools[column], "o", color="#7f7f7f", alpha=0.5, markersize=4)
        axis.plot(n, pools[column].mean(), "_", color="black", markersize=22, markeredgewidth=2)
    axis.axhline(0, color="black", lw=0.8, ls=":")
    axis.set_xticks(range(len(_GATES)), [label for _, label in _GATES], rotation=25, ha="right")
    axis.set_ylabel("gain in mean p")
    axis.set_title("20 walks a problem, by gate")


def _tries(axis: Axes, pools: pd.DataFrame) -> None:
    for column, label, color, marker in (
        ("tries_gated", "ReasonMaxxer", "#d55e00", "o"),
        ("tries_grpo", "GRPO at as large a mean p", "#0072b2", "x"),
    ):
        axis.plot(pools["tries_before"], pools[column], marker, color=color, label=label, ls="none")
    low = pools[["tries_before", "tries_gated", "tries_grpo"]].min().min() - 0.02
    axis.plot([low, 1], [low, 1], color="black", lw=0.8, ls=":")
    axis.set_xlabel("mean pass@128 of the base")
    axis.set_ylabel("after training")
    axis.legend(loc="upper left")
    axis.set_title("pass@128, a pool each")


def _ends(axis: Axes, limits: pd.DataFrame) -> None:
    for limit, color, marker in ((30, "#e69f00", "o"), (60, "#009e73", "s"), (300, "#cc79a7", "D")):
        mine = limits[limits["limit"] == limit]
        if len(mine):
            axis.plot(mine["apart_base"], mine["after"], marker, color=color, ls="none",
                      label=f"T = {limit}")  # fmt: skip
    axis.axhline(1, color="black", lw=0.8, ls=":")
    axis.set_xlabel("total variation of the base from the end")
    axis.set_ylabel("p at the end")
    axis.legend(loc="lower right")
    axis.set_title("positives alone, exactly: rows know no time\n(dotted: rows that do)")
