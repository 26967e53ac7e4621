"""A histogram of how hard problems are."""

from pathlib import Path

import numpy as np


def draw_histogram(success: np.ndarray, test: np.ndarray, limit: int, out: Path) -> None:
    """Draw p [X] of training and of held-out problems (`test` [X] bool) into a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axis = figure.subplots()
    # p of 0 and 1 are ends of the axis, so that nothing is left out.
    shown = np.clip(success, 1e-4, 1.0)
    edges = np.geomspace(1e-4, 1, 29).tolist()
    kinds = [shown[~test], shown[test]]
    axis.hist(
        kinds, edges, stacked=True, label=("training", "held out"), color=["#0072b2", "#e69f00"]
    )
    for bound, name in ((1 / 64, "1/64"), (0.2, ".2"), (0.8, ".8")):
        axis.axvline(bound, color="black", lw=0.8, ls=":")
        axis.text(bound, 1.0, name, transform=axis.get_xaxis_transform(), ha="center", va="bottom")
    axis.set_xscale("log")
    axis.set_xlabel(f"p = P(arrive within {limit} steps), base model; 10⁻⁴ or less at the left")
    axis.set_ylabel("problems")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(frameon=False)
    figure.savefig(out, dpi=150)
