"""What the mazes look like."""

from pathlib import Path

from matplotlib.figure import Figure

from figures.style import COLOR, bare, draw_edges, panels, read


def draw(data: Path) -> Figure:
    """Corridors with the fork in the middle and a leaf, goal or dead end, at every tip."""
    edges = read("gallery", data)
    mazes = list(edges.groupby(["width", "depth", "lanes"], sort=False))
    figure, axes = panels(len(mazes), width=3.4 * len(mazes), height=3.7)
    for axis, (_, maze) in zip(axes, mazes, strict=True):
        W, K, L = maze[["width", "depth", "lanes"]].iloc[0]
        line, dot = (1.1, 4.5) if W * K < 50 else (0.45, 1.6)
        draw_edges(axis, maze, 0.3, line, "#555555")
        axis.plot(maze["x1"], maze["y1"], "o", color="#333333", markersize=dot * 0.6)
        leaf = maze[maze["head_kind"] == "leaf"]
        axis.plot(
            leaf["x1"],
            leaf["y1"],
            "s",
            color=COLOR["sft"],
            markersize=dot * 1.1,
            label="leaf: goal or dead end",
        )
        start = maze[maze["tail_kind"] == "start"].iloc[:1]
        axis.plot(start["x0"], start["y0"], "o", color=COLOR["rlvr"], markersize=dot * 1.6,
                  label="fork (start)")  # fmt: skip
        axis.set_title(f"W = {W}, K = {K}, L = {L}")
        bare(axis)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
