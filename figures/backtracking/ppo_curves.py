"""Tabular PPO: H over environment steps, every seed, to the exact optimum of each maze."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import STEPS, log, number
from figures.style import COLOR, legend, panels, read

STYLE = {
    "default": (COLOR["rlvr"], "-", "PPO, default settings, one line a seed"),
    "hasty": (COLOR["cut"], "--", "PPO, hasty: γ = 0.99, 64 × 128 steps an update, rate 0.02"),
}


def draw(data: Path) -> Figure:
    """A panel a maze; settings that collapse in the maze where they were tried."""
    curves = read("ppo_curves", data)
    mazes = list(curves["maze"].drop_duplicates())
    figure, axes = panels(len(mazes), width=4.0 * len(mazes))
    for axis, maze in zip(axes, mazes, strict=True):
        part = curves[curves["maze"] == maze]
        optimum = part["optimum"].iloc[0]
        axis.axhline(optimum, color="black", lw=1, ls=":", zorder=3)
        seeds = []
        for settings, (color, style, _) in STYLE.items():
            runs = part[part["settings"] == settings].groupby("seed")
            for _, run in runs:
                axis.plot(run["steps"] / 1e6, run["time"], style, lw=1, alpha=0.8, color=color)
            if len(runs):
                plural = "s" * (len(runs) > 1)
                seeds.append(f"{len(runs)} {'hasty ' * (settings == 'hasty')}seed{plural}")
        log(axis)
        name = ", ".join(maze.split()).replace("=", " = ") if "=" in maze else f"branches of {maze}"
        axis.set_title(f"{name}\noptimum {number(optimum)}; {', '.join(seeds)}")
        axis.set_xlabel("environment steps, millions")
    for settings, (color, style, label) in STYLE.items():
        if settings in set(curves["settings"]):
            axes[0].plot([], [], style, color=color, label=label)
    axes[0].plot([], [], ":", color="black", lw=1, label="exact optimum")
    axes[0].set_ylabel(STEPS)
    legend(figure, axes[0], 3)
    return figure
