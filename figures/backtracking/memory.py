"""H with the arrival arc alone and with the whole walk in context, beside each exact optimum."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, panels, read


def draw(data: Path) -> Figure:
    """One point a seed, with the 95% interval where H was estimated from walks."""
    rows = read("memory", data)
    figure, axes = panels(1, width=7.5, height=3.9)
    groups = list(rows.assign(whole=rows["context"] > 1).groupby(["fork", "whole"]))
    for x, (_, part) in enumerate(groups):
        place = x + 0.08 * (part["seed"] - part["seed"].mean())
        known = part["high"] < float("inf")
        error = [part["time"] - part["low"], part["high"] - part["time"]]
        axes[0].errorbar(place[known], part["time"][known], yerr=[e[known] for e in error],
                         fmt="o", ms=5, capsize=2, color=COLOR["rlvr"])  # fmt: skip
        axes[0].plot(place[~known], part["low"][~known], "^", mfc="none", color=COLOR["rlvr"])
        best = part["optimum"].iloc[0]
        axes[0].hlines(best, x - 0.35, x + 0.35, color="black", lw=1.5)
        axes[0].annotate(f"{best:g}", (x + 0.37, best), va="center", fontsize=9)
    axes[0].plot([], [], "o", ms=5, color=COLOR["rlvr"], label="trained by PPO, one seed each")
    if not (rows["high"] < float("inf")).all():
        label = "lower bound: a walk got lost"
        axes[0].plot([], [], "^", mfc="none", color=COLOR["rlvr"], label=label)
    axes[0].plot([], [], color="black", lw=1.5, label="exact optimum")
    names = [
        f"{'whole walk' if whole else 'arrival arc alone'}\nfork "
        f"{'drawn by chance' if fork == 'chance' else 'learned'}"
        for (fork, whole), _ in groups
    ]
    axes[0].set_xticks(range(len(names)), names)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel("expected steps to the goal, H")
    size = rows.iloc[0]
    axes[0].set_title(f"W = {size['width']}, K = {size['depth']}, L = {size['lanes']}")
    axes[0].legend(loc="lower right")
    return figure
