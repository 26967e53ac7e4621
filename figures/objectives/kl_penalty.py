"""O3: what a KL to the base pulls by estimator and place, and where it leads to."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import legend, panels, read

_KINDS = {
    ("k1", "reward"): ("#000000", "o"), ("k2", "loss"): ("#0072b2", "s"),
    ("k3", "loss"): ("#009e73", "D"), ("k1", "loss"): ("#7f7f7f", "v"),
    ("k2", "reward"): ("#d55e00", "P"), ("k3", "reward"): ("#cc79a7", "X"),
}  # fmt: skip
_SHOWN = ("tree", 9)


def draw(data: Path) -> Figure:
    """Ends of ascents beside the optima; the gain that is kept; pulls beside that of the KL."""
    ends, optima, pulls = (
        read(f"kl_penalty{name}", data) for name in ("", "_optima", "_pulls")
    )  # fmt: skip
    figure, axes = panels(4, columns=2, width=10.5, height=4.1)
    _frontier(axes[0], ends, optima)
    _kept(axes[1], ends)
    for axis, name in zip(axes[2:], ("cosine", "length"), strict=True):
        _pulled(axis, pulls, name)
    axes[2].set_ylabel("cosine with the slope of the KL of walks")
    axes[3].set_ylabel("length over the KL's (0 is drawn at 0.0003)")
    axes[3].set_yscale("log")
    axes[3].axhline(1, color="black", lw=0.8, ls=":")
    legend(figure, axes[1], 6)
    return figure


def _frontier(axis: Axes, ends: pd.DataFrame, optima: pd.DataFrame) -> None:
    mine, line = (
        frame[(frame["maze"] == _SHOWN[0]) & (frame["limit"] == _SHOWN[1])
              & (frame["seed"] == frame["seed"].min())]
        for frame in (ends, optima)
    )  # fmt: skip
    line = line.sort_values("divergence")
    axis.plot(line["divergence"], line["success"], color="black", lw=1.2, label="best p")
    for (kl, place), (color, marker) in _KINDS.items():
        part = mine[(mine["kl"] == kl) & (mine["place"] == place)]
        axis.plot(part["divergence"], part["success"], ls="", marker=marker, color=color,
                  markersize=6, alpha=0.8)  # fmt: skip
    base = float(mine["base"].iloc[0])
    axis.plot([0], [base], ls="", marker="*", color="#e69f00", markersize=11)
    axis.annotate("base", (0, base), (6, -10), textcoords="offset points", fontsize=8)
    axis.set_xlabel("KL of walks from the base, nats")
    axis.set_ylabel("success p")
    betas = ", ".join(f"{beta:g}" for beta in sorted(mine["beta"].unique()))
    axis.set_title(f"where ascents end: {_SHOWN[0]}, T = {_SHOWN[1]}\n"
                   f"line: best p at each KL; β = {betas}", fontsize=10)  # fmt: skip


def _kept(axis: Axes, ends: pd.DataFrame) -> None:
    betas = sorted(ends["beta"].unique())
    for n, ((kl, place), (color, marker)) in enumerate(_KINDS.items()):
        part = ends[(ends["kl"] == kl) & (ends["place"] == place)]
        where = part["beta"].map(betas.index) + 0.13 * (n - 2.5)
        axis.plot(where, part["kept"], ls="", marker=marker, color=color, markersize=4.5,
                  alpha=0.7, label=f"{kl} in the {place}")  # fmt: skip
    axis.set_yscale("symlog", linthresh=1)
    axis.set_yticks([-1000, -100, -10, -1, 0, 0.5, 1],
                    ["-1000", "-100", "-10", "-1", "0", ".5", "1"])  # fmt: skip
    axis.axhline(0, color="black", lw=0.8, ls=":")
    axis.axhline(1, color="black", lw=0.8, ls=":")
    axis.set_xticks(range(len(betas)), [f"{beta:g}" for beta in betas])
    axis.minorticks_off()
    axis.set_xlabel("β")
    axis.set_ylabel("share of the optimum's gain in p - β KL")
    axis.set_title("what the ends are worth: all mazes and bases\nbelow 0: worse than the base",
                   fontsize=10)  # fmt: skip


def _pulled(axis: Axes, pulls: pd.DataFrame, name: str) -> None:
    pulls = pulls[pulls["limit"] > 1]
    distances = sorted(pulls["distance"].unique())
    for n, ((kl, place), (color, marker)) in enumerate(_KINDS.items()):
        part = pulls[(pulls["kl"] == kl) & (pulls["place"] == place)]
        if (kl, place) == ("k1", "loss") and name == "cosine":
            continue
        low, middle, high = (
            part.groupby("distance")[name].quantile(q).clip(lower=3e-4 if name == "length" else -1)
            for q in (0.05, 0.5, 0.95)
        )
        where = np.arange(len(distances)) + 0.1 * (n - 2.5)
        axis.errorbar(where, middle, yerr=[middle - low, high - middle], ls="", marker=marker,
                      color=color, markersize=5, capsize=2)  # fmt: skip
    axis.set_xticks(range(len(distances)), [f"{distance:g}" for distance in distances])
    axis.minorticks_off()
    axis.set_xlabel("distance from the base, s.d. of logits")
    axis.set_title(f"{name} of the expected pull\nmedian and 5% to 95% of policies, T > 1",
                   fontsize=10)  # fmt: skip
