"""Environment steps, or tokens, until H is within 5% of the optimum."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures.style import COLOR, panels, read

NAME = {"ppo": "PPO: environment steps", "student": "SFT on the best walks: tokens"}


def draw(data: Path) -> Figure:
    """Points: one seed each. Lines: fitted powers."""
    cells, fits = read("training_cost", data), read("training_cost_fits", data)
    figure, axes = panels(2, height=4.0)
    lines = {
        "W·K": cells[cells["lanes"] == cells["lanes"].mode()[0]],
        "L": cells[(cells["width"] == 4) & (cells["depth"] == 4)],
    }
    for axis, (along, part) in zip(axes, lines.items(), strict=True):
        if part.empty:  # a small grid varies one of them alone
            axis.axis("off")
            continue
        for method, label in NAME.items():
            color = COLOR["rlvr" if method == "ppo" else "student"]
            points = part[part["method"] == method]
            axis.plot(points["x_" + along], points["cost"], "o", ms=4, alpha=0.8, color=color,
                      label=label)  # fmt: skip
            fit = fits[(fits["method"] == method) & (fits["along"] == along)]
            if len(fit) and len(points):
                row = fit.iloc[0]
                x = np.array([points["x_" + along].min(), points["x_" + along].max()])
                axis.plot(x, row["amplitude"] * x ** row["exponent"], lw=1, color=color,
                          label=f"∝ ({along})$^{{{row['exponent']:.2f}}}$  "
                          f"[{row['low']:.2f}, {row['high']:.2f}]")  # fmt: skip
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(sorted(part["x_" + along].unique()))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel(along)
        axis.legend(fontsize=8)
    axes[0].set_ylabel("training until H ≤ 1.05 × optimum")
    return figure
