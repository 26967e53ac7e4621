"""C5: students of an RLVR teacher's walks, with and without their dead ends."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, panels, read

SHOWN = {
    "cut": ("walks with dead ends cut out", COLOR["cut"], "s-"),
    "walks": ("sampled walks", COLOR["walks"], "o-"),
    "exact": ("exact visits", COLOR["student"], "x"),
}


def draw(data: Path) -> Figure:
    """H of teacher and students against depth."""
    cells = read("distillation", data)
    figure, (axes,) = panels(1, width=6.0)
    for shown, (label, color, style) in SHOWN.items():
        part = cells[cells["shown"] == shown].sort_values("depth")
        axes.plot(part["depth"], part["time"], style, color=color, label=f"student of {label}")
    teacher = cells[cells["shown"] == "exact"].sort_values("depth")
    axes.plot(teacher["depth"], teacher["teacher_time"], "--", color="black", lw=1,
              label="RLVR teacher")  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("depth K")
    axes.set_ylabel("expected steps to the goal, H")
    axes.set_title(f"W = {cells['width'].iloc[0]}, L = {cells['lanes'].iloc[0]}")
    axes.legend()
    return figure
