"""B4: tries for an even chance, by forks in series and by the steps of a try."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import log, ticks
from figures.style import legend, panels, read

_COLORS = ("#d55e00", "#e69f00", "#cc79a7", "#56b4e9", "#0072b2")


def draw(data: Path) -> Figure:
    """A panel a policy; lines are budgets, dashed above the policy's mean time."""
    cells = read("chained_forks", data)
    policies = sorted(cells["right"].unique())
    figure, axes = panels(len(policies), width=10.5, height=4.2)
    for axis, right in zip(axes, policies, strict=True):
        mine = cells[cells["right"] == right]
        mean = mine["mean_time"].iloc[0]
        for color, (budget, line) in zip(_COLORS, mine.groupby("budget"), strict=True):
            axis.plot(line["forks"], line["tries"], "o-" if budget < mean else "o--", color=color,
                      markersize=4, label=f"T = {budget:g} × distance")  # fmt: skip
        axis.axhline(1, color="black", lw=0.8, ls=":")
        axis.set_xscale("log")
        ticks(axis, mine["forks"])
        log(axis)
        axis.set_ylim(0.01, 1e6)
        axis.set_xlabel("forks in series")
        axis.set_title(f"right arm with {right:.2f}:\nmean time {mean:.3g} × distance")
    axes[0].set_ylabel("tries for an even chance")
    legend(figure, axes[0], 5)
    return figure
