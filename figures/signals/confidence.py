"""A6: success along training, confidence along the walk, and a reliability diagram."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

ARMS = {
    "outcome": ("answer alone", "#000000", "-"),
    "scaled": ("answer, half as much again", "#7f7f7f", "--"),
    "confidence": ("confidence", "#0072b2", "-"),
    "reversed": ("confidence, reversed", "#d55e00", "-"),
    "potential": ("potential of its own confidence", "#e69f00", ":"),
    "own answer": ("confidence in its own answer", "#cc79a7", "-"),
}
WORLDS = {"hidden": "goal hidden", "unread": "hidden, head does not read", "told": "goal told"}


def draw(data: Path) -> Figure:
    """Means over trees: success or its worth, c_k at the end; answers at the end by confidence."""
    curves, along = read("confidence", data), read("confidence_along", data)
    bins = read("confidence_bins", data)
    figure, axes = panels(8, columns=4, width=14, height=3.8)
    for column, (world, title) in enumerate(WORLDS.items()):
        for arm, (label, color, style) in ARMS.items():
            own = curves[(curves["world"] == world) & (curves["arm"] == arm)]
            mean = own.groupby("update")["worth"].mean()
            axes[column].plot(mean.index, mean, color=color, ls=style, label=label)
            own = along[(along["world"] == world) & (along["arm"] == arm)]
            mean = own.groupby("checkpoint")["right"].mean()
            axes[4 + column].plot(mean.index, mean, color=color, ls=style, marker=".")
        axes[column].set(title=title, xlabel="updates", ylim=(0.3, 1.02))
        axes[4 + column].set(xlabel="checkpoint k (after k/5 of the walk)", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("success less cost of moves")
    axes[4].set_ylabel("confidence $c_k$ after training")
    for axis, world in ((axes[3], "hidden"), (axes[7], "unread")):
        for arm in ("outcome", "confidence", "own answer"):
            own = bins[(bins["world"] == world) & (bins["arm"] == arm)]
            pooled = own.assign(
                sure=own["mass"] * own["confidence"], hit=own["mass"] * own["right"]
            ).groupby("bin")[["mass", "sure", "hit"]].sum()  # fmt: skip
            share = pooled["mass"] / pooled["mass"].sum()
            axis.scatter(pooled["sure"] / pooled["mass"], pooled["hit"] / pooled["mass"],
                         s=12 + 200 * share, color=ARMS[arm][1], alpha=0.7,
                         clip_on=False)  # fmt: skip
        axis.plot([0, 1], [0, 1], color="black", lw=0.6, ls=":")
        axis.set(xlabel="confidence in an answer", ylabel="how often it is right",
                 title=f"reliability, {WORLDS[world]}", xlim=(0, 1), ylim=(0, 1))  # fmt: skip
    legend(figure, axes[0], columns=6)
    return figure
