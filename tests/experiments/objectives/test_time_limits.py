"""The exact answers that O7 compares with, found another way; the ascent."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from experiments.common.limits import best_success, discounted_gradient, success_and_gradient
from experiments.objectives import time_limits
from experiments.objectives.time_limits import (
    Config,
    ascend,
    maze_of,
    method_of,
    reached,
    run,
    uniform,
)
from mazerl.exact.horizon import arrival_law, success_gradient
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training import Method, Run
from mazerl.training.ppo import PPOTask
from mazerl.walk.env import Reward

WAYS = maze_of("two ways")
KEY = jax.random.key(0)


def always(door: bool) -> np.ndarray:
    """Rows that always take the door, or always the sure way."""
    rows = rows_of(WAYS)
    by_door = np.asarray(WAYS.head)[rows.arc] == 1
    at_start = np.append(np.asarray(WAYS.head), WAYS.start)[rows.arrival] == 0
    return np.where(at_start, by_door == door, uniform(WAYS))


def test_the_door_is_sooner_and_the_sure_way_shorter() -> None:
    door, sure = always(True), always(False)
    # The edges times two, by the formula of commute times on trees; 4² on a path.
    assert hitting_times(WAYS, sure)[0] == pytest.approx(16)
    assert hitting_times(WAYS, door)[0] == pytest.approx(24)
    within = [arrival_law(WAYS, p, 11)[0].cumsum() for p in (door, sure)]
    assert within[0][11] > within[1][11] + 0.2
    assert best_success(WAYS, 11, 2) >= within[0][11]
    # No mixture of rows is better, on a lattice.
    rows, best = rows_of(WAYS), 0.0
    at_start = np.append(np.asarray(WAYS.head), WAYS.start)[rows.arrival] == 0
    by_door = np.asarray(WAYS.head)[rows.arc] == 1
    which = np.unique(rows.arrival[at_start])
    for shares in np.ndindex(3, 3, 3):
        share = np.zeros(len(rows.arrival))
        for arrival, each in zip(which, shares, strict=True):
            share[rows.arrival == arrival] = each / 2
        p = np.where(at_start, np.where(by_door, share, 1 - share), uniform(WAYS))
        best = max(best, arrival_law(WAYS, p, 11)[0].sum())
    assert best <= best_success(WAYS, 11) + 1e-5


def test_gradients_agree_with_those_found_otherwise() -> None:
    maze = maze_of("corridor")
    logits = np.random.default_rng(1).normal(size=rows_of(maze).size)
    p = row_probabilities(maze, logits)
    success, gradient = success_and_gradient(maze, p, 30)
    exact = success_gradient(maze, p, 30)
    assert success == pytest.approx(exact.success[0], rel=1e-12)
    np.testing.assert_allclose(gradient, exact.logits[0], rtol=1e-9, atol=1e-14)

    def earned(nudged: np.ndarray) -> float:
        law = arrival_law(maze, row_probabilities(maze, nudged), 250)[0]
        return float(law @ 0.9 ** np.arange(251))

    found = discounted_gradient(maze, p, 0.9)
    for entry in range(0, len(p), 37):
        nudge = 1e-5 * (np.arange(len(p)) == entry)
        slope = (earned(logits + nudge) - earned(logits - nudge)) / 2e-5
        assert found[entry] == pytest.approx(slope, abs=1e-8)
    assert np.abs(found).max() > 1e-3


def test_ascent_climbs_what_it_is_told_to_and_stops_where_nothing_is_left() -> None:
    right = method_of(WAYS, "success", 11, 0.95, False, True)
    p, moved = ascend(WAYS, right, 40)
    assert moved > 10
    assert arrival_law(WAYS, p, 11)[0].sum() > 0.99 * best_success(WAYS, 11, 1)
    wrong = method_of(WAYS, "success", 11, 0.95, True, False)
    p, moved = ascend(WAYS, wrong, 40)
    assert moved == 0
    np.testing.assert_array_equal(p, uniform(WAYS))


def test_ppo_is_run_as_a_cell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def stand_in(method: Method, task: PPOTask, start: np.ndarray, *rest: Any, **_: Any) -> Run:
        begun = jax.eval_shape(lambda key: method.begin(method.world, task, key), KEY)
        seen.update(values=begun.values, task=task)
        return Run(start, {}, np.stack([start, start]), 1)

    monkeypatch.setattr(time_limits, "train", stand_in)
    ends = run(Config("ppo", "two ways", 11, 10, "success", True, 5, 1.0))["ends"]
    assert seen["values"].shape == (5, WAYS.num_arrivals)
    assert (seen["task"].reward, seen["task"].limit) == (Reward(1.0, 0.0), 11)
    np.testing.assert_allclose(ends, np.tile(reached(WAYS, uniform(WAYS), 11), (2, 1)))
    run(Config("ppo", "two ways", 11, 10, "hitting_time"))
    assert seen["values"].shape == (1, WAYS.num_arrivals)
    assert seen["task"].reward == Reward(0.0, 0.05)


def test_values_that_are_still_being_learned_lead_away_from_the_door() -> None:
    base = reached(WAYS, uniform(WAYS), 11)
    lag = Config("lag", "two ways", 11, 50, bootstraps=True)
    assert run(lag)["ends"][0] < base[0] - 0.1
    np.testing.assert_array_equal(run(replace(lag, begins=1.0))["ends"], base)
    # An end has something to climb, whatever the values are.
    assert run(replace(lag, bootstraps=False, begins=1.0))["ends"][0] > base[0] + 0.03
