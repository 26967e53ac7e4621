"""H over the optimum after SFT where the conditions are kinder to it."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, panels, read


def draw(data: Path) -> Figure:
    """One point a seed: transformers and free rows on the same walks."""
    cells = read("steelman", data)
    conditions = list(cells["condition"].drop_duplicates())
    figure, axes = panels(1, width=8.5, height=4.0)
    for x, condition in enumerate(conditions):
        part = cells[cells["condition"] == condition]
        jitter = 0.06 * (part["seed"] - part["seed"].mean())
        axes[0].plot(x - 0.12 + jitter, part["ratio"], "o", ms=5, alpha=0.8, color=COLOR["sft"])
        axes[0].plot(x + 0.18 + jitter, part["rows_ratio"], "s", ms=4, mfc="none",
                     color=COLOR["student"])  # fmt: skip
    axes[0].axhline(1, color="black", lw=1, label="optimum of the condition")
    axes[0].plot([], [], "o", color=COLOR["sft"], label="transformer, one seed each")
    axes[0].plot([], [], "s", mfc="none", color=COLOR["student"], label="free rows, same walks")
    names = {
        "golden": "golden paths\nalone", "goal visible": "goal\nvisible",
        "L = 1": "golden,\nL = 1",
    }  # fmt: skip
    axes[0].set_xticks(
        range(len(conditions)), [names.get(c, f"{c} of walks\nbacktrack") for c in conditions]
    )
    axes[0].set_yscale("log")
    axes[0].set_ylabel("H after SFT / H of the optimum")
    size = cells.iloc[0]
    axes[0].set_title(f"W = {size['width']}, K = {size['depth']}, L = {size['lanes']}")
    axes[0].legend(loc="upper center")
    return figure
