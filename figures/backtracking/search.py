"""C4: search that never repeats an arc."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, panels, read

SYMBOL = {"depth": "K", "lanes": "L"}
NAME = {"sft": "SFT", "rlvr": "RLVR"}


def draw(data: Path) -> Figure:
    """H against depth and against lanes, with the rule (points) and without it (lines)."""
    cells = read("search", data)
    depth = cells["depth"].max()
    swept = cells.groupby("lanes")["depth"].nunique()
    well_swept = swept[swept == swept.max()].index
    lanes = well_swept[len(well_swept) // 2]
    figure, axes = panels(2, width=9.5)
    for axis, varied, fixed, value in (
        (axes[0], "depth", "lanes", lanes),
        (axes[1], "lanes", "depth", depth),
    ):
        for method, label in NAME.items():
            part = cells[(cells["method"] == method) & (cells[fixed] == value)].sort_values(varied)
            if varied == "depth":
                axis.plot(part[varied], part["time_without"], ":", color=COLOR[method],
                          label=f"{label}, no search")  # fmt: skip
            axis.errorbar(part[varied], part["time"], yerr=1.96 * part["error"], fmt="o-",
                          color=COLOR[method], markersize=4, label=f"{label} + search")  # fmt: skip
        optimum = part["memory_optimum"]
        axis.plot(part[varied], optimum, "--", color="black", lw=1, label="optimum with memory")
        axis.set_title(f"W = {part['width'].iloc[0]}, {SYMBOL[fixed]} = {value:g}")
    axes[0].set_yscale("log")
    axes[0].set_xlabel("depth K")
    axes[1].set_xlabel("lanes L")
    axes[1].set_ylim(0)
    axes[0].set_ylabel("expected steps to the goal, H")
    axes[0].legend()
    axes[1].legend()
    return figure
