"""B1, B2, B3: PASS@(k, T) of chained and other problems, and which of them two models solve."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from figures.scales import log
from figures.style import read

_MODELS = {
    "base": "base model", "sft": "SFT, golden paths", "retreats": "SFT, with retreats",
    "rl": "GRPO", "student": "student of GRPO",
}  # fmt: skip
_CATEGORIES = {"A": "A: one decision", "B": "B: wrong arms end at once", "C": "C: chained"}
_LEVELS = (0.25, 0.5, 0.75)
_PAIRS = {("rl", "base"): "GRPO / base", ("sft", "base"): "SFT / base", ("rl", "sft"): "GRPO / SFT"}


def draw(data: Path) -> Figure:
    """A row a category, a column a model; at the right contingency tables at k = 64, T = 32."""
    surface, pairs = read("pass_at_k_surface", data), read("pass_at_k_pairs", data)
    figure = Figure(figsize=(15, 8.4), layout="constrained")
    axes = figure.subplots(
        len(_CATEGORIES), len(_MODELS) + 1, squeeze=False,
        gridspec_kw={"width_ratios": [1] * len(_MODELS) + [1.35]},
    )  # fmt: skip
    mesh: QuadMesh | None = None
    for row, (category, label) in zip(axes, _CATEGORIES.items(), strict=True):
        for axis, (model, name) in zip(row[:-1], _MODELS.items(), strict=True):
            mine = (surface["category"] == category) & (surface["model"] == model)
            mesh = _surface(axis, surface[mine])
            axis.label_outer()
            if category == "A":
                axis.set_title(name)
        row[0].set_ylabel(f"{label}\n\ntries k")
        _pairs(row[-1], pairs[pairs["category"] == category])
    for axis in axes[-1][:-1]:
        axis.set_xlabel("steps of a try, T")
    axes[0][-1].set_title("problems solved by one alone,\nk = 64, T = 32, and McNemar's p")
    axes[-1][-1].set_xlabel("problems a seed (bar: median)")
    assert mesh is not None
    figure.colorbar(mesh, ax=list(axes[:, :-1].flat), label="PASS@(k, T), lines at ¼, ½ and ¾",
                    shrink=0.6, pad=0.01)  # fmt: skip
    return figure


def _surface(axes: Axes, cells: pd.DataFrame) -> QuadMesh:
    """Solved in the mean over problems and seeds, with lines of equal success."""
    grid = cells.pivot_table("solved", "tries", "steps")
    x, y, z = grid.columns.to_numpy(float), grid.index.to_numpy(float), grid.to_numpy()
    mesh = axes.pcolormesh(x, y, z, cmap="viridis", vmin=0, vmax=1, shading="nearest")
    if z.min() < max(_LEVELS) and z.max() > min(_LEVELS):
        axes.contour(x, y, z, levels=_LEVELS, colors="white", linewidths=1.2)
    axes.axhline(64, color="white", lw=0.8, ls=":")
    axes.axvline(32, color="white", lw=0.8, ls=":")
    log(axes)
    axes.set_xticks([8, 16, 32, 48, 64])
    axes.grid(False)
    return mesh


def _pairs(axes: Axes, cells: pd.DataFrame) -> None:
    """Problems that the first alone, to the right, or the second alone, to the left, has solved."""
    most = max(cells["first_alone"].max(), cells["second_alone"].max(), 10)
    for y, ((first, second), label) in enumerate(_PAIRS.items()):
        mine = cells[(cells["first"] == first) & (cells["second"] == second)]
        for column, sign, color in (("first_alone", 1, "#0072b2"), ("second_alone", -1, "#d55e00")):
            axes.barh(y, sign * mine[column].median(), color=color, height=0.45)
            axes.plot(sign * mine[column], [y] * len(mine), "|", color="black", ms=8)
        a, b = int(mine["first_alone"].median()), int(mine["second_alone"].median())
        told = f"{label}: {a} : {b}, p ≤ {mine['p_value'].max():.1g}"
        axes.text(-1.25 * most, y - 0.33, told, va="bottom", fontsize=8.5)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_xlim(-1.3 * most, 1.3 * most)
    axes.set_ylim(len(_PAIRS) - 0.4, -0.75)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}")
    axes.grid(axis="y", visible=False)
