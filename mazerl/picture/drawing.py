"""Pictures of mazes: PNG, SVG or text, bare or with what a policy does there.

A vertex is drawn where `mazerl.picture.layout` puts it; more than `MOST_VERTICES` are drawn in
clusters. With a behaviour an arc is as wide as it is often taken and as red as the decision after
it differs from the base model's; a dark hook leads from its end into the most likely next arc.
"""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Maze
from mazerl.measure.behaviour import Behaviour
from mazerl.picture.glyphs import told_of_glyphs
from mazerl.picture.layout import (
    MOST_VERTICES,
    Clusters,
    bends,
    cluster_positions,
    clusters,
    kinds,
    label_sides,
    positions,
)
from mazerl.topology import Graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".txt")

_WIDTH = 12  # letters of a heading an inch
_LABELLED = 60  # vertices; more names than these cover one another
_BOW = 0.3  # of an edge's length, at most, for parallel edges
_SIDE = 0.055  # of an edge's length, between its two arcs
_GRAY = "#b0b0b0"


def draw(graph: Graph, maze: Maze, out: Path, title: str, seen: Behaviour | None = None) -> None:
    """Draw a maze into a file; its suffix says as what.

    Args:
        graph: what the maze was compiled from, for names and positions.
        maze: the maze.
        out: NAME.png, NAME.svg or NAME.txt.
        title: written above.
        seen: what a policy does there.

    Raises:
        MazerlError: another suffix, or a file that cannot be written.
    """
    if out.suffix not in SUFFIXES:
        raise MazerlError(f"{out} is no picture that can be drawn; give {', '.join(SUFFIXES)}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".txt":
            out.write_text(as_text(graph, maze, title, seen), encoding="utf-8")
            return
        import matplotlib as mpl

        figure = as_figure(graph, maze, title, seen)
        metadata: dict[str, Any] = {"Date": None} if out.suffix == ".svg" else {"Software": None}
        with mpl.rc_context({"svg.fonttype": "none"}), told_of_glyphs():  # names stay text
            figure.savefig(out, dpi=160, metadata=metadata)
    except OSError as error:
        raise MazerlError(f"cannot write {out}: {error.strerror}; give another --out") from None


def as_figure(graph: Graph, maze: Maze, title: str, seen: Behaviour | None = None) -> "Figure":
    """A maze as a matplotlib figure."""
    from matplotlib.figure import Figure

    many = maze.num_vertices > MOST_VERTICES
    side = float(np.clip(2.5 + 0.55 * np.sqrt(min(maze.num_vertices, MOST_VERTICES)), 4.5, 11))
    figure = Figure(figsize=(side + 1.4, side), layout="constrained")
    axes = figure.subplots()
    if many:
        groups = clusters(maze)
        title += f"\n{maze.num_vertices} vertices in {len(groups.size)} clusters"
        _draw_clusters(axes, maze, groups, seen)
    else:
        _draw_vertices(axes, graph, maze, seen)
    room = side - (0 if seen is None else 1.2)  # what the legend tells takes some
    lines = [fill(line, round(_WIDTH * room)) for line in title.split("\n")]
    axes.set_title("\n".join(lines), fontsize=10, parse_math=False)
    axes.set_aspect("equal")
    axes.margins(0.06)
    axes.axis("off")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _draw_vertices(axes: "Axes", graph: Graph, maze: Maze, seen: Behaviour | None) -> None:
    place, kind = positions(maze, graph), kinds(maze)
    tail, head = np.asarray(maze.head)[np.asarray(maze.reverse)], np.asarray(maze.head)
    near, far, bend = place[tail], place[head], bends(maze)
    if seen is None:
        once = tail < head
        _lines(axes, _curves(near[once], far[once], bend[once] * _BOW), color=_GRAY, linewidths=1.2)
    else:
        # Traffic keeps to the right, so that an edge's two arcs lie side by side.
        _draw_arcs(axes, _curves(near, far, bend * _BOW, _SIDE), seen)
    size = float(np.clip(2500 / maze.num_vertices, 12, 70))
    _mark(axes, place, kind, size)
    if maze.num_vertices <= _LABELLED:
        for spot, side, name in zip(place, label_sides(place, tail, head), graph, strict=True):
            along, up = (("right", "center", "left")[n + 1] for n in np.sign(side).astype(int))
            axes.annotate(str(name), spot, xytext=5 * side, textcoords="offset points",
                          fontsize=6.5, parse_math=False, zorder=4,
                          ha=along, va={"right": "top", "left": "bottom"}.get(up, up),
                          bbox={"fc": "white", "ec": "none", "alpha": 0.6, "pad": 0.5})  # fmt: skip


def _draw_arcs(axes: "Axes", curves: np.ndarray, seen: Behaviour) -> None:
    divergence = seen.divergence[:-1]
    some = seen.visits > 0
    width = 0.4 + 2.0 * np.sqrt(seen.visits / max(seen.visits.max(), 1e-12))
    _colored(axes, curves[some], np.nan_to_num(divergence[some]), width[some])
    _lines(axes, curves[~some], color=_GRAY, linewidths=0.5)
    onward = seen.next_arc[:-1]
    shown = np.flatnonzero(some & (onward >= 0))
    if len(shown):
        # Over the last fifth of an arc and the first fifth of the next.
        into, out = curves[shown][:, -3:], curves[onward[shown]][:, :3]
        _lines(axes, np.concatenate([into, out], axis=1), color="black", linewidths=0.7)
        axes.plot([], [], color="black", lw=0.7, label="most likely move")
    _explain_width(axes, seen.visits.max())


def _draw_clusters(axes: "Axes", maze: Maze, groups: Clusters, seen: Behaviour | None) -> None:
    place, kind = cluster_positions(groups, int(maze.start)), kinds(maze)
    near, far = place[groups.edges[:, 0]], place[groups.edges[:, 1]]
    straight = np.zeros(len(near))
    if seen is None:
        width = np.clip(0.6 + 0.5 * np.log2(groups.weight), 0.6, 4)
        _lines(axes, _curves(near, far, straight), color=_GRAY, linewidths=width)
    else:
        tail, head = np.asarray(maze.head)[np.asarray(maze.reverse)], np.asarray(maze.head)
        ends = np.stack([groups.cluster[tail], groups.cluster[head]])
        across = ends[0] != ends[1]
        pairs, group = np.unique(ends[:, across], axis=1, return_inverse=True)
        visits = np.bincount(group.reshape(-1), seen.visits[across])
        known = np.nan_to_num(seen.divergence[:-1][across]) * seen.visits[across]
        divergence = np.bincount(group.reshape(-1), known) / np.maximum(visits, 1e-300)
        width = 0.4 + 2.0 * np.sqrt(visits / max(visits.max(), 1e-12))
        lines = _curves(place[pairs[0]], place[pairs[1]], np.zeros(pairs.shape[1]), _SIDE)
        _colored(axes, lines, divergence, width)
        _explain_width(axes, visits.max())
    shown = np.full(len(groups.size), "passage", dtype=object)
    for what in ("dead end", "chance", "goal", "start", "start, by chance"):
        shown[groups.cluster[kind == what]] = what
    _mark(axes, place, shown, 12 + 40 * groups.size / groups.size.max())


def _explain_width(axes: "Axes", most: float) -> None:
    axes.plot([], [], color="#7f7f7f", lw=2.4, label=f"{most:.3g} visits an episode, the most")


def _mark(axes: "Axes", place: np.ndarray, kind: np.ndarray, size: Any) -> None:
    size = np.broadcast_to(size, len(place))
    for what, marker, color, factor in (
        ("passage", "o", "#606060", 0.5), ("chance", "D", "#0072b2", 1.2),
        ("dead end", "X", "#d55e00", 1.3), ("goal", "*", "#009e73", 3.0),
        ("start", "s", "black", 1.6), ("start, by chance", "D", "black", 1.6),
    ):  # fmt: skip
        chosen = kind == what
        if chosen.any():
            x, y = place[chosen].T
            axes.scatter(x, y, factor * size[chosen], marker=marker, color=color,
                         linewidths=0, zorder=3, label=what)  # fmt: skip


def _curves(near: np.ndarray, far: np.ndarray, bow: np.ndarray, side: float = 0.0) -> np.ndarray:
    """Polylines [N, P, 2] from near to far [N, 2] that bow to the left and keep to the right."""
    along = np.linspace(0.0, 1.0, 13)[None, :, None]
    across = np.stack([near[:, 1] - far[:, 1], far[:, 0] - near[:, 0]], axis=1)[:, None]
    swell = 4 * along * (1 - along)
    shift = bow[:, None, None] * swell - side * np.minimum(1.0, 3 * swell)
    return near[:, None] + along * (far - near)[:, None] + shift * across


def _lines(axes: "Axes", curves: np.ndarray, **style: Any) -> None:
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(list(curves), **style))


