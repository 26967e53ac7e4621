"""O7: right and wrong pairs of what is meant and what the end at the limit is taken for."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log
from figures.style import panels, read, side_by_side

_BLUE, _SKY, _RED, _ORANGE, _GREY, _GREEN = (
    "#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#7f7f7f", "#009e73",
)  # fmt: skip
_LIMIT = 11  # of PPO
# (objective, bootstraps, sees time, λ) → what it is called, and how it is drawn.
_PAIRS = {
    ("success", False, True, 0.95): ("p, an end, time seen (right)", _BLUE, "o-"),
    ("success", False, False, 0.95): ("p, an end, blind, λ = .95", _SKY, "s--"),
    ("success", False, False, 0.0): ("p, an end, blind, λ = 0", _GREEN, "^--"),
    ("success", True, False, 0.95): ("p, a time-out", _GREY, "x:"),
    ("hitting_time", True, False, 0.95): ("H, a time-out (right)", _RED, "o-"),
    ("hitting_time", False, True, 0.95): ("H, an end, time seen", _ORANGE, "s--"),
}


def draw(data: Path) -> Figure:
    """Cosines, where exact ascents end, and where PPO does."""
    updates, ends, ppo = (
        read(f"time_limits{name}", data) for name in ("", "_ends", "_ppo")
    )  # fmt: skip
    figure, axes = panels(4, columns=2, width=12, height=4.4)
    _cosines(axes[0], updates[updates["maze"] == "two ways"])
    mine = ends[ends["maze"] == "two ways"]
    _lines(axes[1], mine, mine["success"] / mine["best_success"])
    axes[1].set_ylabel("p at the end, over the best p")
    axes[1].set_title("where exact ascent on two ways ends: success within T")
    _lines(axes[2], mine, mine["time"] / mine["best_time"])
    axes[2].set_ylabel("H at the end, over the best H")
    axes[2].set_title("where exact ascent on two ways ends: hitting time")
    for axis in axes[:3]:
        log(axis, "x")
        axis.set_xlabel("limit T, over the base model's H")
    _ppo(axes[3], ppo, mine[mine["limit"] == _LIMIT])
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _cosines(axis: Axes, updates: pd.DataFrame) -> None:
    for (objective, bootstraps, sees, lam), (label, color, style) in _PAIRS.items():
        line = updates[
            (updates["objective"] == objective) & (updates["bootstraps"] == bootstraps)
            & (updates["sees_time"] == sees) & (updates["lam"] == lam)
        ]  # fmt: skip
        line = line.dropna(subset="cosine")
        axis.plot(line["ratio"], line["cosine"], style, color=color, label=label, **_width(label))
    axis.axhline(0, color="black", lw=0.8)
    axis.set_ylabel("cosine with the exact gradient of what is meant")
    axis.set_title("expected update at the base model, two ways\n(p, a time-out: there is none)")


def _lines(axis: Axes, ends: pd.DataFrame, value: "pd.Series[float]") -> None:
    for (objective, bootstraps, sees, lam), (label, color, style) in _PAIRS.items():
        mine = (
            (ends["objective"] == objective) & (ends["bootstraps"] == bootstraps)
            & (ends["sees_time"] == sees) & (ends["lam"] == lam)
        )  # fmt: skip
        axis.plot(ends["ratio"][mine], value[mine], style, color=color, label=label,
                  **_width(label))  # fmt: skip
    axis.axhline(1, color="black", lw=0.8)


def _width(label: str) -> dict[str, Any]:
    """Right pairs are wide, so that what lies on them is seen."""
    right = "right" in label
    return {"lw": 5 if right else 1.4, "markersize": 9 if right else 5,
            "alpha": 0.55 if right else 1}  # fmt: skip


def _ppo(axis: Axes, ppo: pd.DataFrame, ends: pd.DataFrame) -> None:
    """Where runs end, a column for each pair, and where exact ascent does."""
    last = ppo[ppo["record"] == ppo["record"].max()]
    by = ["objective", "bootstraps", "clock", "begins"]
    order = last.sort_values(by, ascending=[False, True, True, True])
    names = []
    for place, (pair, runs) in enumerate(order.groupby(by, sort=False)):
        objective, bootstraps, clock, begins = pair
        color = _BLUE if objective == "success" else _RED
        where = place + side_by_side(runs["seed"], 0.5)
        axis.plot(where, runs["success"], "o", color=color, markersize=5, alpha=0.8)
        end = "time-out" if bootstraps else "end"
        sees = f"last {clock}" if clock else "blind"
        sees = "begun at 1" if begins else sees
        # A table that sees all of the time left bootstraps from nothing.
        goes_on = bootstraps and clock < last["clock"].max()
        exact = ends[
            (ends["objective"] == objective) & (ends["bootstraps"] == goes_on)
            & ~ends["sees_time"] & (ends["lam"] == 0.95)
        ]  # fmt: skip
        axis.plot([place] * len(exact), exact["success"], "_", color="black", markersize=26,
                  label="exact ascent" if place == 0 else None)  # fmt: skip
        names.append(f"{'p' if objective == 'success' else 'H'}, {end}, {sees}")
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
    axis.set_ylabel("p at the end of PPO")
    axis.set_title("PPO on two ways, T = half the base's H: each seed")
    if len(last):
        for value, label in (("best_success", "best p"), ("base_success", "base model")):
            level = last[value].iloc[0]
            axis.axhline(level, color="black", lw=0.8, ls="-" if "best" in value else ":")
            axis.annotate(label, (len(names) - 0.5, level), xytext=(0, 2), fontsize=8, ha="right",
                          textcoords="offset points", va="bottom")  # fmt: skip
        axis.legend(loc="center right", fontsize=8, frameon=True)
