"""L3: which methods are within twice the optimum, by depth of the trap, share and way round."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from figures.style import panels, read

WAYS = {0: "no way round", 2: "a way round of 2 edges", 1: "a way round of 1 edge"}
PHASES = {
    "SFT on golden paths is within twice the optimum": "#cfe5f3",
    "SFT with this share is, golden paths alone are not": "#8ccfb4",
    "no SFT is": "#f0b48a",
}
_LEAST = 1e-3


def draw(data: Path) -> Figure:
    """Columns: ways round; rows: walks shown. Colours are of SFT, hatches of search."""
    cells, shares = read("trap_phases", data), read("trap_phases_shares", data)
    cells, shares = (table[table["arms"] == 3] for table in (cells, shares))
    numbers = sorted(shares["walks"].unique())
    figure, axes = panels(len(numbers) * len(WAYS), columns=len(WAYS), width=11.5, height=3.9)
    for axis, (walks, way) in zip(axes, [(n, w) for n in numbers for w in WAYS], strict=True):
        _phases(axis, shares[(shares["walks"] == walks) & (shares["way"] == way)])
        _boundaries(axis, cells[cells["way"] == way], walks)
        axis.set_title(f"{WAYS[way]}, {walks} walks")
        axis.set_xlabel("depth of the trap, edges of an arm")
    for axis in axes[:: len(WAYS)]:
        axis.set_ylabel("share ρ of walks that backtrack")
    figure.legend(handles=_key(bool(shares["rl"].all())), loc="outside lower center", ncols=2)
    return figure


def _phases(axes: Axes, rows: pd.DataFrame) -> None:
    shown = rows[rows["share"] > 0]
    phase = np.where(shown["sft"], 0, np.where(shown["mixed"], 1, 2))
    grid = shown.assign(phase=phase).pivot_table("phase", "share", "depth")
    depths, values = grid.columns.to_numpy(float), grid.index.to_numpy()
    step = (values[1] / values[0]) ** 0.5
    edges = np.append(values / step, values[-1] * step)
    for depth, column in zip(depths, grid.to_numpy().T, strict=True):
        axes.pcolormesh([depth - 0.5, depth + 0.5], edges, column[:, None], vmin=0, vmax=2,
                        cmap=ListedColormap(list(PHASES.values())))  # fmt: skip
        if not shown.loc[shown["depth"] == depth, "search"].all():
            axes.fill_between([depth - 0.5, depth + 0.5], _LEAST, 1, facecolor="none",
                              edgecolor="#555555", hatch="//", lw=0)  # fmt: skip
    axes.set(yscale="log", ylim=(_LEAST, 1.0), xlim=(depths.min() - 0.5, depths.max() + 0.5))
    axes.set_xticks(depths)
    axes.grid(visible=False)


def _boundaries(axes: Axes, cells: pd.DataFrame, walks: int) -> None:
    for name, style in ((f"mean {walks}", "o-"), (f"most {walks}", "x--")):
        some = cells[np.isfinite(cells[name]) & (cells[name] > 0)]
        axes.plot(some["depth"], some[name], style, color="black", lw=1.2, ms=4)
    closed = cells[np.isfinite(cells[f"closed {walks}"]) & (cells[f"closed {walks}"] > 0)]
    axes.plot(closed["depth"], closed[f"closed {walks}"], "+", color="#d55e00", ms=9)


def _key(everywhere: bool) -> list[Patch | Line2D]:
    where = "everywhere" if everywhere else "but not everywhere"
    patches = [Patch(color=color, label=name) for name, color in PHASES.items()]
    return [
        *patches,
        Patch(fc="none", ec="#555555", hatch="//", label="search over SFT's rows is not; "
              "elsewhere it is"),
        Line2D([], [], color="black", marker="o", ms=4, lw=1.2,
               label="ρ*, by the mean over corpora (by the chain)"),
        Line2D([], [], color="#d55e00", marker="+", ms=9, ls="", label="its closed form"),
        Line2D([], [], color="black", marker="x", ms=4, lw=1.2, ls="--",
               label="by 95% of corpora"),
        Line2D([], [], ls="", label=f"exact RL is, {where}"),
    ]  # fmt: skip
