"""The headline: inference time against depth, width and lanes, and the fitted base."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures.style import COLOR, LABEL, panels, read

AXES = {"depth": "depth K", "width": "width W", "lanes": "lanes L"}


def draw(data: Path) -> Figure:
    """Lines: exact times of trained models. Points: estimates from walks with 95% intervals.

    Crosses: transformers trained from samples, one each seed.
    """
    cells, fits = read("inference_scaling", data), read("inference_scaling_fits", data)
    networks = read("transformer_gap", data)
    networks = networks[networks["ports"] == "shuffled"]
    sampled = cells.dropna(subset=["sampled_value"])
    corner = {name: int(sampled[name].mode()[0]) for name in AXES}
    figure, axes = panels(2, rows=2, height=7.2)
    for axis, varied in zip(axes[:3], AXES, strict=True):
        fixed = [name for name in AXES if name != varied]
        line, networks_line = cells, networks
        for name in fixed:
            line = line[line[name] == corner[name]]
        _sweep(axis, line, varied)
        for name in fixed:
            networks_line = networks_line[networks_line[name] == corner[name]]
        _crosses(axis, networks_line, varied)
        axis.set_title(", ".join(f"{AXES[name][-1]} = {corner[name]}" for name in fixed))
    for axis in axes[:3]:
        axis.set_ylabel("expected steps to the goal, H")
    deep = cells[(cells["width"] == corner["width"]) & (cells["lanes"] == corner["lanes"])]
    _name_laws(axes[0], deep, fits[fits["lanes"] == corner["lanes"]])
    axes[0].plot([], [], "^", color=COLOR["sft"], mfc="none", label="lower bound from walks")
    axes[0].plot([], [], "x", color="black", ms=4, label="transformers: SFT, PPO")
    # Room for the legend above the highest cross.
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 1e7)
    axes[0].legend(loc="upper left", fontsize=8, ncols=2)
    _bases(axes[3], fits)
    return figure


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
        axes.annotate(
            told[str(fit["law"])](fit), (end["depth"], end["time"]), (0, 6),
            textcoords="offset points", ha="right", va="bottom", color=COLOR[method], fontsize=9,
        )  # fmt: skip


def _sweep(axes: Axes, line: pd.DataFrame, varied: str) -> None:
    for method, label in LABEL.items():
        part = line[line["method"] == method].sort_values(varied)
        axes.plot(part[varied], part["time"], color=COLOR[method], label=label)
        points = part.dropna(subset=["sampled_value"])
        # Where nothing arrived late enough to say, only a lower bound is known.
        known = points[~points["sampled_value"].isin([float("inf")])]
        below = (known["sampled_value"] - known["sampled_low"]).clip(lower=0)
        above = known["sampled_high"] - known["sampled_value"]
        axes.errorbar(
            known[varied], known["sampled_value"], yerr=[below, above], fmt="o",
            color=COLOR[method], markersize=4, capsize=2, elinewidth=1,
        )  # fmt: skip
        bound = points[points["sampled_value"].isin([float("inf")])]
        axes.plot(bound[varied], bound["sampled_low"], "^", color=COLOR[method], mfc="none")
    axes.set_yscale("log")
    if varied == "width":
        axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sorted(line[varied].unique()))
    axes.set_xlabel(AXES[varied])


def _crosses(axes: Axes, line: pd.DataFrame, varied: str) -> None:
    """Every seed of the transformers after SFT and after PPO."""
    for method in ("sft", "rlvr"):
        part = line[line["method"] == method]
        axes.plot(part[varied], part["time"], "x", color=COLOR[method], ms=4, mew=1)


def _bases(axes: Axes, fits: pd.DataFrame) -> None:
    sft = fits[(fits["method"] == "sft") & (fits["law"] == "exponential")]
    axes.plot(sft["lanes"], sft["predicted_base"], color="black", label="(L+1)²/L")
    error = [sft["base"] - sft["base_low"], sft["base_high"] - sft["base"]]
    axes.errorbar(sft["lanes"], sft["base"], yerr=error, fmt="o", color=COLOR["sft"], capsize=2,
                  label="fitted to SFT's H")  # fmt: skip
    axes.set_xlabel("lanes L")
    axes.set_xticks(sft["lanes"])
    axes.set_ylabel("base b of H ∝ b$^K$")
    axes.set_title("exponential law fitted after SFT")
    axes.legend(loc="upper left")
