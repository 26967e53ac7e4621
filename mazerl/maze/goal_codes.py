"""Codes by which a network is told its goal; they depend on the maze alone, not on the problems.

A composed code says a goal in parts that other goals have too, so that a goal that was never
trained consists of parts that were. An identifier of its own says nothing to a network that has not
met it: the control.
"""

from typing import NamedTuple

import numpy as np

from mazerl.maze.paths import shortest_paths
from mazerl.maze.world import Maze

_LANDMARKS = 2


class GoalCodes(NamedTuple):
    """What tells each vertex as a goal."""

    parts: np.ndarray  # [V, L] int32
    size: int  # C, how many parts there are


def composed_codes(maze: Maze) -> GoalCodes:
    """The way to a vertex: which port at each junction, the last two junctions, steps from there.

    Ways are those of the breadth-first tree from the start, junctions its vertices where it has
    more than one port onward. No two vertices have the same code.
    """
    head, paths = np.asarray(maze.head), shortest_paths(maze)
    before = np.full(maze.num_vertices, -1)
    onward: list[list[int]] = [[] for _ in range(maze.num_vertices)]
    order = sorted(paths.distance, key=lambda vertex: paths.distance[vertex])
    for vertex in order:
        for arc in paths.out[vertex]:
            child = int(head[arc])
            if before[child] < 0 and paths.distance[child] == paths.distance[vertex] + 1:
                before[child] = vertex
                onward[vertex].append(child)
    # By vertex: the choices on the way, the junctions, and steps since the last.
    ways: dict[int, tuple[list[int], list[int], int]] = {int(maze.start): ([], [], 0)}
    for vertex in order:
        choices, junctions, steps = ways[vertex]
        for port, child in enumerate(onward[vertex]):
            chosen = len(onward[vertex]) > 1
            ways[child] = (
                ([*choices, port], [*junctions, vertex], 0)
                if chosen
                else (choices, junctions, steps + 1)
            )
    return _numbered(maze.num_vertices, ways)


def _numbered(vertices: int, ways: dict[int, tuple[list[int], list[int], int]]) -> GoalCodes:
    """Parts as numbers, those of each place in the code after those of the places before it."""
    levels = max(len(choices) for choices, _, _ in ways.values())
    words = np.zeros((vertices, levels + _LANDMARKS + 1), np.int32)
    for vertex, (choices, junctions, steps) in ways.items():
        words[vertex, : len(choices)] = np.asarray(choices, np.int32) + 1
        for back in range(min(_LANDMARKS, len(junctions))):
            words[vertex, levels + back] = junctions[-1 - back] + 1
        words[vertex, -1] = steps
    found = [np.unique(column, return_inverse=True) for column in words.T]
    sizes = [len(values) for values, _ in found]
    offsets = np.cumsum([0, *sizes[:-1]])
    parts = np.stack([place + offset for (_, place), offset in zip(found, offsets, strict=True)], 1)
    return GoalCodes(parts.astype(np.int32), sum(sizes))


def identifiers(maze: Maze) -> GoalCodes:
    """A part of its own for every vertex."""
    return GoalCodes(np.arange(maze.num_vertices, dtype=np.int32)[:, None], maze.num_vertices)
