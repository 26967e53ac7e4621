"""I1 and I2: the share of useful groups over their size, and the pools that decide it."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import ticks
from figures.style import legend, panels, read

SHOWN = {
    "flat": ("45% in (.2, .8), others within 1e-4 of 0 or 1", "#0072b2", "o"),
    "near": ("45% in (.2, .8), others at .01", "#d55e00", "s"),
    "beta": ("Beta(.1, .3)", "#009e73", "^"),
    "caves": ("goals of a cave, base model", "#000000", "D"),
}


def draw(data: Path) -> Figure:
    """Useful groups, exact (lines) and walked (points); the pools; what a step penalty does."""
    cells, lines = read("collapse", data), read("collapse_lines", data)
    pools = read("collapse_pools", data)
    figure, axes = panels(3, width=12, height=4.6)
    for name, (label, color, marker) in SHOWN.items():
        line, part = lines[lines["pool"] == name], cells[cells["pool"] == name]
        axes[0].plot(line["group"], line["useful"], color=color, lw=1.3)
        axes[0].errorbar(part["group"], 1 - part["silent"], yerr=1.96 * part["error"], ls="",
                         marker=marker, color=color, ms=5, capsize=2, label=label)  # fmt: skip
        mine = pools[pools["pool"] == name]
        axes[1].step(mine["success"], (mine["rank"] + 1) / len(mine), color=color, where="post")
    axes[0].axhline(0.45, color="black", lw=0.8, ls=":")
    axes[0].axvspan(8, 32, color="black", alpha=0.05, lw=0)
    axes[0].annotate("told of the paper: 45%\nfrom 8 to 32", (8.4, 0.02), fontsize=8)
    axes[0].set_ylabel("share of groups with spread")
    axes[1].set_xlabel("exact success probability p")
    axes[1].set_ylabel("share of the pool's problems below")
    axes[1].set_title("what decides it")
    caves = cells[cells["pool"] == "caves"]
    for what, error, label, color, marker in (
        ("silent", "error", "no penalty: p^N + (1-p)^N", "#000000", "D"),
        ("penalised", "penalised_error", "penalty: (1-p)^N + Σ P(τ = t)^N", "#cc79a7", "X"),
    ):
        exact = "exact" if what == "silent" else "penalised_exact"
        axes[2].plot(caves["group"], caves[exact], color=color, lw=1.3)
        axes[2].errorbar(caves["group"], caves[what], yerr=1.96 * caves[error], ls="",
                         marker=marker, color=color, ms=5, capsize=2, label=label)  # fmt: skip
    axes[2].set_ylabel("share of groups without spread")
    axes[2].set_title("the cave, with and without a step penalty")
    axes[2].legend(fontsize=8)
    for axis in (axes[0], axes[2]):
        axis.set_xscale("log")
        ticks(axis, cells["group"])
        axis.set_ylim(0, 1)
        axis.set_xlabel("walks a group, N")
    axes[0].set_title("lines exact, points walked")
    legend(figure, axes[0], 4)
    return figure
