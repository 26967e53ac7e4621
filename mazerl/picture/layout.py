"""What to draw of a maze: what vertices are, where they lie, which to draw as one if too many."""

from typing import NamedTuple

import networkx as nx
import numpy as np

from mazerl.maze import Maze, to_networkx
from mazerl.topology import Graph

MOST_VERTICES = 300
"""More than these are drawn in clusters."""


class Clusters(NamedTuple):
    """Groups of vertices, each drawn as one."""

    cluster: np.ndarray  # [V] number of the cluster a vertex is in
    size: np.ndarray  # [N] vertices
    edges: np.ndarray  # [E, 2] clusters that edges join, each pair once
    weight: np.ndarray  # [E] how many edges do


def kinds(maze: Maze) -> np.ndarray:
    """[V] what a vertex is: start (where chance may move), goal, dead end, chance or passage.

    A dead end has one way out and is no goal.
    """
    kind = np.full(maze.num_vertices, "passage", dtype=object)
    kind[np.asarray(maze.chance)] = "chance"
    kind[np.asarray(maze.degree) == 1] = "dead end"
    kind[np.asarray(maze.goals)] = "goal"
    kind[int(maze.start)] = "start, by chance" if maze.chance[int(maze.start)] else "start"
    return kind


def positions(maze: Maze, graph: Graph | None = None) -> np.ndarray:
    """Coordinates [V, 2] of a maze's vertices.

    The graph's own, where every vertex has an attribute `pos` or `x` and `y`. Else a tree, parallel
    edges aside, has its start in the middle and its leaves evenly around; anything else is laid out
    by Kamada & Kawai 1989.
    """
    own = None if graph is None else _own_positions(graph)
    if own is not None:
        return own
    return _arranged(nx.Graph(to_networkx(maze)), int(maze.start))


