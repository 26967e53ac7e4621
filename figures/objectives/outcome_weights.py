"""O1: the weight by which each member of GRPO's family climbs the gradient of success."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

# Name → what it is called, and its colour and marker; others of the family are near one of them.
SHOWN = {
    "spread": ("GRPO (÷ spread)", "#0072b2", "o"),
    "clipped": ("GRPO, clipped at 2.5", "#56b4e9", "s"),
    "positives": ("positives of GRPO", "#cc79a7", "v"),
    "mean": ("Dr. GRPO (mean of the group)", "#7f7f7f", "D"),
    "leave_one_out": ("RLOO", "#000000", "^"),
    "own_successes": ("mean over own successes", "#d55e00", "P"),
    "pass_at_k": ("pass@4 (PKPO)", "#009e73", "X"),
    "pass_at_k_spread": ("pass@4, ÷ its spread", "#e69f00", "*"),
}


def draw(data: Path) -> Figure:
    """Weights over p, exact (lines) and measured (points); and all deviations."""
    cells, curves = read("outcome_weights", data), read("outcome_weights_curves", data)
    sizes = sorted(cells["group"].unique())
    figure, axes = panels(3, width=11.5, height=4.6)
    for axis, size in zip(axes, sizes, strict=False):
        for method, (label, color, marker) in SHOWN.items():
            line = curves[(curves["method"] == method) & (curves["group"] == size)]
            axis.plot(line["success"], line["weight"], color=color, lw=1.3, zorder=2)
            part = cells[(cells["method"] == method) & (cells["group"] == size)]
            axis.errorbar(part["success"], part["measured"], yerr=1.96 * part["error"], ls="",
                          marker=marker, color=color, markersize=6, capsize=2, zorder=3,
                          label=label)  # fmt: skip
        axis.set_yscale("log")
        axis.set_ylim(0.02, 20)
        axis.set_yticks([0.03, 0.1, 0.3, 1, 3, 10], ["0.03", "0.1", "0.3", "1", "3", "10"])
        axis.minorticks_off()
        axis.set_xlabel("success probability p of the prompt")
        axis.set_title(f"groups of {size}")
    axes[0].set_ylabel("update along ∇p, over ∇p")
    judged = cells[cells["method"] != "with a step penalty"]
    costly = cells[cells["method"] == "with a step penalty"]
    for part, label, color, marker in (
        (judged, "every update: along ∇p, and beside it", "#0072b2", "o"),
        (costly, "control: with a step penalty", "#d55e00", "X"),
    ):
        axes[2].plot(part["deviation"], part["common"], ls="", marker=marker, color=color,
                     markersize=5, alpha=0.7, label=label)  # fmt: skip
    far, high = max(cells["deviation"].abs().max(), 5), max(cells["common"].abs().max() + 1, 5)
    for bound in (-4, 4):
        axes[2].axvline(bound, color="black", lw=0.8, ls=":")
        axes[2].axhline(bound, color="black", lw=0.8, ls=":")
    axes[2].set_xscale("symlog", linthresh=5)
    places = [x for x in (-100, -20, -4, 0, 4, 20, 100) if abs(x) < 2 * far]
    axes[2].set_xticks(places, map(str, places))
    axes[2].set_xlim(-1.5 * far, 1.5 * far)
    axes[2].minorticks_off()
    axes[2].set_ylim(min(cells["common"].min() - 1, -5) * 1.5, 1.5 * high)
    axes[2].set_xlabel("deviation of the weight, standard errors")
    axes[2].set_ylabel("another direction, standard errors")
    axes[2].set_title("measured against exact")
    axes[2].legend(loc="upper center", fontsize=8, frameon=True, framealpha=1, edgecolor="none")
    legend(figure, axes[0], 4)
    return figure
