"""Environment steps, or tokens, until H is within 5% of the optimum."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log, ticks
from figures.style import COLOR, panels, read

NAME = {"ppo": "PPO: environment steps", "student": "SFT on the best walks: tokens"}


def draw(data: Path) -> Figure:
    """Points: one seed each. Lines: fitted powers."""
    cells, fits = read("training_cost", data), read("training_cost_fits", data)
    lanes = cells["lanes"].mode()[0]
    lines = {
        ("W·K", f"W·K, width times depth (L = {lanes})"): cells[cells["lanes"] == lanes],
        ("L", "lanes L (W = K = 4)"): cells[(cells["width"] == 4) & (cells["depth"] == 4)],
    }
    # A small grid varies one of them alone.
    shown = {names: part for names, part in lines.items() if part["x_" + names[0]].nunique() > 1}
    figure, axes = panels(len(shown), width=5.0 * len(shown), height=4.4)
    for axis, ((along, label), part) in zip(axes, shown.items(), strict=True):
        _costs(axis, part, fits[fits["along"] == along], along)
        axis.set_xlabel(label)
        fitted = "; powers with 95% intervals" if along in set(fits["along"]) else ""
        axis.set_title(f"cost of training by {along}{fitted}")
    axes[0].set_ylabel("steps or tokens until H ≤ 1.05 × optimum")
    return figure


def _costs(axes: Axes, part: pd.DataFrame, fits: pd.DataFrame, along: str) -> None:
    log(axes, "x")
    log(axes)
    for method, label in NAME.items():
        color = COLOR["rlvr" if method == "ppo" else "student"]
        points = part[part["method"] == method]
        axes.plot(points["x_" + along], points["cost"], "o", ms=4, alpha=0.8, color=color,
                  label=label)  # fmt: skip
        for row in fits[fits["method"] == method].to_dict("records"):
            x = np.array([points["x_" + along].min(), points["x_" + along].max()])
            base = f"({along})" if "·" in along else along
            axes.plot(x, row["amplitude"] * x ** row["exponent"], lw=1, color=color,
                      label=f"∝ {base}$^{{{row['exponent']:.2f}}}$  "
                      f"[{row['low']:.2f}, {row['high']:.2f}]")  # fmt: skip
    golden = part[part["method"] == "golden"]["cost"]
    if np.isinf(golden).all():
        axes.plot([], [], " ", label=f"SFT on golden paths: never ({len(golden)} runs)")
    ticks(axes, part["x_" + along])
    axes.set_ylim(top=axes.get_ylim()[1] * 8)  # room for the legend
    axes.legend(loc="upper left", fontsize=8.5)
