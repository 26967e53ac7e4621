"""U1: methods by columns, coloured by their rank in each column, with intervals over pools."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from figures.style import read

COLUMNS = {
    "success": ("mean p", 1),
    "tries": ("pass@16", 1),
    "hopeless": ("goals of\np < 1%", -1),
    "time": ("H, geo-\nmetric mean", -1),
    "recovery": ("p from\ndead ends", 1),
    "kl": ("KL from base,\nnats a token", 0),
    "edited": ("tokens with another\nfirst choice", 0),
    "entropy": ("entropy of\na walk, nats", 0),
    "information": ("I(goal; move),\nnats a move", 0),
    "used": ("thousand\nsteps", 0),
    "shown": ("thousand\ntokens", 0),
}
"""Columns, and whether more (1), less (-1) or neither is better."""

_STUDENT = 2.0  # of an interval of 95%, for some ten pools


def draw(data: Path) -> Figure:
    """A table whose cells are shaded by rank where one end is the better."""
    rows = read("all_methods", data)
    rows = rows.assign(used=rows["steps"] / 1000, shown=rows["tokens"] / 1000)
    groups = rows.groupby("method", sort=False)
    means = groups[list(COLUMNS)].mean()
    means["time"] = np.exp(np.log(rows["time"]).groupby(rows["method"], sort=False).mean())
    wide = _STUDENT * groups[list(COLUMNS)].sem().fillna(0.0)
    order = means["success"].sort_values(ascending=False).index
    means, wide = means.loc[order], wide.loc[order]
    rates = groups["rate"].first().loc[order]
    told = groups["supervision"].first().loc[order]
    figure = Figure(figsize=(15, 0.36 * len(order) + 1.6), layout="constrained")
    axis = figure.subplots()
    shade = np.full(means.shape, np.nan)
    for place, (name, (_, sign)) in enumerate(COLUMNS.items()):
        if sign:
            shade[:, place] = (sign * means[name]).rank().to_numpy() / len(order)
    axis.imshow(shade, cmap="Blues", vmin=-0.15, vmax=1.8, aspect="auto")
    for y, method in enumerate(order):
        for x, name in enumerate(COLUMNS):
            text = _cell(name, float(means.loc[method, name]), float(wide.loc[method, name]))
            axis.text(x, y, text, ha="center", va="center", fontsize=8)
    heads = [f"{label} {('', '↑', '↓')[sign]}" for label, sign in COLUMNS.values()]
    axis.set_xticks(range(len(COLUMNS)), heads, fontsize=8)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(order)), [_label(m, rates[m], told[m]) for m in order], fontsize=8)
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    return figure


def _label(method: str, rate: float, told: str) -> str:
    parts = [method]
    if told not in ("outcomes", "none"):
        parts.append(f"[{told}]")
    return " ".join(parts) + (f", rate {rate:g}" if rate else "")


def _cell(name: str, mean: float, wide: float) -> str:
    if pd.isna(mean):
        return ""
    if name in ("used", "shown"):
        return f"{mean:.0f}" if mean else "–"
    if name == "time":
        return f"{mean:.0f}" if mean < 1e5 else f"{mean:.1e}"
    digits = 1 if name == "entropy" else 3
    # Of a rounding below 0 nothing is to be seen.
    return f"{abs(mean):.{digits}f} ± {wide:.{digits}f}"
