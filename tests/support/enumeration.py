"""Every walk that there is on a small maze, step by step."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mazerl.maze import Maze
from mazerl.policy.rows import rows_of


class Walk(NamedTuple):
    """A walk that ended at the goal or at the time limit."""

    reached: bool
    entries: tuple[int, ...]  # row entries that were taken


def all_walks(maze: Maze, goal: int, limit: int) -> list[Walk]:
    """All walks of at most `limit` steps, whatever their probabilities; no vertex is chance's."""
    rows, head = rows_of(maze), np.asarray(maze.head)

    def go_on(arrival: int, taken: tuple[int, ...]) -> Iterator[Walk]:
        reached = arrival < maze.num_arcs and int(head[arrival]) == goal
        if reached or len(taken) == limit:
            yield Walk(reached, taken)
            return
        for entry in np.flatnonzero(rows.arrival == arrival):
            yield from go_on(int(rows.arc[entry]), (*taken, int(entry)))

    return list(go_on(maze.num_arcs, ()))


def scores(maze: Maze, p: np.ndarray) -> np.ndarray:
    """∇ log p of each entry [R, R], by the logits."""
    same = rows_of(maze).arrival[:, None] == rows_of(maze).arrival[None]
    return np.asarray(np.eye(len(p)) - same * p[None])
