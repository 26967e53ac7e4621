"""Mazes sorted into classes of one graph each, so that none of a test is in training renamed.

Two mazes are of one class if their graphs are isomorphic, parallel passages counted; start, goals
and chance are left out, so that a maze is not new because it is asked from another room.
"""

from collections.abc import Sequence

import networkx as nx
import numpy as np
from networkx.algorithms.isomorphism import GraphMatcher, numerical_edge_match
from scipy.sparse import csr_array

from mazerl.errors import MazerlError, require_number, require_seed
from mazerl.maze import Maze


def classes_of(mazes: Sequence[Maze]) -> np.ndarray:
    """The number of each maze's class [M], counted from 0 in the order in which they appear.

    Within one hash of Weisfeiler and Lehman, graphs are compared by an isomorphism.
    """
    found: dict[str, list[tuple[int, nx.Graph[int]]]] = {}
    numbers: list[int] = []
    for maze in mazes:
        graph = _simple(maze)
        hashed = nx.weisfeiler_lehman_graph_hash(
            graph, edge_attr="times", node_attr="closed", iterations=2
        )
        alike = found.setdefault(hashed, [])
        same = next((number for number, other in alike if _isomorphic(graph, other)), None)
        if same is None:
            same = max(numbers, default=-1) + 1
            alike.append((same, graph))
        numbers.append(same)
    return np.asarray(numbers, int)


def _isomorphic(one: "nx.Graph[int]", other: "nx.Graph[int]") -> bool:
    times = numerical_edge_match("times", 1)
    closed = _same_closed
    return bool(GraphMatcher(one, other, node_match=closed, edge_match=times).is_isomorphic())


def _same_closed(one: dict[str, str], other: dict[str, str]) -> bool:
    return one["closed"] == other["closed"]


def _simple(maze: Maze) -> "nx.Graph[int]":
    """The graph, its parallel passages counted; a vertex knows its closed walks of 2 to 6 steps.

    These tell most regular graphs apart, which one refinement by neighbours does not.
    """
    head = np.asarray(maze.head, np.int64)
    tail = head[np.asarray(maze.reverse)]
    one = csr_array(
        (np.ones(len(head), np.int64), (tail, head)), shape=(maze.num_vertices, maze.num_vertices)
    )
    two = one @ one
    three = two @ one
    closed = np.stack([
        np.asarray(left.multiply(right).sum(1))
        for left, right in ((one, one), (two, one), (two, two), (three, two), (three, three))
    ], 1)  # fmt: skip
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from((v, {"closed": str(row)}) for v, row in enumerate(closed.tolist()))
    times = one.tocoo()
    graph.add_edges_from(
        (u, v, {"times": count})
        for u, v, count in zip(times.row.tolist(), times.col.tolist(), times.data.tolist(),
                               strict=True)
        if u < v
    )  # fmt: skip
    return graph


def split_by_class(classes: np.ndarray, held_out: float, seed: int) -> np.ndarray:
    """Whether each maze is for the test [M]: whole classes, drawn until their mazes are the share.

    Raises:
        MazerlError: the share is none from 0 to 1, or one side would have no class.
    """
    require_number("held_out", held_out, 0.0, 1.0)
    draw = np.random.default_rng(require_seed("the seed", seed))
    number, size = np.unique(classes, return_counts=True)
    order = draw.permutation(len(number))
    before = np.concatenate([[0], np.cumsum(size[order])[:-1]])
    test = np.isin(classes, number[order][before < round(held_out * len(classes))])
    if held_out and (test.all() or not test.any()):
        raise MazerlError(
            f"{held_out:g} of {len(classes)} mazes held out, which are of {len(number)} classes of "
            "isomorphic graphs, leaves one side empty; give more different mazes, or another share"
        )
    return test
