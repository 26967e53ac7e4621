"""A8: GRPO with answers beside it, and with what says nothing of the map."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import panels, read

ARMS = {
    "GRPO": ("GRPO alone", "#000000"),
    "answers": ("answers", "#0072b2"),
    "permuted": ("answers permuted among arcs", "#56b4e9"),
    "port": ("number of the port taken", "#d55e00"),
    "entropy": ("a bonus for entropy instead", "#009e73"),
}
POOLS = {"near 0": "random walk's success below 0.006", "near half": "between 0.2 and 0.8"}


def draw(data: Path) -> Figure:
    """Mean success along training, a panel a pool; at the end, a dot a cave."""
    rows = read("environment_tokens", data)
    nets = rows[~rows["rows"]]
    figure, axes = panels(3, width=13, height=4.3)
    for axis, (pool, title) in zip(axes, POOLS.items(), strict=False):
        own = nets[nets["pool"] == pool]
        mean = own.groupby(["arm", "update"])["success"].mean()
        for arm, (label, color) in ARMS.items():
            if arm in mean.index.get_level_values(0):
                axis.plot(mean[arm].index, mean[arm], marker=".", color=color, label=label)
        axis.set(xlabel="updates", ylabel="success (mean over caves)", ylim=(0, 1.03))
        axis.set_title(f"{pool}:\n{title}")
    if axes[0].lines:
        axes[0].legend(fontsize=8)
    end = nets[(nets["pool"] == "near 0") & (nets["update"] == nets["update"].max())]
    for n, (arm, (_, color)) in enumerate(ARMS.items()):
        own = end[end["arm"] == arm]["success"]
        axes[2].plot([n] * len(own), own, "o", color=color, alpha=0.5)
        if len(own):
            axes[2].plot([n - 0.25, n + 0.25], [own.mean()] * 2, color=color, lw=3)
    axes[2].set_xticks(range(len(ARMS)), ["GRPO", "answers", "permuted", "port", "entropy"])
    axes[2].set(ylabel="success at the end", ylim=(0, 1.03))
    axes[2].set_title("near 0, at the end:\na dot a cave, their mean")
    return figure
