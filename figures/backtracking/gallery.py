"""What the mazes look like."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.mazes import bare, draw_edges
from figures.scales import sizes
from figures.style import COLOR, legend, panels, read


def draw(data: Path) -> Figure:
    """Corridors with the fork in the middle and a leaf, goal or dead end, at every tip."""
    edges = read("gallery", data)
    mazes = list(edges.groupby(["width", "depth", "lanes"], sort=False))
    figure, axes = panels(len(mazes), width=max(6.0, 3.4 * len(mazes)), height=3.9)
    for axis, (_, maze) in zip(axes, mazes, strict=True):
        few = maze["width"].iloc[0] * maze["depth"].iloc[0] < 50
        line, dot = (1.1, 4.5) if few else (0.45, 2.0)
        draw_edges(axis, maze, 0.3, line, "#555555")
        axis.plot(maze["x1"], maze["y1"], "o", color="#333333", ms=dot * 0.6 if few else 0.6,
                  label="passage")  # fmt: skip
        leaf = maze[maze["head_kind"] == "leaf"]
        axis.plot(leaf["x1"], leaf["y1"], "s", color=COLOR["sft"], ms=dot * 1.1,
                  label="leaf: goal or dead end")  # fmt: skip
        start = maze[maze["tail_kind"] == "start"].iloc[:1]
        axis.plot(start["x0"], start["y0"], "o", color=COLOR["rlvr"], ms=7,
                  label="fork (start)")  # fmt: skip
        bare(axis)
        reach = 1.05 * maze[["x1", "y1"]].abs().max().max()
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), title=sizes(maze.iloc[0]))
    legend(figure, axes[0], 3)
    return figure
