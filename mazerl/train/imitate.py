"""Learning to imitate: SFT on golden paths and distillation, by exact expected cross-entropy.

    visits = how often the demonstrator takes each row entry per episode [R]
             (`walks.golden_visits`, `markov.entry_visits` of a teacher, `walks.visits_of` samples)
    loss   = mean over tokens of -log π(demonstrated move | arrival arc)

SFT and distillation differ in nothing but whose visits they are given.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze
from mazerl.objectives import cross_entropy
from mazerl.policy import row_log_softmax, rows_of
from mazerl.train.loop import Batch, Method


def imitation(
    maze: Maze,
    visits: np.ndarray,
    to_logits: Callable[[Any], Array] = lambda params: params,
) -> Method:
    """Imitate a demonstrator, given its visits [R].

    Args:
        maze: the maze whose rows are trained.
        visits: [R] expected or sampled visits of each entry.
        to_logits: the policy's parameters → tabular logits [R]; the identity trains free rows.
    """
    rows = rows_of(maze)
    visits = np.asarray(visits, np.float64)
    if visits.shape != (rows.size,) or not visits.sum() > 0:
        raise MazerlError(
            f"visits of shape {visits.shape} with sum {visits.sum():g}; "
            f"give ({rows.size},) visits of this maze, not all zero"
        )

    def loss(params: Any, batch: Batch) -> Array:
        del batch
        log_probability = row_log_softmax(to_logits(params), rows.arrival, maze.num_arcs + 1)
        return cross_entropy(log_probability, visits)

    return Method(collect=lambda params, key: (), loss=loss, exact=True)