def label_sides(place: np.ndarray, tail: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Unit vectors [V, 2] to where a vertex's name is written: farthest from its edges.

    Of eight sides the first that is as good as any, from the upper right on.
    """
    turns = np.arange(8) * np.pi / 4 + np.pi / 4
    sides = np.stack([np.cos(turns), np.sin(turns)], axis=1).round(12)  # [8, 2]
    along = place[head] - place[tail]  # [A, 2]
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    nearest = np.full((len(place), 8), -1.0)  # cosine of the angle to the nearest edge
    np.maximum.at(nearest, tail, along @ sides.T)
    return sides[nearest.round(6).argmin(axis=1)]


def cluster_positions(clusters: Clusters, start: int) -> np.ndarray:
    """Coordinates [N, 2] of clusters, laid out like the vertices of a maze."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(clusters.size)))
    graph.add_edges_from(clusters.edges.tolist())
    return _arranged(graph, int(clusters.cluster[start]))


def _own_positions(graph: Graph) -> np.ndarray | None:
    found: list[tuple[float, float]] = []
    for _, told in graph.nodes(data=True):
        place = told.get("pos", (told.get("x"), told.get("y")))
        try:
            x, y = map(float, place)
        except (TypeError, ValueError):
            return None
        found.append((x, y))
    return np.array(found) if np.isfinite(found).all() else None


def _arranged(graph: "nx.Graph[int]", start: int) -> np.ndarray:
    """A connected component is laid out; what the start does not reach follows in a row."""
    place = np.zeros((len(graph), 2))
    right = 0.0
    parts = sorted(nx.connected_components(graph), key=lambda part: start not in part)
    for part in parts:
        inside = graph.subgraph(part)
        root = start if start in part else min(part)
        tree = inside.number_of_edges() == len(inside) - 1
        found = _radial(inside, root) if tree else nx.kamada_kawai_layout(inside)
        names = list(found)
        where = np.array([found[name] for name in names], float)
        # One step is about one unit, whatever the layout.
        ends = [(names.index(u), names.index(v)) for u, v in inside.edges] if not tree else []
        if ends:
            where /= np.median([np.linalg.norm(where[u] - where[v]) for u, v in ends])
        place[names] = where + np.array([[right - where[:, 0].min(), 0.0]])
        right += np.ptp(where[:, 0]) + 1.0
    return place


def _radial(tree: "nx.Graph[int]", root: int) -> dict[int, tuple[float, float]]:
    """Leaves evenly around the root, every vertex at a radius of its depth."""
    children = {v: below for v, below in nx.bfs_successors(tree, root) if below}
    depth = nx.single_source_shortest_path_length(tree, root)
    angle: dict[int, float] = {}
    leaves = [v for v in nx.dfs_preorder_nodes(tree, root) if v not in children]
    for number, leaf in enumerate(leaves):
        angle[leaf] = np.pi / 2 - 2 * np.pi * number / len(leaves)
    for v in nx.dfs_postorder_nodes(tree, root):
        if v in children:
            below = [angle[child] for child in children[v]]
            angle[v] = (min(below) + max(below)) / 2
    return {v: (depth[v] * np.cos(a), depth[v] * np.sin(a)) for v, a in angle.items()}


def clusters(maze: Maze, most: int = MOST_VERTICES) -> Clusters:
    """Cut a maze into at most about `most` groups of similar size.

    A breadth-first tree from the start is cut from its leaves up, whenever enough has gathered. A
    group is connected, or hangs on one vertex of another.
    """
    head, first = np.asarray(maze.head).tolist(), np.asarray(maze.first_arc).tolist()
    degree, start = np.asarray(maze.degree).tolist(), int(maze.start)
    parent: dict[int, int] = {}
    for root in (start, *range(maze.num_vertices)):
        queue = [] if root in parent else [root]
        parent.setdefault(root, -1)
        for u in queue:
            for arc in range(first[u], first[u] + degree[u]):
                if head[arc] not in parent:
                    parent[head[arc]] = u
                    queue.append(head[arc])
    order = list(parent)  # parents before children
    enough = -(-maze.num_vertices // most)
    gathered = dict.fromkeys(order, 1)
    # Small subtrees of one vertex are put into bags; full bags and large subtrees are clusters.
    bag, bag_of = dict.fromkeys(order, 0), {}
    for v in reversed(order):
        u = parent[v]
        if u >= 0 and gathered[v] < enough:
            bag_of[v] = (u, bag[u])
            gathered[u] += gathered[v]
            if gathered[u] > enough:
                gathered[u], bag[u] = 1, bag[u] + 1
    number: dict[object, int] = {}
    cluster = np.zeros(maze.num_vertices, int)
    for v in order:
        if v in bag_of and bag_of[v][1] == bag[parent[v]]:
            cluster[v] = cluster[parent[v]]  # this bag never filled
        else:
            cluster[v] = number.setdefault(bag_of.get(v, v), len(number))
    tail = np.asarray(maze.head)[np.asarray(maze.reverse)]
    ends = np.stack([cluster[tail], cluster[np.asarray(maze.head)]], axis=1)
    between = ends[ends[:, 0] < ends[:, 1]]
    edges, weight = np.unique(between, axis=0, return_counts=True)
    return Clusters(cluster, np.bincount(cluster), edges, weight)


def bends(maze: Maze) -> np.ndarray:
    """[A] how far an arc bows to its left to keep parallel edges apart: -1 … 1, 0 if alone.

    An edge's two arcs are one curve: seen from the other end it bows to the other side.
    """
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    outward = np.flatnonzero(head[reverse] < head)
    pairs = np.stack([head[reverse][outward], head[outward]])
    _, group, count = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    begin = np.cumsum(count) - count
    number = np.empty(len(outward), int)
    number[order] = np.arange(len(outward)) - begin[group[order]]
    bend = np.zeros(maze.num_arcs)
    bend[outward] = 2 * number / np.maximum(count[group] - 1, 1) - (count[group] > 1)
    bend[reverse[outward]] = -bend[outward]
    return bend
