"""O5: weights of prompts after filters of groups, shares kept, and what is climbed."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

_SHOWN = {
    "all": ("unfiltered", "#000000", "o"),
    "mixed": ("mixed groups alone, filled up", "#0072b2", "s"),
    "redrawn": ("each prompt redrawn until mixed", "#d55e00", "^"),
    "spread": ("a quarter, of largest spread", "#009e73", "D"),
    "unrelated": ("control: by an unrelated signal", "#7f7f7f", "x"),
}


def draw(data: Path) -> Figure:
    """Exact lines, measured points; the objective from 0.01 to 0.99 as a share of all of it."""
    cells, curves = read("group_filters", data), read("group_filters_curves", data)
    size = int(cells["group"].max())
    figure, axes = panels(3, width=12, height=4.6)
    for name, (label, color, marker) in _SHOWN.items():
        line = curves[(curves["filter"] == name) & (curves["group"] == size)]
        part = cells[(cells["filter"] == name) & (cells["group"] == size)].sort_values("success")
        axes[0].plot(line["success"], line["weight"], color=color, lw=1.3)
        axes[0].errorbar(part["success"], part["measured"], yerr=1.96 * part["error"], ls="",
                         marker=marker, color=color, markersize=5, capsize=2,
                         label=label)  # fmt: skip
        axes[2].plot(line["success"], line["climbed"], "--" if name == "mixed" else "-",
                     color=color, lw=2.6 if name == "all" else 1.6)  # fmt: skip
        if part["kept"].notna().any():
            axes[1].plot(part["success"], part["kept_exact"], "-", color=color, lw=1.3)
            axes[1].plot(part["success"], part["kept"], ls="", marker=marker, color=color)
    axes[0].set_yscale("log")
    axes[0].set_ylabel("update along ∇p, over ∇p")
    axes[0].set_title(f"weight, groups of {size}")
    axes[1].set_ylabel("share of a prompt's groups that is kept")
    axes[1].set_title("16 kept of 64 drawn")
    axes[2].set_ylabel("share of what there is to climb")
    axes[2].set_title("objective, from p = 0.01 to 0.99")
    for axis in axes:
        axis.set_xlabel("success probability p of the prompt")
    legend(figure, axes[0], 3)
    return figure
