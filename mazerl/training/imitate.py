"""Learning to imitate: SFT on golden paths and distillation, by exact expected cross-entropy.

    task   = how often the demonstrator takes each row entry per episode
             (`walks.golden_visits`, `markov.entry_visits` of a teacher, `walks.visits_of` samples)
    batch  = the task: nothing is sampled
    loss   = mean over tokens of -log π(demonstrated move | arrival arc)

SFT and distillation differ in nothing but whose visits they are given.
"""

from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.families import FamilyVisits, family_log_probabilities
from mazerl.maze import Array, Maze
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.training.method import Batch, Method, Metrics, the_task
from mazerl.training.objectives import cross_entropy


class Demonstration(NamedTuple):
    """Visits of a maze's tabular rows."""

    visits: Array  # [R]
    arrival: Array  # [R] the row of each entry
    rows: Array  # [A+1] zeros, for the number of rows


def demonstration(maze: Maze, visits: np.ndarray) -> Demonstration:
    """The task of imitating visits [R] with free rows.

    Raises:
        MazerlError: the visits are not of this maze, negative, or all zero.
    """
    rows = rows_of(maze)
    visits = np.asarray(visits, np.float64)
    if visits.shape != (rows.size,) or not (visits >= 0).all() or not visits.sum() > 0:
        raise MazerlError(
            f"visits of shape {visits.shape} with sum {visits.sum():g}; "
            f"give ({rows.size},) visits of this maze, not all zero"
        )
    return Demonstration(visits, rows.arrival, np.zeros(maze.num_arcs + 1, np.int32))


def _tabular_loss(world: None, logits: Array, batch: Batch) -> tuple[Array, Metrics]:
    del world
    task: Demonstration = batch.shared
    log_probability = row_log_softmax(logits, task.arrival, task.rows.shape[0])
    return cross_entropy(log_probability, task.visits), {}


def _family_loss(world: None, gaps: Array, batch: Batch) -> tuple[Array, Metrics]:
    del world
    task: FamilyVisits = batch.shared
    return cross_entropy(family_log_probabilities(gaps, task.lanes), task.visits), {}


IMITATE_TABULAR = Method(the_task, _tabular_loss, exact=True)
"""Parameters: tabular logits [R]. Task: a `Demonstration`."""

IMITATE_FAMILIES = Method(the_task, _family_loss, exact=True)
"""Parameters: a corridor's gaps [4, K]. Task: `families.FamilyVisits`."""
