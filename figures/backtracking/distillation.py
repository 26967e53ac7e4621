"""C5: students of an RLVR teacher's walks, with and without their dead ends."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import STEPS, log, sizes, ticks
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
    log(axes)
    ticks(axes, cells["depth"])
    axes.set_xlabel("depth K")
    axes.set_ylabel(STEPS)
    axes.set_title(f"H by what the student learns from, {sizes(cells.iloc[0], but='depth')}")
    axes.legend(loc="upper left")
    return figure
