"""A4: coverage, success and recovery, as the task and coverage share the updates."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import panels, read

ARMS = {
    "task": ("task alone", "#000000", "-"), "1 in 6": ("coverage 1 in 6", "#56b4e9", "-"),
    "1 in 2": ("coverage 1 in 2", "#0072b2", "-"), "coverage": ("coverage alone", "#009e73", "-"),
    "1 in 2, off": ("1 in 2, off every route", "#cc79a7", "--"),
    "entropy 0.03": ("entropy bonus 0.03", "#e69f00", ":"),
    "entropy 0.3": ("entropy bonus 0.3", "#d55e00", ":"),
}  # fmt: skip
COLUMNS = {
    "coverage": "coverage", "training": "success, training goals",
    "held_out": "success, goals held out", "recovery": "recovery at dead ends",
}  # fmt: skip
ROWS = {
    (False, False): "goal hidden\nfree rows", (False, True): "goal hidden\nshared rows",
    (True, False): "one known goal\nfree rows", (True, True): "one known goal\nshared rows",
}  # fmt: skip


def draw(data: Path) -> Figure:
    """Means over caves along training; a row of panels each way."""
    curves = read("exploration", data)
    figure, axes = panels(16, columns=4, width=14, height=2.9)
    for row, ((known, shared), name) in enumerate(ROWS.items()):
        own = curves[(curves["known"] == known) & (curves["shared"] == shared)]
        for column, (measure, title) in enumerate(COLUMNS.items()):
            axis = axes[4 * row + column]
            for arm, (label, color, style) in ARMS.items():
                mean = own[own["arm"] == arm].groupby("update")[measure].mean()
                axis.plot(mean.index, mean, color=color, ls=style, label=label)
            axis.set_ylim(0, 1.02 if measure == "training" else 0.75)
            if row == 0:
                axis.set_title(title)
            if row == len(ROWS) - 1:
                axis.set_xlabel("updates")
        axes[4 * row].set_ylabel(name)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7)
    return figure
