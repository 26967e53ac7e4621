"""C4: search that never repeats an arc."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.scales import SIZES, STEPS, log, sizes, ticks
from figures.style import COLOR, legend, panels, read

NAME = {"sft": "SFT", "rlvr": "RLVR"}


def draw(data: Path) -> Figure:
    """H against depth and against lanes, with the rule (points) and without it (dotted lines)."""
    cells = read("search", data)
    swept = cells.groupby("lanes")["depth"].nunique()
    well_swept = swept[swept == swept.max()].index
    corner = {"lanes": well_swept[len(well_swept) // 2], "depth": cells["depth"].max()}
    figure, axes = panels(2, height=4.4)
    for axis, varied, fixed in ((axes[0], "depth", "lanes"), (axes[1], "lanes", "depth")):
        line = cells[cells[fixed] == corner[fixed]].sort_values(varied)
        for method, label in NAME.items():
            part = line[line["method"] == method]
            axis.errorbar(part[varied], part["time"], yerr=1.96 * part["error"], fmt="o-",
                          color=COLOR[method], markersize=4, capsize=2,
                          label=f"{label} + search, 95% interval")  # fmt: skip
            if varied == "depth":
                axis.plot(part[varied], part["time_without"], ":", color=COLOR[method], zorder=3,
                          label=f"{label}, no search")  # fmt: skip
        optimum = line[line["method"] == "rlvr"]
        axis.plot(optimum[varied], optimum["memory_optimum"], "--", color="black", lw=1, zorder=3,
                  label="optimum with memory")  # fmt: skip
        ticks(axis, line[varied])
        axis.set_xlabel(SIZES[varied])
        axis.set_title(f"H by {varied}, {sizes(line.iloc[0], but=varied)}")
    log(axes[0])
    axes[0].set_ylabel(STEPS)
    axes[1].set_ylim(0)
    legend(figure, axes[0], 3)
    return figure
