"""B5, B7: nats that 27 equal routes lose, by rate over walks and along runs; what looks new."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log
from figures.style import panels, read

_ALL = math.log(27)
_RATES = {16.0: "#e69f00", 4.0: "#0072b2", 1.0: "#009e73"}
_USUAL: dict[str, Any] = {
    "learning": "rl", "rate": 4.0, "updates": 100, "walks": 0, "advantage": "leave_one_out",
    "optimizer": "sgd", "beta": 0.0, "entropy": 0.0, "third": 2, "ends": 2, "spread": 0.0,
    "against": False,
}  # fmt: skip
_RUNS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("SFT, one demonstration", "#d55e00", "-", {"learning": "one", "rate": 1.0}),
    ("plain steps, 16 walks", "#0072b2", ":", {"walks": 16}),
    ("1024 walks", "#0072b2", "--", {"walks": 1024}),
    ("1024 walks, KL .03", "#009e73", "--", {"walks": 1024, "beta": 0.03}),
    ("1024 walks, bonus .03", "#cc79a7", ":", {"walks": 1024, "entropy": 0.03}),
    ("exact", "#0072b2", "-", {}),
    ("exact, logits 0.1 apart", "#7f7f7f", "-", {"spread": 0.1}),
    ("Adam, 256 walks", "#e69f00", "--", {"optimizer": "adam", "advantage": "spread", "rate": 0.03,
                                          "updates": 200, "walks": 256}),
)  # fmt: skip


def draw(data: Path) -> Figure:
    """Left: ends by rate over walks. Middle: along runs, over p. Right: new against in common."""
    cells, runs = read("strategies", data), read("strategies_runs", data)
    figure, axes = panels(3, columns=3, width=13.5, height=4.9)
    _by_ratio(axes[0], cells)
    _along(axes[1], runs)
    _new(axes[2], cells)
    for axis in axes:
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=8)
    return figure


def _pick(cells: pd.DataFrame, **other: Any) -> pd.DataFrame:
    for name, value in (_USUAL | other).items():
        cells = cells[cells[name] == value]
    return cells


def _by_ratio(axes: Axes, cells: pd.DataFrame) -> None:
    for rate, color in _RATES.items():
        mine = cells[(cells["rate"] == rate) & (cells["walks"] > 0)]
        mine = pd.concat([
            _pick(mine, rate=rate, updates=round(400 / rate), walks=walks)
            for walks in sorted(mine["walks"].unique())
        ]) if len(mine) else mine  # fmt: skip
        if mine.empty:
            continue
        ratio = mine["rate"] / mine["walks"]
        lower = mine["low"].clip(lower=1e-3)
        error = [mine["lost"] - lower, mine["high"] - mine["lost"]]
        axes.errorbar(ratio, mine["lost"], yerr=error, ls="", marker="o", ms=5, capsize=2,
                      color=color, label=f"rate {rate:g}, measured")  # fmt: skip
        axes.plot(ratio, mine["theory"], color=color, lw=1.2, label=f"rate {rate:g}, theory")
    axes.axhline(_ALL, color="black", lw=0.8, ls=":")
    axes.text(0.98, _ALL * 1.07, "log 27: one route left", ha="right", fontsize=8,
              transform=axes.get_yaxis_transform())  # fmt: skip
    log(axes, "x")
    log(axes)
    axes.set_ylim(0.005, 6)
    axes.set_xlabel("rate / walks of an update")
    axes.set_ylabel("nats of the routes' entropy lost")
    axes.set_title("sampling breaks the symmetry\n(plain steps, to p near .97)")


def _along(axes: Axes, runs: pd.DataFrame) -> None:
    for label, color, style, how in _RUNS:
        line = _pick(runs, **how)
        if len(line):
            failing = 1 - line["success"]
            axes.plot(failing, line["lost"], style, color=color, lw=1.6, label=label)
    axes.axhline(_ALL, color="black", lw=0.8, ls=":")
    log(axes, "x")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(-0.001, 6)
    axes.set_yticks([0, 0.01, 0.1, 1], ["0", "0.01", "0.1", "1"])
    axes.invert_xaxis()
    axes.set_xticks([0.5, 0.1, 0.01, 0.001], ["0.5", "0.9", "0.99", "0.999"])
    axes.minorticks_off()
    axes.set_xlabel("success probability p, from the base model's on")
    axes.set_ylabel("the same, linear below 0.01")
    axes.set_title("along the way\n(means over seeds)")


def _new(axes: Axes, cells: pd.DataFrame) -> None:
    usual = cells[(cells["third"] == 2) & (cells["ends"] == 2)]
    kinds: tuple[tuple[str, str, str, pd.Series], ...] = (
        ("RL and SFT from the base", "#0072b2", "o",
         (usual["learning"] != "base") & ~usual["against"]),
        ("the base itself", "#000000", "*", (usual["learning"] == "base") & ~usual["against"]),
        ("SFT on what the base is against", "#d55e00", "X",
         (usual["learning"] == "one") & usual["against"]),
    )  # fmt: skip
    for label, color, marker, which in kinds:
        mine = usual[which]
        for way, face in (("walk", color), ("route", "none")):
            axes.plot(mine[f"overlap_{way}"], mine[f"unseen_{way}_1024"], ls="", marker=marker,
                      ms=7, color=color, markerfacecolor=face, clip_on=False, zorder=3,
                      label=label if way == "walk" else "… by routes")  # fmt: skip
    axes.set_xlim(0, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("in common with the base, exactly: Σ min(p, p base)")
    axes.set_ylabel("looks new: in none of 1024 tries of the base")
    axes.set_title("what looks new is not what differs\n(filled: walks; open: routes)")
