"""Success within a limit: stepped, doubled, and by rational arithmetic."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact import long_limits
from mazerl.exact.horizon import hit_probability
from mazerl.exact.long_limits import success_within
from mazerl.maze import Maze
from mazerl.measure.evaluate import evaluate
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR


def random_rows(maze: Maze, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=rows_of(maze).size)
    return row_probabilities(maze, logits)


@pytest.mark.parametrize("fork", ["chance", "learned"])
def test_doubled_and_stepped_are_the_same(fork: str, monkeypatch: pytest.MonkeyPatch) -> None:
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=2, fork=fork))
    rows = random_rows(maze, 0)
    for limit in (1, 2, 3, 7, 64, 333):
        monkeypatch.setattr(long_limits, "_SQUARE_RATE", 1e-9)
        stepped = success_within(maze, rows, limit)
        monkeypatch.setattr(long_limits, "_SQUARE_RATE", 1e30)
        np.testing.assert_allclose(success_within(maze, rows, limit), stepped, rtol=1e-12)
        assert stepped.mean() == pytest.approx(hit_probability(maze, rows, limit)[-1], rel=1e-12)


def test_a_limit_of_ten_to_the_nine_costs_nothing() -> None:
    """A geometric arrival: at the fork the walk tries the goal's arm once in 10⁹ times."""
    maze = compile_maze(build("path_star", arms=2, length=1, fork="learned"))
    rows = rows_of(maze)
    away = 10.0**-9
    goal_arc = np.asarray(maze.head)[rows.arc] == int(maze.goals[0])
    p = np.where(goal_arc, away, 1 - away)
    alone = np.bincount(rows.arrival, minlength=maze.num_arcs + 1)[rows.arrival] == 1
    found = success_within(maze, np.where(alone, 1.0, p), 10**9)
    # A try every second step, the first at once.
    expected = 1 - (1 - Fraction(1, 10**9)) ** 4
    tries = success_within(maze, np.where(alone, 1.0, p), 7)
    assert tries[0] == pytest.approx(float(expected), rel=1e-9)
    assert found[0] == pytest.approx(-np.expm1(5e8 * np.log1p(-away)), rel=1e-7)
    assert (found <= 1).all()


def test_where_a_limit_is_too_long_success_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=2))
    params = jnp.zeros(rows_of(maze).size)
    exact = evaluate(TABULAR, maze, params, jax.random.key(0), 4000, 60)
    monkeypatch.setattr(long_limits, "_MOST_SECONDS", 0.0)
    walked = evaluate(TABULAR, maze, params, jax.random.key(0), 4000, 60)
    assert (exact.walks, walked.walks) == (0, 4000)
    assert walked.how == "exact chain; success by 4000 walks"
    assert walked.hitting_time == exact.hitting_time
    spread = np.sqrt(exact.success_within_limit * exact.censored_share / 4000)
    assert abs(walked.success_within_limit - exact.success_within_limit) < 4 * spread


def test_limits_that_cannot_be_followed_are_told() -> None:
    maze = compile_maze(build("grid", height=40, width=40))
    rows = row_probabilities(maze, np.zeros(rows_of(maze).size))
    with pytest.raises(MazerlError, match=r"cannot be followed through .* give at most"):
        success_within(maze, rows, 2**31 - 1)
    for limit in (0, -1, 2**31, 1.5):
        with pytest.raises(MazerlError, match="the time limit is"):
            success_within(maze, rows, limit)  # type: ignore[arg-type]
