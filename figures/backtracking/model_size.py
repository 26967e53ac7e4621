"""H after SFT and after PPO against the size of the transformer."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures.style import COLOR, LABEL, panels, read

NAME = {"base": LABEL["base"], "sft": LABEL["sft"], "rlvr": "PPO"}


def draw(data: Path) -> Figure:
    """One point a seed."""
    cells = read("model_size", data)
    figure, axes = panels(1, width=7.5, height=4.0)
    shapes = cells.sort_values("parameters")[["layers", "channels"]].drop_duplicates()
    place = {tuple(shape): x for x, shape in enumerate(shapes.to_numpy().tolist())}
    for method, label in NAME.items():
        part = cells[cells["method"] == method]
        x = [place[k, c] for k, c in zip(part["layers"], part["channels"], strict=True)]
        spread = 0.08 * (part["seed"] - part["seed"].mean())
        axes[0].plot(x + spread, part["time"], "o", ms=5, alpha=0.8, color=COLOR[method],
                     label=label)  # fmt: skip
    axes[0].axhline(cells["optimum"].iloc[0], color="black", lw=1, label="exact optimum")
    names = [f"{layers} × {channels}" for layers, channels in place]
    axes[0].set_xticks(range(len(names)), names)
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[0].set_xlabel("layers × channels")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("expected steps to the goal, H")
    size = cells.iloc[0]
    axes[0].set_title(f"W = {size['width']}, K = {size['depth']}, L = {size['lanes']}")
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 100)  # room for the legend
    axes[0].legend(loc="upper center", ncols=2)
    return figure
