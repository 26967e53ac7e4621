"""Where training sequences come from: golden paths, recorded walks, walks with their loops erased.

Trainers that imitate need only visit counts: how often, per episode, each row entry [R] is taken.
"""

import numpy as np

from mazerl.env import Walks
from mazerl.maze import Maze
from mazerl.policy import rows_of


def golden_visits(maze: Maze) -> np.ndarray:
    """Expected visits [R] of golden paths: shortest from start to goal, uniform over equals.

    Mean over goals. Shortest paths are counted with exact integers, so any depth works.
    """
    rows = rows_of(maze)
    vertex = np.append(np.asarray(maze.head), maze.start)[rows.arrival]
    total = np.zeros(rows.size)
    for goal in np.asarray(maze.goals):
        flow = _golden_flow(maze, int(goal))
        # A golden path's next arc depends on its vertex alone, whatever the arrival arc.
        through = np.bincount(np.append(np.asarray(maze.head), maze.start), np.append(flow, 1.0))
        share = np.zeros(rows.size)
        np.divide(flow[rows.arc], through[vertex], out=share, where=flow[rows.arc] > 0)
        total += np.append(flow, 1.0)[rows.arrival] * share
    return total / maze.num_goals


def _golden_flow(maze: Maze, goal: int) -> np.ndarray:
    """Probability [A] that a uniformly drawn shortest path traverses each arc."""
    head, first_arc = np.asarray(maze.head).tolist(), np.asarray(maze.first_arc).tolist()
    degree = np.asarray(maze.degree).tolist()
    distance, paths, order = {goal: 0}, {goal: 1}, [goal]
    for v in order:
        for arc in range(first_arc[v], first_arc[v] + degree[v]):
            u = head[arc]
            if u not in distance:
                distance[u], paths[u] = distance[v] + 1, 0
                order.append(u)
            if distance[u] == distance[v] + 1:
                paths[u] += paths[v]
    flow, mass = np.zeros(maze.num_arcs), {int(maze.start): 1.0}
    for u in reversed(order):
        if u not in mass:
            continue
        for arc in range(first_arc[u], first_arc[u] + degree[u]):
            v = head[arc]
            if distance[v] == distance[u] - 1:
                flow[arc] = mass[u] * (paths[v] / paths[u])
                mass[v] = mass.get(v, 0.0) + flow[arc]
    return flow


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
