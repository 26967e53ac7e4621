"""X17, X18: what gates of equal gradient norm gain, and what RL of junctions alone learns."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import panels, read

_GATES = (
    ("entropy", "entropy"), ("degree", "ports"), ("all", "no gate"),
    ("entropy_half", "entropy,\nhalf"), ("degree_half", "half of the\njunctions"),
    ("chance", "chance over\nplaces"), ("low_entropy", "low entropy"),
)  # fmt: skip
_WALKS = (
    ("entropy", "entropy"), ("all", "no gate"), ("chance", "chance over\ntokens"),
    ("chance_as_it_is", "the same,\nnot scaled"), ("low_entropy", "low entropy"),
)  # fmt: skip
_RATES = ((1.0, "rate 1", "#56b4e9", -0.15), (10.0, "rate 10", "#d55e00", 0.15))
_HELD = (("none", "all rows", "-"), ("passages", "junctions", "--"), ("junctions", "the rest", ":"))
_METHODS = (("grpo", "GRPO", "#0072b2"), ("ppo", "PPO", "#009e73"))
_POINTS = (("gated_20", "20", "o"), ("gated_80", "80", "s"))


def draw(data: Path) -> Figure:
    """Gains by gate, exactly and over walks; mean p over steps by the rows that are trained."""
    trained = (data / "gate_norms_curves.csv").exists()
    figure, axes = panels(3 if trained else 1, columns=3, width=15, height=4.8)
    exact = read("gate_norms", data)
    _gains(axes[0], exact, _GATES, "#7f7f7f", 0.0)
    axes[0].set_title("infinitely many groups, 60 steps,\ngradients of one norm at the base")
    if trained:
        walks = read("gate_norms_walks", data)
        for rate, label, color, shift in _RATES:
            _gains(axes[1], walks[walks["rate"] == rate], _WALKS, color, shift, label)
        axes[1].set_title("20 walks a problem, one pass,\nscaled to that norm")
        axes[1].legend(loc="upper right")
        _curves(axes[2], read("gate_norms_curves", data))
    return figure


def _gains(
    axis: Axes, rows: pd.DataFrame, gates: tuple[tuple[str, str], ...], color: str, shift: float,
    label: str | None = None,
) -> None:  # fmt: skip
    for n, (name, _) in enumerate(gates):
        mine, at = rows[rows["gate"] == name]["gain"], n + shift
        axis.plot([at] * len(mine), mine, "o", color=color, alpha=0.45, markersize=4,
                  label=label if n == 0 else None)  # fmt: skip
        axis.plot([at - 0.14, at + 0.14], [mine.mean()] * 2, color="black", lw=2)
    axis.axhline(0, color="black", lw=0.8, ls=":")
    axis.set_xticks(range(len(gates)), [name for _, name in gates], rotation=35, ha="right")
    axis.set_ylabel("gain in mean p")


def _curves(axis: Axes, curves: pd.DataFrame) -> None:
    for method, name, color in _METHODS:
        for held, label, style in _HELD:
            mine = curves[(curves["method"] == method) & (curves["held"] == held)]
            mean = mine.groupby(mine.groupby("seed").cumcount())[["steps", "success"]].mean()
            axis.plot(mean["steps"], mean["success"], style, color=color, label=f"{name}, {label}")
    for method, walks, marker in _POINTS:
        mine = curves[curves["method"] == method]
        axis.plot(mine["steps"], mine["success"], marker, color="#d55e00", alpha=0.25, markersize=4)
        axis.plot(mine["steps"].mean(), mine["success"].mean(), marker, color="#d55e00",
                  markersize=9, markeredgecolor="black", ls="none",
                  label=f"ReasonMaxxer, junctions, {walks} walks")  # fmt: skip
    axis.set_xlim(0, 200_000)
    axis.set_xticks([0, 50_000, 100_000, 150_000, 200_000], ["0", "50k", "100k", "150k", "200k"])
    axis.set_ylim(0, 1)
    axis.set_xlabel("steps of the environment")
    axis.set_ylabel("mean p of the pool")
    axis.legend(loc="lower right", fontsize=7, ncols=2)
    axis.set_title("rows that learn: means of 16 pools")
