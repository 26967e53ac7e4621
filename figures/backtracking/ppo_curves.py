"""Tabular PPO: H over environment steps, every seed, to the exact optimum of each maze."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, panels, read


def draw(data: Path) -> Figure:
    """A panel a maze; settings that collapse in the maze where they were tried."""
    curves = read("ppo_curves", data)
    mazes = list(curves["maze"].drop_duplicates())
    figure, axes = panels(len(mazes), width=4.0 * len(mazes), height=3.8)
    for axis, maze in zip(axes, mazes, strict=True):
        part = curves[curves["maze"] == maze]
        for (settings, _), run in part.groupby(["settings", "seed"]):
            hasty = settings == "hasty"
            axis.plot(
                run["steps"] / 1e6, run["time"], lw=1.0, alpha=0.8,
                color=COLOR["cut"] if hasty else COLOR["rlvr"], ls="--" if hasty else "-",
            )  # fmt: skip
        axis.axhline(part["optimum"].iloc[0], color="black", lw=1)
        axis.plot([], [], color="black", lw=1, label=f"exact optimum, {part['optimum'].iloc[0]:g}")
        for settings, color, style, label in (
            ("default", COLOR["rlvr"], "-", "PPO, default settings"),
            ("hasty", COLOR["cut"], "--", "γ = 0.99, 64 × 128 steps an\nupdate, rate 0.02"),
        ):
            seeds = part[part["settings"] == settings]["seed"].nunique()
            if seeds:
                axis.plot([], [], style, color=color, label=f"{label} ({seeds} seeds)")
        axis.set_yscale("log")
        axis.set_title(maze)
        axis.set_xlabel("environment steps, millions")
        axis.legend(loc="upper right", fontsize=8)
    axes[0].set_ylabel("expected steps to the goal, H")
    return figure
