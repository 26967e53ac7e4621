"""Tabular PPO: H over environment steps, all seeds, to the exact optimum of each maze."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import STEPS, log, number
from figures.style import COLOR, legend, panels, read

STYLE = {
    "default": (COLOR["rlvr"], "-", "default settings"),
    "hasty": (COLOR["cut"], "--", "hasty: a critic blind to the goal, γ = 0.99, large steps"),
}


def draw(data: Path) -> Figure:
    """A panel a maze: median, quartiles and range over seeds; settings that collapse in theirs."""
    curves = read("ppo_curves", data)
    mazes = list(curves["maze"].drop_duplicates())
    figure, axes = panels(len(mazes), width=3.6 * len(mazes))
    for axis, maze in zip(axes, mazes, strict=True):
        part = curves[curves["maze"] == maze]
        optimum = part["optimum"].iloc[0]
        axis.axhline(optimum, color="black", lw=1, ls=":", zorder=3)
        seeds = []
        for settings, (color, style, _) in STYLE.items():
            runs = part[part["settings"] == settings]
            if runs.empty:
                continue
            steps = runs["steps"] / 1e6
            axis.fill_between(steps, runs["lowest"], runs["highest"], color=color, alpha=0.15, lw=0)
            axis.fill_between(steps, runs["low"], runs["high"], color=color, alpha=0.3, lw=0)
            axis.plot(steps, runs["median"], style, lw=1.3, color=color)
            count = int(runs["seeds"].iloc[0])
            seeds.append(f"{count} {'hasty ' * (settings == 'hasty')}seed{'s' * (count > 1)}")
        log(axis)
        name = ", ".join(maze.split()).replace("=", " = ") if "=" in maze else maze
        axis.set_title(f"{name}\noptimum {number(optimum)}; {', '.join(seeds)}", fontsize=9.5)
        axis.set_xlabel("environment steps, millions")
    for settings, (color, style, label) in STYLE.items():
        if settings in set(curves["settings"]):
            axes[0].plot([], [], style, color=color, label=f"PPO, {label}")
    axes[0].fill_between([], [], color=COLOR["rlvr"], alpha=0.3, lw=0, label="half of the seeds")
    axes[0].fill_between([], [], color=COLOR["rlvr"], alpha=0.15, lw=0, label="all seeds")
    axes[0].plot([], [], ":", color="black", lw=1, label="exact optimum")
    axes[0].set_ylabel(STEPS)
    legend(figure, axes[0], 5)
    return figure
