"""H with the arrival arc alone and with the whole walk in context, beside each exact optimum."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import STEPS, log, sizes
from figures.style import COLOR, legend, panels, read, side_by_side


def draw(data: Path) -> Figure:
    """One point a seed, with the 95% interval where H was estimated from walks."""
    rows = read("memory", data)
    figure, (axes,) = panels(1, width=7.5, height=4.2)
    groups = list(rows.assign(whole=rows["context"] > 1).groupby(["fork", "whole"]))
    for x, (_, part) in enumerate(groups):
        place = x + side_by_side(part["seed"])
        best = part["optimum"].iloc[0]
        axes.hlines(best, x - 0.35, x + 0.35, color="black", lw=1, zorder=1)
        axes.annotate(f"{best:g}", (x + 0.37, best), va="center", fontsize=9)
        exact = part["how"] == "exact"
        axes.plot(place[exact], part["time"][exact], "D", ms=5, color=COLOR["rlvr"])
        known = ~exact & (part["high"] < float("inf"))
        error = [part["time"] - part["low"], part["high"] - part["time"]]
        axes.errorbar(place[known], part["time"][known], yerr=[e[known] for e in error],
                      fmt="o", ms=4, capsize=2.5, elinewidth=1, color=COLOR["rlvr"])  # fmt: skip
        lost = ~exact & ~known
        axes.plot(place[lost], part["low"][lost], "^", mfc="none", color=COLOR["rlvr"])
    axes.plot([], [], "D", ms=5, color=COLOR["rlvr"], label="after PPO, solved exactly")
    if (rows["how"] == "walks").any():
        axes.errorbar([], [], yerr=[], fmt="o", ms=4, capsize=2.5, elinewidth=1,
                      color=COLOR["rlvr"], label="from walks, 95% interval")  # fmt: skip
    if not (rows["high"] < float("inf")).all():
        label = "lower bound: a walk got lost"
        axes.plot([], [], "^", mfc="none", color=COLOR["rlvr"], label=label)
    axes.plot([], [], color="black", lw=1, label="exact optimum")
    names = [
        f"reads {'whole walk' if whole else 'arrival arc'}\nfork "
        f"{'drawn by chance' if fork == 'chance' else 'learned'}"
        for (fork, whole), _ in groups
    ]
    axes.set_xticks(range(len(names)), names)
    if rows["time"].max() > 10 * rows["optimum"].max():
        log(axes)
    else:
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.set_ylabel(STEPS)
    axes.set_title(f"H after PPO by what the policy reads, one point a seed, {sizes(rows.iloc[0])}")
    legend(figure, axes, 4)
    return figure
