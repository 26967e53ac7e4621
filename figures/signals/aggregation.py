"""A1: what a mean of microbatch means ends at, and how fast trainers with a fault get there."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from figures.scales import ticks
from figures.style import panels, read

LIMITS = {30: ("#d55e00", "within 30 steps"), 200: ("#0072b2", "within 200 steps")}
FAULTS = {
    "none": ("all tokens alike", "#000000"),
    "mean of microbatch means": ("mean of means", "#d55e00"),
    "first microbatch alone": ("first of 16 alone", "#009e73"),
}


def draw(data: Path) -> Figure:
    """H and distance over the walks of a microbatch; excess loss along training."""
    points, training = read("aggregation", data), read("aggregation_training", data)
    right = points[np.isinf(points["walks"])].set_index(["world", "seed", "limit"])["time"]
    finite = points[np.isfinite(points["walks"])]
    figure, axes = panels(4, width=15, height=4.3)
    for (world, seed, limit), part in finite.groupby(["world", "seed", "limit"]):
        color, label = LIMITS[int(limit)]
        cave = world == "caves"
        alpha, lw = (0.35, 0.9) if cave else (1.0, 2.2)
        named = None if cave else f"corridor, {label}"
        for axis, values in (
            (axes[0], part["time"] / right[world, seed, limit]), (axes[1], part["apart"]),
        ):  # fmt: skip
            axis.plot(part["walks"], values, color=color, alpha=alpha, lw=lw, label=named)
    axes[0].axhline(1, color="black", lw=0.8, ls=":")
    axes[0].plot([], [], color="#777777", lw=0.9, label="thin: caves")
    axes[0].set_ylabel("H over that of all tokens alike")
    axes[0].set_title("one walk a microbatch moves H,\nup or down (a line a maze)")
    axes[0].legend(fontsize=8)
    walks = np.array([1, 64])
    axes[1].plot(walks, 0.06 / walks, color="black", lw=0.8, ls=":")
    axes[1].annotate("1 / walks", (14, 0.006), fontsize=8)
    axes[1].set_yscale("log")
    axes[1].set_ylabel("rows' distance from the right ones (variation)")
    axes[1].set_title("what is left of it in\nlarger microbatches")
    for axis in axes[:2]:
        axis.set_xscale("log")
        ticks(axis, finite["walks"])
        axis.set_xlabel("walks a microbatch")
    for axis, optimizer, name in ((axes[2], "sgd", "plain steps"), (axes[3], "adam", "Adam")):
        for fault, (label, color) in FAULTS.items():
            part = training[(training["optimizer"] == optimizer) & (training["fault"] == fault)]
            axis.plot(part["update"], part["whole"], color=color, label=label)
            if fault.startswith("mean"):
                axis.plot(part["update"], part["each"], color=color, ls="--",
                          label="the same, by its own weights")  # fmt: skip
        axis.set_yscale("log")
        axis.set_ylim(7e-4, 0.06)
        axis.set_xlabel("updates")
        axis.set_ylabel("loss above the least, nats a token")
        axis.set_title(f"trained, {name}\n(mean over seeds)")
        axis.legend(fontsize=8, loc="upper right")
    return figure
