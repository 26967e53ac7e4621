"""The parts of the study of gated training that its claims lean on."""

import numpy as np
import pandas as pd
import pytest

from experiments.common.gated_runs import LIMIT, pool_of
from experiments.edits.gated_training_claims import _filter, _mean
from experiments.edits.gated_training_limits import loss_of, walked
from experiments.edits.gated_training_tables import _steps_to
from mazerl.exact.contrast import moves_in_time, moves_made, shown_rows
from mazerl.exact.pools import success_of
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.store.records import Record


def test_rows_that_know_the_time_succeed_surely_and_those_that_do_not_less() -> None:
    pool = pool_of(0, 3, 0)
    maze, goals = pool.asked.maze, pool.asked.goals
    for x, goal in enumerate(goals):
        made = moves_in_time(maze, pool.base, LIMIT, int(goal))
        base = np.tile(pool.base, (LIMIT, 1))
        assert walked(maze, base, int(goal)) == pytest.approx(success_of(pool.asked, pool.base)[x])
        assert walked(maze, shown_rows(maze, made.arriving, base), int(goal)) == pytest.approx(
            1, abs=1e-9
        )
    made = moves_made(maze, pool.base, LIMIT, goals)
    blind = shown_rows(maze, made.arriving, np.tile(pool.base, (len(goals), 1)))
    assert (success_of(pool.asked, blind) < 0.999).all()
    assert (success_of(pool.asked, blind) > 3 * made.success).all()


def test_the_loss_is_a_sum_of_log_probabilities_however_small() -> None:
    pool = pool_of(0, 1, 0)
    maze, rows = pool.asked.maze, rows_of(pool.asked.maze)
    draw = np.random.default_rng(0)
    logits, moves = draw.normal(size=(2, rows.size)), draw.normal(size=(2, rows.size))
    log_p = np.stack([row_log_softmax(x, rows.arrival, maze.num_arcs + 1) for x in logits])
    assert loss_of(maze, moves, logits) == pytest.approx(-(moves * log_p).sum(), rel=1e-4)
    far = np.where(np.arange(rows.size) == rows.start[0], -2000.0, 0.0)[None]
    only = (far < 0).astype(float)
    degree = int(rows.start[1] - rows.start[0])
    rest = np.log(max(degree - 1, 1))
    assert loss_of(maze, only, far) == pytest.approx(0 if degree == 1 else 2000 + rest)


def test_steps_to_a_success_are_interpolated() -> None:
    steps, curve = np.array([0.0, 10, 20]), np.array([0.1, 0.5, 0.4])
    assert _steps_to(steps, curve, 0.3) == pytest.approx(5)
    assert _steps_to(steps, curve, 0.1) == 0
    assert _steps_to(steps, curve, 0.6) == float("inf")


def test_intervals_are_students() -> None:
    mean = _mean(np.array([1.0, 2.0, 3.0, 4.0]))
    # t of 3 degrees of freedom is 3.182; the standard error is 0.6455.
    assert mean.value == 2.5
    assert mean.interval == pytest.approx((2.5 - 3.1824 * 0.6455, 2.5 + 3.1824 * 0.6455), abs=1e-3)
    assert _mean(np.array([1.0])).interval == (-np.inf, np.inf)


def test_the_filter_is_held_against_its_law() -> None:
    draw = np.random.default_rng(1)
    p = draw.random(400) * 0.2
    count = draw.binomial(20, p)
    arrays = {"walker": p, "before": p / 3, "kept": (count > 0) & (count < 20)}
    pools = pd.DataFrame({"problems": [400], "moved_dropped": [0.0], "grpo_dropped": [0.5]})
    told = {row["id"]: row for row in _filter([Record({}, {}, arrays)], pools)}
    assert {name: row["verdict"] for name, row in told.items()} == dict.fromkeys(told, "holds")
    assert float(str(told["X14.c1"]["measured"])) > 4
