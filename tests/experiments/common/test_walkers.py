"""Walkers against rows by hand."""

import numpy as np
import pytest

from experiments.common.expected_updates import Task, task_of
from experiments.common.walkers import WALKERS, Walker, at_temperature, greedy, mixed, nucleus
from mazerl import build, compile_maze

ROW = np.array([0.2, 0.5, 0.3])


@pytest.fixture(scope="module")
def task() -> Task:
    """A star of three arms: where walks begin there are three ports, elsewhere fewer or as many."""
    maze = compile_maze(build("path_star", arms=3, length=1, fork="learned"))
    return task_of(maze, int(maze.goals[0]), 3)


def rows_like(task: Task, row: np.ndarray) -> np.ndarray:
    """Log-probabilities [R, 1], the same at every row of three ports."""
    p = np.ones((len(task.arrival), 1))
    for begin, end in task.rows():
        p[begin:end, 0] = row if end - begin == 3 else 1 / (end - begin)
    return np.log(p)


@pytest.mark.parametrize(
    ("walker", "wanted"),
    [
        (lambda t, x: at_temperature(0.5, t, x), ROW**2 / (ROW**2).sum()),
        (lambda t, x: mixed(0.3, t, x), 0.7 * ROW + 0.1),
        (lambda t, x: greedy(0.3, t, x), [0.1, 0.8, 0.1]),
        (lambda t, x: nucleus(0.7, t, x), [0, 5 / 8, 3 / 8]),
        # The mass is reached by the first already.
        (lambda t, x: nucleus(0.5, t, x), [0, 1, 0]),
        (lambda t, x: nucleus(0.81, t, x), ROW),
    ],
)
def test_a_row(task: Task, walker: Walker, wanted: np.ndarray) -> None:
    found = walker(task, rows_like(task, ROW))
    np.testing.assert_allclose(found[-3:, 0], wanted, rtol=1e-12, atol=1e-16)


def test_of_ports_alike_the_first_is_taken(task: Task) -> None:
    now = rows_like(task, np.full(3, 1 / 3))
    np.testing.assert_allclose(greedy(0.0, task, now)[-3:, 0], [1, 0, 0])
    np.testing.assert_allclose(nucleus(0.6, task, now)[-3:, 0], [0.5, 0.5, 0])


@pytest.mark.parametrize("name", WALKERS)
def test_rows_add_up_to_1(task: Task, name: str) -> None:
    logits = np.random.default_rng(0).normal(size=(len(task.arrival), 4)) * 3
    found = WALKERS[name](task, task.log_softmax(logits))
    np.testing.assert_allclose((task.of_row @ found)[np.unique(task.arrival)], 1, rtol=1e-12)
