"""The headline: inference time against depth, width and lanes, and the fitted base."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import SIZES, STEPS, along, beside, log, sizes, ticks
from figures.style import COLOR, LABEL, legend, panels, read


def draw(data: Path) -> Figure:
    """Lines: exact times of trained models. Points: estimates from walks with 95% intervals.

    Crosses: transformers trained from samples, one each seed.
    """
    cells, fits = read("inference_scaling", data), read("inference_scaling_fits", data)
    networks = read("transformer_gap", data).query("ports == 'shuffled'")
    sampled = cells.dropna(subset=["sampled_value"])
    corner = {name: int(sampled[name].mode()[0]) for name in SIZES}
    figure, axes = panels(4, columns=2, height=3.7)
    for axis, varied in zip(axes, SIZES, strict=False):
        line, crosses = along(cells, varied, corner), along(networks, varied, corner)
        _sweep(axis, line, varied)
        _crosses(axis, crosses, varied)
        if varied == "width":
            axis.set_xscale("log", base=2)
        ticks(axis, [*line[varied], *crosses[varied]])
        title = f"H by {varied}, {sizes(corner, but=varied)}"
        axis.set(xlabel=SIZES[varied], ylabel=STEPS, title=title)
    _name_laws(axes[0], along(cells, "depth", corner), fits[fits["lanes"] == corner["lanes"]])
    _bases(axes[3], fits)
    legend(figure, axes[0], 3)
    return figure


def _sweep(axes: Axes, line: pd.DataFrame, varied: str) -> None:
    for method, label in LABEL.items():
        part = line[line["method"] == method].sort_values(varied)
        axes.plot(part[varied], part["time"], color=COLOR[method], label=f"{label}, exact")
        points = part.dropna(subset=["sampled_value"])
        # Where nothing arrived late enough to say, only a lower bound is known.
        bounds = points["sampled_value"].isin([float("inf")])
        known, bound = points[~bounds], points[bounds]
        middle = known["sampled_value"]
        error = [(middle - known["sampled_low"]).clip(lower=0), known["sampled_high"] - middle]
        axes.errorbar(
            known[varied], middle, yerr=error, fmt="o", color=COLOR[method], markersize=4,
            capsize=2, elinewidth=1,
        )  # fmt: skip
        axes.plot(bound[varied], bound["sampled_low"], "^", color=COLOR[method], mfc="none")
    axes.errorbar([], [], yerr=[], fmt="ko", markersize=4, capsize=2, elinewidth=1,
                  label="from walks, 95% interval")  # fmt: skip
    if line["sampled_value"].isin([float("inf")]).any():
        axes.plot([], [], "k^", mfc="none", label="lower bound from walks")
    log(axes)
    axes.margins(y=0.12)  # room for the laws' names


def _crosses(axes: Axes, line: pd.DataFrame, varied: str) -> None:
    """Every seed of the transformers after SFT and after PPO, right of the points they'd cover."""
    for method in ("sft", "rlvr"):
        part = line[line["method"] == method]
        for color, width in (("white", 4.5), (COLOR[method], 1.5)):  # seen on a line, too
            x, H = part[varied], part["time"]
            beside(axes.plot(x, H, "x", color=color, ms=5, mew=width, zorder=3), 7)
    if len(line):
        axes.plot([], [], "kx", ms=5, mew=1.5, label="transformers after SFT, PPO")


def _name_laws(axes: Axes, line: pd.DataFrame, fits: pd.DataFrame) -> None:
    """Write each method's selected law, as fitted, at the deep end of its line."""
    ends = line[line["depth"] == line["depth"].max()].set_index("method")
    chosen = fits[fits["chosen"]].set_index("method")
    told = {
        "linear_wk": lambda fit: f"H ∝ K + {fit['kappa']:.3g}",
        "power": lambda fit: f"H ∝ K$^{{{fit['gamma']:.3g}}}$",
        "exponential": lambda fit: f"H ∝ {fit['base']:.4g}$^K$",
    }
    for method in LABEL:
        fit, end = chosen.loc[method], ends.loc[method]
        up = method != "rlvr"  # below the lowest line, above the others
        axes.annotate(
            told[str(fit["law"])](fit), (end["depth"], end["time"]), (0, 6 if up else -6),
            textcoords="offset points", ha="right", va="bottom" if up else "top",
            color=COLOR[method], fontsize=9,
        )  # fmt: skip


def _bases(axes: Axes, fits: pd.DataFrame) -> None:
    sft = fits[(fits["method"] == "sft") & (fits["law"] == "exponential")]
    axes.plot(sft["lanes"], sft["predicted_base"], "k_", ms=20, mew=1.5, label="(L+1)²/L")
    error = [sft["base"] - sft["base_low"], sft["base_high"] - sft["base"]]
    axes.errorbar(sft["lanes"], sft["base"], yerr=error, fmt="o", color=COLOR["sft"], capsize=2,
                  markersize=5, label="fitted, 95% interval")  # fmt: skip
    ticks(axes, sft["lanes"])
    axes.set(xlabel="lanes L", ylabel="base b of H ∝ b$^K$")
    axes.set_title("exponential law fitted to H after SFT")
    axes.legend(loc="upper left")
