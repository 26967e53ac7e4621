"""A3: success after imitation of data built backward; demonstrations by how long they took."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.scales import ticks
from figures.style import panels, read

WAYS = {
    "each": ("named after every vertex", "#009e73"),
    "hindsight": ("named after the last", "#0072b2"),
    "forward": ("walked for a goal", "#d55e00"),
}
METHODS = {
    "base": "base, or\nnothing\nrenamed", "forward": "walked\nfor a\ngoal",
    "hindsight": "named\nafter the\nlast vertex", "cut": "the same,\ncut",
    "patient": "long ones,\nmore time", "impatient": "short ones,\nmore time",
}  # fmt: skip
KINDS = {
    "impatient": ("short", "#d55e00", "o"), "dithering": ("as long, dithering", "#cc79a7", "s"),
    "patient": ("long", "#0072b2", "^"),
}  # fmt: skip
_TOP = 1e7  # where infinity is drawn


def draw(data: Path) -> Figure:
    """From walks, by budget; of endless demonstrations; and H where the goal is hidden."""
    exact, walks = read("back_chained", data), read("back_chained_walks", data)
    hidden, unhurried = read("back_chained_hidden", data), read("back_chained_unhurried", data)
    figure, axes = panels(3, width=14.5, height=4.4)
    for method, (label, color) in WAYS.items():
        own = walks[walks["method"] == method]
        for _, part in own.groupby("seed"):
            axes[0].plot(part["walks"], part["p"], color=color, alpha=0.2, lw=0.7)
        mean = own.groupby("walks")["p"].mean()
        axes[0].plot(mean.index, mean, color=color, lw=2.4, marker="o", label=label)
    axes[0].set_xscale("log")
    ticks(axes[0], walks["walks"])
    axes[0].set(xlabel="walks", ylabel="success within T, mean over goals", ylim=(0, 1.02))
    axes[0].set_title("free rows imitate N walks\n(thin: a pool)")
    axes[0].legend(loc="lower right", fontsize=8)
    for place, method in enumerate(METHODS):
        table = unhurried if method in KINDS else exact
        p = table[table["method"] == method]["p"]
        axes[1].plot(np.full(len(p), place) + np.linspace(-0.2, 0.2, len(p)), p, "o",
                     color=WAYS.get(method, ("", "#555555"))[1], ms=3.5)  # fmt: skip
    axes[1].set_xticks(range(len(METHODS)), METHODS.values(), fontsize=7.5)
    axes[1].set(ylabel="success within T, mean over goals", ylim=(0, 1.02))
    axes[1].set_title("endless demonstrations, goal seen\n(a point a pool)")
    for name, (label, color, marker) in KINDS.items():
        ratio = (hidden[name] / hidden["base"]).to_numpy()
        never, graphs = np.isinf(ratio), np.arange(len(hidden))
        axes[2].plot(graphs[~never], ratio[~never], marker, color=color, label=label, ms=5)
        axes[2].plot(graphs[never], np.full(never.sum(), _TOP), marker, color=color, mfc="none",
                     ms=5 + 3 * (name == "dithering"))  # fmt: skip
    axes[2].axhline(1, color="black", lw=0.8, ls=":")
    axes[2].set_yscale("log")
    axes[2].set_xticks([])
    axes[2].set(xlabel="three corridors, then caves", ylabel="H over that of the walker")
    axes[2].set_title("goal hidden: demonstrations by length\n(hollow: H is infinite)")
    axes[2].set_ylim(0.3, 3e8)
    axes[2].legend(fontsize=8, loc="upper center", ncols=3, columnspacing=1)
    return figure
