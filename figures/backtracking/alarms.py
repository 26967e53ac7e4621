"""Whether walks alone tell a collapse: what they say of H beside the chain, and when they warn."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log
from figures.style import COLOR, read

FATES = {
    "collapsed": "collapsed at the end",
    "passed": "collapsed for a while",
    "good": "never for long",
}
ALARMS = {"held_still": "walks of parameters\nheld still", "training_walks": "walks of training"}
LOST, TOLD_LOST = 100, 50


def draw(data: Path) -> Figure:
    """Left: told over exact H, a point a record; right: shares of runs warned of, by fate."""
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _times(left, read("alarms_times", data))
    _warned(right, read("alarms", data))
    return figure


def _times(axes: Axes, times: pd.DataFrame) -> None:
    colors = (COLOR["rlvr"], COLOR["walks"], COLOR["other"], COLOR["cut"], COLOR["sft"],
              COLOR["student"])  # fmt: skip
    for (name, part), color in zip(times.groupby("settings", sort=False), colors, strict=False):
        axes.plot(part["ratio"].clip(upper=1e8), part["told"], "o", ms=2.5, alpha=0.5, color=color,
                  mew=0, label=str(name))  # fmt: skip
    low, high = 0.8, min(1e8, float(times["ratio"].max()))
    line = np.array([low, high])
    axes.plot(line, line, color="black", lw=1, zorder=0)
    axes.axvline(LOST, color="black", lw=1, ls=":")
    axes.axhline(TOLD_LOST, color="black", lw=1, ls="--")
    log(axes, "x")
    log(axes, "y")
    axes.set_xlim(low, 1.3 * high)
    axes.set_ylim(low, 2 * float(times["told"].max()))
    axes.set_xlabel("H by the chain, over the optimum (10⁸: or more)")
    axes.set_ylabel("what 128 walks tell of it")
    axes.set_title("a point a record; line: told as it is\ndotted: a collapse; dashed: an alarm")
    axes.legend(loc="lower right", fontsize=8.5, frameon=True, markerscale=2)


def _warned(axes: Axes, runs: pd.DataFrame) -> None:
    height = 0.38
    for number, (alarm, label) in enumerate(ALARMS.items()):
        color = (COLOR["rlvr"], COLOR["base"])[number]
        for at, fate in enumerate(FATES):
            part = runs[runs["fate"] == fate]
            if part.empty:
                continue
            late = part["since"] + 0.1 + 1e-9 if fate == "collapsed" else np.inf
            told = int(((part[alarm] <= late) & np.isfinite(part[alarm])).sum())
            y = -at + (0.5 - number) * height
            axes.barh(y, told / len(part), height * 0.9, color=color,
                      label=label if at == 0 else None)  # fmt: skip
            axes.text(told / len(part) + 0.01, y, f"{told} of {len(part)}", va="center", fontsize=9)
    axes.set_yticks(-np.arange(len(FATES)), list(FATES.values()))
    axes.set_xlim(0, 1.25)
    axes.set_ylim(-len(FATES) + 0.4, 0.6)
    axes.set_xlabel("share of runs warned of (collapsed: in time)")
    axes.set_title("alarms")
    axes.legend(loc="lower right", fontsize=8.5, frameon=True)
