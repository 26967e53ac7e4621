"""What each setting of PPO does, where it stops to hold, and which alarm tells a collapse."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures.scales import log
from figures.style import COLOR, read

ALARMS = {"by_chain": "the chain", "by_walks": "late walks", "by_success": "success < 0.9"}
FATES = {
    "collapsed": ("collapsed at the end, told in time", COLOR["cut"]),
    "passed": ("collapsed for a while, warned of", COLOR["other"]),
    "good": ("never for long, warned of", COLOR["rlvr"]),
}
NEAR = 1.05


def draw(data: Path) -> Figure:
    """Above: changes one at a time, and alarms; below: steps an update by rate, a panel a size."""
    runs = read("ppo_settings", data)
    phases = runs[runs["change"].isin(["phase", "as it is", "rate 0.03", "a fourth of the steps"])]
    mazes = [maze for maze, part in phases.groupby("maze") if part["rate"].nunique() > 1]
    figure = Figure(figsize=(12, 7.6 if mazes else 4.0), layout="constrained")
    rows = figure.add_gridspec(2 if mazes else 1, 1)
    above = rows[0].subgridspec(1, 2, width_ratios=[3, 2])
    _changes(figure.add_subplot(above[0]), runs)
    _alarms(figure.add_subplot(above[1]), runs)
    if mazes:
        below = rows[1].subgridspec(1, len(mazes))
        for n, maze in enumerate(mazes):
            _phase(figure.add_subplot(below[n]), phases[phases["maze"] == maze], str(maze), n == 0)
    return figure


def _changes(axes: Axes, runs: pd.DataFrame) -> None:
    changed = runs[runs["change"] != "phase"]
    if changed.empty:  # a small grid, which has the phases alone
        changed = runs.assign(change="short runs")
    where = changed.groupby("maze", sort=False).size().idxmax()
    changed = changed[changed["maze"] == where]
    names = list(changed["change"].drop_duplicates())
    for at, name in enumerate(names):
        part = changed[changed["change"] == name]
        y = np.full(len(part), -at) + np.linspace(-0.25, 0.25, len(part))
        axes.plot(part["highest"], y, "o", ms=3.5, mfc="none", color=COLOR["base"], alpha=0.8)
        axes.plot(part["ratio"], y, "o", ms=3.5, color=COLOR["rlvr"], alpha=0.8)
    axes.plot([], [], "o", ms=4, color=COLOR["rlvr"], label="at the end")
    axes.plot([], [], "o", ms=4, mfc="none", color=COLOR["base"], label="highest on the way")
    axes.axvline(100, color="black", lw=1, ls=":", label="collapsed")
    log(axes, "x")
    axes.set_yticks([-at for at in range(len(names))], names)
    axes.set_ylim(0.5 - len(names), 0.5)
    axes.set_xlabel("H over the optimum")
    seeds = int(changed.groupby("change").size().max())
    axes.set_title(f"one change at a time, {where}, {seeds} seeds")
    axes.legend(loc="upper right", fontsize=8.5, frameon=True)


def _alarms(axes: Axes, runs: pd.DataFrame) -> None:
    height = 0.26
    for number, (fate, (label, color)) in enumerate(FATES.items()):
        part = runs[runs["fate"] == fate]
        late = part["since"] + 0.1 + 1e-9 if fate == "collapsed" else np.inf
        shares = [
            ((part[alarm] <= late) & np.isfinite(part[alarm])).mean() if len(part) else 0.0
            for alarm in ALARMS
        ]
        y = -np.arange(len(ALARMS)) - (number - 1) * height
        axes.barh(y, shares, height * 0.9, color=color, label=f"{label} ({len(part)} runs)")
        for x, at in zip(shares, y, strict=True):
            axes.text(x + 0.01, at, f"{x:.0%}", va="center", fontsize=8.5)
    axes.set_yticks(-np.arange(len(ALARMS)), list(ALARMS.values()))
    axes.set_xlim(0, 1.12)
    axes.set_ylim(-len(ALARMS) - 0.6, 0.6)
    axes.set_xlabel("share of runs")
    axes.set_title("alarms")
    axes.legend(loc="lower right", fontsize=8.5, frameon=True)


def _phase(axes: Axes, part: pd.DataFrame, maze: str, first: bool) -> None:
    rates, counts = sorted(part["rate"].unique()), sorted(part["an_update"].unique())
    for x, rate in enumerate(rates):
        for y, count in enumerate(counts):
            cell = part[(part["rate"] == rate) & (part["an_update"] == count)]
            if cell.empty:
                continue
            middle = float(cell["ratio"].median())
            shade = LogNorm(1, 1e6, clip=True)(middle)
            axes.add_patch(
                _square(x, y, (0.85 - 0.55 * shade, 0.92 - 0.55 * shade, 0.97 - 0.35 * shade))
            )
            dark = "white" if shade > 0.6 else "black"
            near = int((cell["ratio"] <= NEAR).sum())
            axes.text(x, y, f"{middle:.3g}\n{near} of {len(cell)}", ha="center", va="center",
                      fontsize=9, color=dark)  # fmt: skip
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.set_ylim(-0.5, len(counts) - 0.5)
    axes.grid(visible=False)
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set_yticks(range(len(counts)), [f"{count:,}" for count in counts])
    axes.set_xlabel("rate")
    if first:
        axes.set_ylabel("steps an update")
    axes.set_title(f"{maze}: median H over the optimum,\nand runs within 5%", fontsize=10)


def _square(x: int, y: int, color: tuple[float, float, float]) -> Rectangle:
    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=color)
