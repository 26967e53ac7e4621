"""Coverage: by enumeration of walks, and its gradient by finite differences."""

import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.coverage import coverage, coverage_turns
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from tests.support.enumeration import all_walks

LIMIT = 6


@pytest.fixture(scope="module")
def cave() -> Maze:
    return compile_maze(build("caves", junctions=2, most=3, passage=0, loops=0.5, graph_seed=7))


def drawn_logits(maze: Maze) -> np.ndarray:
    return np.random.default_rng(0).normal(size=rows_of(maze).size)


def test_share_by_enumerating_walks(cave: Maze) -> None:
    p = row_probabilities(cave, drawn_logits(cave))
    checkpoints = np.array([1, 3])
    heads, rows = np.asarray(cave.head), rows_of(cave)
    each = np.zeros(2)
    for walk in all_walks(cave, -1, LIMIT):
        been = heads[rows.arc[list(walk.entries)]]
        each += p[list(walk.entries)].prod() * np.isin(checkpoints, been)
    found = coverage(cave, p, LIMIT, checkpoints)
    np.testing.assert_allclose(found.each, each, atol=1e-14)
    assert found.share == pytest.approx(each.mean(), abs=1e-14)
    assert 0 < each.min() < each.max() < 1


def test_gradient_by_finite_differences(cave: Maze) -> None:
    logits, checkpoints = drawn_logits(cave), np.array([1, 2, 3])
    found = coverage(cave, row_probabilities(cave, logits), LIMIT, checkpoints)
    for n in range(len(logits)):
        step = np.eye(len(logits))[n] * 1e-5
        up, down = (
            coverage(cave, row_probabilities(cave, logits + s), LIMIT, checkpoints).share
            for s in (step, -step)
        )
        assert found.gradient[n] == pytest.approx((up - down) / 2e-5, abs=1e-6)
    assert np.abs(found.gradient).max() > 1e-3


def test_turns_are_the_last_of_so_many() -> None:
    np.testing.assert_array_equal(np.flatnonzero(coverage_turns(14, 6)), [5, 11])
    np.testing.assert_array_equal(np.flatnonzero(coverage_turns(5, 2)), [1, 3])
    assert not coverage_turns(9, 0).any()


def test_bad_input_is_one_line(cave: Maze) -> None:
    p = row_probabilities(cave, drawn_logits(cave))
    for wrong, said in (
        ([99], "checkpoint 99 is the start or none of the"),
        ([-1], "checkpoint -1 is the start or none"),
        ([0], "checkpoint 0 is the start or none"),
        ([1, 1], "a checkpoint is given twice"),
        ([1.5], "no list of vertices"),
        ([], "no list of vertices"),
    ):
        with pytest.raises(MazerlError, match=said):
            coverage(cave, p, LIMIT, np.array(wrong))
    with pytest.raises(MazerlError, match="the time limit is 0"):
        coverage(cave, p, 0, np.array([1]))
    with pytest.raises(MazerlError, match="probabilities have shape"):
        coverage(cave, p[1:], LIMIT, np.array([1]))
    with pytest.raises(MazerlError, match="the task is never trained; let every be 0"):
        coverage_turns(9, 1)
    with pytest.raises(MazerlError, match="every is -2"):
        coverage_turns(9, -2)
    with pytest.raises(MazerlError, match="the number of updates is 0"):
        coverage_turns(0, 2)
