"""Where training sequences come from: golden paths, recorded walks, walks with their loops erased.

Trainers that imitate need only visit counts: how often, per episode, each row entry [R] is taken.
"""

from typing import NamedTuple

import numpy as np

from mazerl.env import Walks
from mazerl.maze import Maze
from mazerl.policy import rows_of


class _Paths(NamedTuple):
    """Shortest paths from the start, in plain Python: path counts outgrow every fixed width."""

    head: list[int]  # [A]
    out: list[range]  # [V] arcs out of each vertex
    distance: dict[int, int]  # by vertex that the start reaches
    ways: dict[int, int]  # number of shortest paths from the start


def golden_visits(maze: Maze) -> np.ndarray:
    """Expected visits [R] of golden paths: shortest from start to goal, uniform over equals.

    Mean over goals. Shortest paths are counted with exact integers, so any depth works. The work
    for a goal is in proportion to the arcs of its own shortest paths.
    """
    rows, paths = rows_of(maze), _shortest_paths(maze)
    reverse, chance = np.asarray(maze.reverse).tolist(), np.asarray(maze.chance)
    total = np.zeros(rows.size)
    for goal in np.asarray(maze.goals).tolist():
        flow, through = _golden_flow(paths, reverse, int(maze.start), goal)
        into: dict[int, list[tuple[int, float]]] = {int(maze.start): [(maze.num_arcs, 1.0)]}
        for arc, share in flow.items():
            into.setdefault(paths.head[arc], []).append((arc, share))
        for arc, share in flow.items():
            vertex = paths.head[reverse[arc]]
            if not chance[vertex]:
                # A golden path's next arc depends on its vertex alone, whatever the arrival arc.
                port = arc - paths.out[vertex].start
                for arrival, arrived in into[vertex]:
                    total[rows.start[arrival] + port] += arrived * share / through[vertex]
    return total / maze.num_goals


def _shortest_paths(maze: Maze) -> _Paths:
    head, first_arc = np.asarray(maze.head).tolist(), np.asarray(maze.first_arc).tolist()
    degree = np.asarray(maze.degree).tolist()
    out = [range(first, first + ports) for first, ports in zip(first_arc, degree, strict=True)]
    start = int(maze.start)
    distance, count, order = {start: 0}, {start: 1}, [start]
    for u in order:
        for arc in out[u]:
            v = head[arc]
            if v not in distance:
                distance[v], count[v] = distance[u] + 1, 0
                order.append(v)
            if distance[v] == distance[u] + 1:
                count[v] += count[u]
    return _Paths(head, out, distance, count)


def _golden_flow(
    paths: _Paths, reverse: list[int], start: int, goal: int
) -> tuple[dict[int, float], dict[int, float]]:
    """Probability that a uniform shortest path takes each of its arcs, and visits each vertex."""
    flow: dict[int, float] = {}
    through: dict[int, float] = {}
    layer = {goal: 1.0}
    while start not in layer:
        before: dict[int, float] = {}
        for v, mass in layer.items():
            for back in paths.out[v]:
                u = paths.head[back]
                if paths.distance[u] == paths.distance[v] - 1:
                    share = mass * (paths.ways[u] / paths.ways[v])
                    flow[reverse[back]] = share
                    before[u] = before.get(u, 0.0) + share
        through |= layer
        layer = before
    return flow, through | layer


def visits_of(maze: Maze, walks: Walks) -> np.ndarray:
    """Visits per episode [R] of recorded walks, the environment's own moves left out."""
    rows = rows_of(maze)
    arc, port = np.asarray(walks.arc), np.asarray(walks.port)
    real = np.arange(port.shape[1]) < np.asarray(walks.length)[:, None]
    arrival, taken = arc[:, :-1][real], port[real]
    vertex = np.append(np.asarray(maze.head), maze.start)[arrival]
    decided = ~np.asarray(maze.chance)[vertex]
    entry = rows.start[arrival[decided]] + taken[decided]
    return np.bincount(entry, minlength=rows.size) / len(arc)


def erase_loops(maze: Maze, walks: Walks) -> Walks:
    """Cut every loop out of recorded walks, in order of time: dead ends and turns disappear.

    A walk that reached its goal becomes a simple path from the start to it.
    """
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    first_arc, start = np.asarray(maze.first_arc), int(maze.start)
    source, length = np.asarray(walks.arc), np.asarray(walks.length)
    arc, port = np.full_like(source, maze.num_arcs), np.zeros_like(np.asarray(walks.port))
    kept = np.zeros_like(length)
    for b in range(len(source)):
        path: list[int] = []
        position = {start: 0}  # how many arcs of the path lead to each of its vertices
        for taken in source[b, 1 : length[b] + 1].tolist():
            vertex = int(head[taken])
            path.append(taken)
            if vertex in position:
                for dropped in path[position[vertex] : -1]:
                    del position[int(head[dropped])]
                del path[position[vertex] :]
            else:
                position[vertex] = len(path)
        kept[b] = len(path)
        arc[b, 1 : len(path) + 1] = path
        port[b, : len(path)] = np.asarray(path) - first_arc[head[reverse[path]]]
    return walks._replace(arc=arc, port=port, length=kept)
