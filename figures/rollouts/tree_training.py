"""I14: exact mean p over steps of the environment, at one rate for all and at each one's best."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.style import legend, panels, read

METHODS = {
    "flat": ("flat groups of 16", "#000000", "-"),
    "few": ("flat groups of 12, a tree's cost", "#7f7f7f", "--"),
    "dynamic": ("dynamic sampling", "#56b4e9", "-"),
    "fixed": ("fixed trees", "#0072b2", "-"),
    "uucb": ("UUCB, first constants", "#d55e00", "-"),
    "oracle": ("oracle, V(1-V)", "#009e73", "-"),
    "ppo": ("PPO, with a critic", "#cc79a7", "-"),
    "others": ("fixed trees, outcomes of others", "#e69f00", ":"),
}
COMMON, TARGET = 0.1, 0.9


def draw(data: Path) -> Figure:
    """Curves at both rates; steps to the target of each pool."""
    runs, curves = read("tree_training", data), read("tree_training_curves", data)
    figure, axes = panels(3, width=14, height=4.6)
    for axis, common in zip(axes, (True, False), strict=False):
        for method, (label, color, style) in METHODS.items():
            mine = curves[curves["method"] == method]
            best = mine[mine["rate"] != COMMON]
            part = mine[mine["rate"] == COMMON] if common or not len(best) else best
            if not len(part):
                continue
            x = part["steps"] / 1000
            wide = 1.96 * part["std"].fillna(0) / np.sqrt(part["count"])
            axis.plot(x, part["mean"], color=color, ls=style, label=label)
            axis.fill_between(x, part["mean"] - wide, part["mean"] + wide, color=color, alpha=0.15,
                              lw=0)  # fmt: skip
        axis.axhline(TARGET, color="#999999", lw=0.8)
        axis.set_ylim(0, 1.02)
        axis.set_xlabel("thousand steps of the environment")
        axis.set_ylabel("exact mean p")
    axes[0].set_title(f"one rate for all: {COMMON:g}")
    axes[1].set_title("each at its own best rate")
    shown = [name for name in METHODS if name in set(runs["method"]) - {"others"}]
    labels = []
    for place, method in enumerate(reversed(shown)):
        label, color, _ = METHODS[method]
        mine = runs[runs["method"] == method]
        best = mine[mine["rate"] != COMMON]
        labels.append(f"{label}; best {best['rate'].iloc[0]:g}" if len(best) else label)
        for shift, part, marker in (
            (0.15, mine[mine["rate"] == COMMON], "o"),
            (-0.15, best, "D"),
        ):
            met = part["met"].astype(bool)
            for here, face in ((part[met], color), (part[~met], "none")):
                axes[2].plot(here["needed"] / 1000, np.full(len(here), place + shift), ls="",
                             marker=marker, ms=4, color=color, mfc=face, alpha=0.7)  # fmt: skip
    axes[2].set_yticks(range(len(shown)), labels)
    axes[2].set_xlabel("thousand steps; open: not met")
    axes[2].set_title(f"to 0.9: rate {COMMON:g} (circles), best (diamonds)")
    axes[2].set_xlim(left=0)
    legend(figure, axes[0], 4)
    return figure
