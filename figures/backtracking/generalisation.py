"""H over the optimum of policies over turns: on deeper corridors, and on mazes never seen."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.scales import log, number, sizes, ticks
from figures.style import COLOR, LABEL, legend, panels, read

METHODS = {"base": LABEL["base"], "sft": LABEL["sft"], "rlvr": "PPO"}


def draw(data: Path) -> Figure:
    """Left: trained on shallow corridors; right: trained on other small mazes, where they were."""
    rows = read("generalisation", data)
    corridors = rows[(rows["topology"] == "corridor") & (rows["trained_on"] == "corridors")]
    first = corridors[corridors["seen"]].iloc[0]
    same = corridors["width"].eq(first["width"]) & corridors["lanes"].eq(first["lanes"])
    others = rows[(rows["trained_on"] == "others") & ~rows["seen"]]
    both = len(others) > 0
    figure, axes = panels(1 + both, width=12 if both else 6.5, height=6.2 if both else 5)
    _depths(axes[0], corridors[same])
    legend(figure, axes[0], 2, "outside lower left")
    if both:
        _unseen(axes[1], others)
        legend(figure, axes[1], 2, "outside lower right")
    return figure


def _depths(axes: Axes, rows: pd.DataFrame) -> None:
    ordered, scrambled = (rows[rows["ports"] == ports] for ports in ("ordered", "scrambled"))
    trained = rows[rows["seen"]]["depth"].max()
    axes.axvspan(rows["depth"].min() - 0.5, trained + 0.5, color="black", alpha=0.06, lw=0)
    exact = ordered[ordered["method"] == "rows"].groupby("depth")["ratio"].first()
    ppo = scrambled[scrambled["method"] == "rlvr"]
    top = 5 * max(ordered[ordered["method"].isin(METHODS)]["ratio"].max(), ppo["ratio"].max())
    for method, label in METHODS.items():
        _line(axes, ordered[ordered["method"] == method], COLOR[method], "-", label)
    _line(axes, ppo, COLOR["walks"], "--", "PPO, ports in random orders")
    axes.plot(exact.index, exact, ":", color=COLOR["sft"],
              label=f"SFT, free rows, exact (to {number(exact.iloc[-1], 2)})")  # fmt: skip
    axes.axhline(1, color="black", lw=1, zorder=1, label="optimum")
    log(axes)
    axes.set_ylim(0.8, top)
    ticks(axes, rows["depth"])
    axes.set_xlabel(f"depth K of the corridor walked (shaded: K ≤ {trained:g}, trained on)")
    axes.set_ylabel("H / optimum")
    axes.set_title(f"trained on K ≤ {trained:g}, {sizes(rows.iloc[0], but='depth')}", fontsize=10)


def _line(axes: Axes, rows: pd.DataFrame, color: str, style: str, label: str) -> None:
    """One point a seed, and their median."""
    median = rows.groupby("depth")["ratio"].median()
    axes.plot(median.index, median, style, color=color, label=label)
    axes.plot(rows["depth"], rows["ratio"], ".", ms=5, color=color)


def _unseen(axes: Axes, rows: pd.DataFrame) -> None:
    names = list(dict.fromkeys(zip(rows["topology"], rows["size"], strict=True)))
    for place, (topology, size) in enumerate(names):
        part = rows[(rows["topology"] == topology) & (rows["size"] == size)]
        axes.plot(part["uniform"].iloc[0], place, "|", ms=10, mew=2, color=COLOR["base"])
        for method, mark, up in (("sft", "s", 0.15), ("rlvr", "o", -0.15)):
            values = part[part["method"] == method]["ratio"]
            axes.plot(values, [place + up] * len(values), mark, ms=4, alpha=0.75,
                      color=COLOR[method])  # fmt: skip
    axes.plot([], [], "|", ms=10, mew=2, color=COLOR["base"], label="uniform walk")
    axes.plot([], [], "s", ms=4, color=COLOR["sft"], label=LABEL["sft"])
    axes.plot([], [], "o", ms=4, color=COLOR["rlvr"], label="PPO")
    axes.axvline(1, color="black", lw=1, zorder=1, label="optimum")
    axes.set_yticks(range(len(names)), [_name(*name) for name in names], fontsize=8)
    axes.invert_yaxis()
    log(axes, "x")
    axes.set_xlabel("H / optimum, one point a seed")
    axes.set_title("trained on other small mazes, walking unseen ones", fontsize=10)


def _name(topology: str, size: str) -> str:
    short = {"width": "W", "depth": "K", "lanes": "L"} if topology == "corridor" else {}
    said = ", ".join(
        f"{short.get(name, name.replace('_', ' '))}{' = ' if name in short else ' '}{value}"
        for name, value in (part.split("=") for part in size.split())
    )
    return f"{topology.replace('_', ' ')}: {said}"
