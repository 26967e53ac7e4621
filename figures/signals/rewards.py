"""A5: success against reward as training on each reward goes on, and accuracy on pairs."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import legend, panels, read

ARMS = {
    "end": ("end state", "#000000", "-"), "weak check": ("passes at a decoy", "#e69f00", "-"),
    "whole path": ("path to the letter", "#009e73", "-"),
    "agreement": ("moves of the path", "#d55e00", "-"), "near": ("time near", "#cc79a7", "-"),
    "checklist": ("checklist", "#56b4e9", "-"), "additive": ("additive bonus", "#d55e00", "--"),
    "gated": ("gated bonus", "#0072b2", "--"),
    "end, then path": ("end, then letter", "#7f7f7f", ":"),
    "path, then end": ("letter, then end", "#009e73", ":"),
}  # fmt: skip
# Others pay for arrival, and are right on all of the base's pairs.
PAIRS = ("weak check", "whole path", "agreement", "near")


def draw(data: Path) -> Figure:
    """Means over caves along training; then each cave's accuracy and success."""
    curves = read("rewards", data)
    figure, axes = panels(4, columns=2, width=11, height=4)
    for axis, measure, title in (
        (axes[0], "success", "success p"), (axes[1], "reward", "reward (each its own)"),
        (axes[2], "whole", "P(demonstration to the letter)"),
    ):  # fmt: skip
        for arm, (label, color, style) in ARMS.items():
            mean = curves[curves["arm"] == arm].groupby("update")[measure].mean()
            axis.plot(mean.index, mean, color=color, ls=style, label=label)
        axis.set(xlabel="updates", title=title, ylim=(0, None))
    base = curves[curves["update"] == 0].set_index(["arm", "seed"])
    end = curves[curves["update"] == curves["update"].max()].set_index(["arm", "seed"])
    for arm in PAIRS:
        axes[3].scatter(
            base["accuracy"][arm], end["success"][arm], s=22, color=ARMS[arm][1], alpha=0.7,
            clip_on=False,
        )  # fmt: skip
    axes[3].set(xlabel="accuracy on the base's pairs", ylabel="success p after training",
                title="each cave, four rewards", ylim=(0, 1))  # fmt: skip
    legend(figure, axes[0], columns=5)
    return figure
