"""H after SFT and after PPO against the size of the transformer."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import STEPS, log, sizes
from figures.style import COLOR, LABEL, legend, panels, read, side_by_side

NAME = {"base": LABEL["base"], "sft": LABEL["sft"], "rlvr": "PPO"}


def draw(data: Path) -> Figure:
    """One point a seed."""
    cells = read("model_size", data)
    figure, (axes,) = panels(1, width=7.5, height=4.2)
    shapes = cells.groupby("parameters", as_index=False)[["layers", "channels"]].first()
    place = dict(zip(shapes["parameters"], shapes.index, strict=True))
    for method, label in NAME.items():
        part = cells[cells["method"] == method]
        x = part["parameters"].map(place) + side_by_side(part["seed"])
        axes.plot(x, part["time"], "o", ms=5, alpha=0.8, color=COLOR[method], label=label)
    axes.axhline(cells["optimum"].iloc[0], color="black", lw=1, zorder=1, label="exact optimum")
    names = [
        f"{layers} × {channels}\n{parameters / 1000:.0f} thousand"
        for parameters, layers, channels in shapes.to_numpy().tolist()
    ]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xlabel("layers × channels, parameters")
    log(axes)
    axes.set_ylabel(STEPS)
    axes.set_title(f"H by size of the transformer, one point a seed, {sizes(cells.iloc[0])}")
    legend(figure, axes, 4)
    return figure