def _colored(axes: "Axes", curves: np.ndarray, value: np.ndarray, width: np.ndarray) -> None:
    from matplotlib.collections import LineCollection

    lines = LineCollection(list(curves), cmap="YlOrRd", linewidths=width)
    lines.set_array(value)
    # The base model itself differs nowhere; its scale is one nat. Lightest is still visible.
    most = float(value.max()) if value.max() > 1e-6 else 1.0
    lines.set_clim(-0.25 * most, most)
    axes.add_collection(lines)
    bar = axes.figure.colorbar(
        lines, ax=axes, orientation="horizontal", shrink=0.5, aspect=30, pad=0.01
    )
    bar.ax.set_xlim(0, most)
    bar.set_label("KL from the base after the arc, nats", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def as_text(graph: Graph, maze: Maze, title: str, seen: Behaviour | None = None) -> str:
    """A maze as indented lines, one a vertex, from the start on; then its edges beyond a tree."""
    if maze.num_vertices > MOST_VERTICES:
        groups = clusters(maze)
        title += f": {maze.num_vertices} vertices in {len(groups.size)} clusters"
        plain, labels = _cluster_lines(maze, groups, seen)
        start = int(groups.cluster[int(maze.start)])
    else:
        plain, labels = _vertex_lines(list(graph), maze, seen)
        start = int(maze.start)
    for vertex, label in enumerate(labels):
        plain.nodes[vertex]["label"] = label
    tree = nx.bfs_tree(plain, start)
    lines = [title, ""]
    for vertex in tree:
        tree.nodes[vertex]["label"] = labels[vertex]
    lines += nx.generate_network_text(tree.to_undirected(), sources=[start])
    rest = [f"{labels[u]} ── {labels[v]}" for u, v in plain.edges if not _joined(tree, u, v)]
    return "\n".join([*lines, *(["", "and the edges", *rest] if rest else [])]) + "\n"


def _joined(tree: Any, u: int, v: int) -> bool:
    return bool(tree.has_edge(u, v) or tree.has_edge(v, u))


def _vertex_lines(
    names: Sequence[object], maze: Maze, seen: Behaviour | None
) -> tuple["nx.Graph[int]", list[str]]:
    head = np.asarray(maze.head)
    tail, kind = head[np.asarray(maze.reverse)], kinds(maze)
    plain: nx.Graph[int] = nx.Graph()
    plain.add_nodes_from(range(maze.num_vertices))
    plain.add_edges_from(zip(tail.tolist(), head.tolist(), strict=True))
    labels = []
    for v, name in enumerate(names):
        said = _one_line(name) + ("" if kind[v] == "passage" else f" [{kind[v]}]")
        if seen is not None:
            into = np.flatnonzero(head == v)
            said += f"  visits {seen.visits[into].sum():.3g}"
            for arc in into[seen.visits[into] > 0]:
                onward = seen.next_arc[arc]
                if onward >= 0:
                    said += (
                        f"; from {_one_line(names[tail[arc]])} to {_one_line(names[head[onward]])}"
                        f" (KL {seen.divergence[arc]:.2g})"
                    )
        labels.append(said)
    return plain, labels


def _cluster_lines(
    maze: Maze, groups: Clusters, seen: Behaviour | None
) -> tuple["nx.Graph[int]", list[str]]:
    plain: nx.Graph[int] = nx.Graph()
    plain.add_nodes_from(range(len(groups.size)))
    plain.add_edges_from(groups.edges.tolist())
    kind, labels = kinds(maze), []
    traffic = np.zeros(maze.num_arcs) if seen is None else seen.visits
    visits = np.bincount(groups.cluster[np.asarray(maze.head)], traffic, len(groups.size))
    for number, size in enumerate(groups.size):
        inside = kind[groups.cluster == number]
        said = f"{size} vertices" if size > 1 else "1 vertex"
        for what in ("start", "start, by chance", "goal", "dead end", "chance"):
            count = int((inside == what).sum())
            said += f", {count} {what}" if count else ""
        labels.append(said + (f"  visits {visits[number]:.3g}" if seen is not None else ""))
    return plain, labels


def _one_line(name: object) -> str:
    return " ".join(str(name).split())
