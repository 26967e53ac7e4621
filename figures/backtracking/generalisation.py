"""H over the optimum of policies over turns: on deeper corridors, and on mazes never seen."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import COLOR, LABEL, panels, read

METHODS = {"base": LABEL["base"], "sft": LABEL["sft"], "rlvr": "PPO"}


def draw(data: Path) -> Figure:
    """Left: trained on shallow corridors; right: trained on other small mazes, where they were."""
    rows = read("generalisation", data)
    corridors = rows[(rows["topology"] == "corridor") & (rows["trained_on"] == "corridors")]
    first = corridors[corridors["seen"]].iloc[0]
    same = corridors["width"].eq(first["width"]) & corridors["lanes"].eq(first["lanes"])
    others = rows[(rows["trained_on"] == "others") & ~rows["seen"]]
    figure, axes = panels(2 if len(others) else 1, width=11 if len(others) else 6.5, height=4.4)
    _depths(axes[0], corridors[same])
    if len(others):
        _unseen(axes[1], others)
    return figure


def _depths(axes: Axes, rows: pd.DataFrame) -> None:
    ordered, scrambled = (rows[rows["ports"] == ports] for ports in ("ordered", "scrambled"))
    trained = rows[rows["seen"]]["depth"].max()
    axes.axvspan(rows["depth"].min() - 0.5, trained + 0.5, color="black", alpha=0.06, lw=0)
    axes.text(trained / 2 + 0.5, 0.98, "trained here", ha="center", va="top", fontsize=9,
              transform=axes.get_xaxis_transform())  # fmt: skip
    exact = ordered[ordered["method"] == "rows"].groupby("depth")["ratio"].first()
    ppo = scrambled[scrambled["method"] == "rlvr"]
    top = 5 * max(ordered[ordered["method"].isin(METHODS)]["ratio"].max(), ppo["ratio"].max())
    label = "SFT, a free row per arrival arc (exact)"
    axes.plot(exact.index, exact, ":", color=COLOR["sft"], label=label)
    for method, label in METHODS.items():
        _line(axes, ordered[ordered["method"] == method], COLOR[method], "-", label)
    _line(axes, ppo, COLOR["walks"], "--", "PPO, ports in random orders")
    axes.set_yscale("log")
    axes.set_ylim(0.9, top)
    axes.set_xlabel("depth K of the corridor walked")
    axes.set_ylabel("H / optimum")
    axes.set_title(f"policies over turns, trained on K ≤ {trained:g}", fontsize=10)
    axes.legend(loc="upper right", fontsize=7.5)


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
        for method in ("sft", "rlvr"):
            values = part[part["method"] == method]["ratio"]
            axes.plot(values, [place] * len(values), "o", ms=4, alpha=0.75, color=COLOR[method])
    for color, label, mark in (
        ("base", "uniform walk", "|"), ("sft", LABEL["sft"], "o"), ("rlvr", "PPO", "o"),
    ):  # fmt: skip
        axes.plot([], [], mark, color=COLOR[color], label=label)
    axes.set_yticks(range(len(names)), [_name(*name) for name in names], fontsize=7.5)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("H / optimum")
    axes.set_title("trained on other small mazes, walking unseen ones", fontsize=10)
    axes.legend(loc="lower right", fontsize=8)


def _name(topology: str, size: str) -> str:
    short = {"width": "W", "depth": "K", "lanes": "L"} if topology == "corridor" else {}
    said = ", ".join(
        f"{short.get(name, name.replace('_', ' '))}{' = ' if name in short else ' '}{value}"
        for name, value in (part.split("=") for part in size.split())
    )
    return f"{topology.replace('_', ' ')}: {said}"
