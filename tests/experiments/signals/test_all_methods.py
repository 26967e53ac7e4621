from functools import cache

import numpy as np
import pandas as pd
import pytest

from experiments import DATA
from experiments.common.scorecard import scorecard
from experiments.common.shown_ways import cut, explored, golden, positives
from experiments.common.ways import Given, base, grouped, tempered, uniform
from experiments.rollouts.tree_training import LIMIT, pool_of
from experiments.signals.all_methods import CHOSEN, TUNED
from experiments.signals.all_methods_claims import claims_of, mean_of
from mazerl.exact.horizon import all_moves
from mazerl.exact.pools import success_of
from mazerl.policy.sampling import seeded_key


@cache
def given() -> Given:
    asked, rows = pool_of(3, 6)
    return Given(asked, rows, 20_000, 0.3, 3, seeded_key(3))


def test_rates_are_the_best_of_the_tuning_runs() -> None:
    told = pd.read_csv(DATA / "all_methods_tuning.csv")
    assert set(told["seed"]) == set(TUNED)
    means = told.groupby(["method", "rate"])["success"].mean().unstack()
    assert means.idxmax(axis="columns").to_dict() == CHOSEN


def test_hindsight_names_goals_that_walks_came_by() -> None:
    start = given()
    walks, steps = explored(start)
    assert abs(steps - start.steps) < 0.02 * start.steps
    named, meant = (cut(start, walks, relabel) for relabel in (True, False))
    world = start.world
    ends = np.asarray(named.arc)[np.arange(len(named.length)), named.length]
    assert (np.asarray(world.head)[ends] == named.goal).all()
    # Each step begins where the one before it ended, in the copy that the first arrival names.
    copy = (np.asarray(named.arc)[:, 0] - world.num_arcs)[:, None]
    for t in range(int(named.length.min())):
        assert (named.arc[:, t + 1] // world.own_arcs == copy[:, 0]).all()
    assert (named.port == meant.port).all()
    assert (named.length == meant.length).all()
    # Those that ended at what was meant are told the same.
    assert 0 < (named.goal == meant.goal).mean() < 1


def test_ways_stay_within_their_budget_and_learn() -> None:
    start = given()
    before = success_of(start.asked, base(start).rows).mean()
    for way in (golden, positives, grouped()):
        learned = way(start)
        assert max(learned.steps, learned.tokens) < 1.3 * start.steps
        assert success_of(start.asked, learned.rows).mean() > before
    assert golden(start).steps == 0
    assert positives(start).steps > 0


def test_outcomes_of_another_group_teach_nothing() -> None:
    start = given()
    before, own, others = (
        success_of(start.asked, way(start).rows).mean()
        for way in (base, grouped(), grouped(others=True))
    )
    assert own > 2 * before
    assert others < 1.5 * before


def test_recovery_is_arriving_in_half_the_limit_from_where_the_base_ends() -> None:
    start = given()
    maze, rows = start.asked.maze, start.base
    source, target, moved = all_moves(maze, rows)
    ends = np.append(np.asarray(maze.degree)[np.asarray(maze.head)] == 1, False)
    worth = weight = 0.0
    for goal in start.asked.goals.tolist():
        there = np.append(np.asarray(maze.head) == goal, False)
        begin = np.append(np.zeros(maze.num_arcs), 1.0)
        visits = np.zeros(maze.num_arcs + 1)
        for _ in range(LIMIT):
            visits += begin
            begin = np.bincount(target, moved * begin[source], len(begin)) * ~there
        for end in np.flatnonzero(ends & ~there):
            mass, won = np.eye(maze.num_arcs + 1)[end], 0.0
            for _ in range(LIMIT // 2):
                mass = np.bincount(target, moved * mass[source], len(mass))
                won += mass[there].sum()
                mass = mass * ~there
            worth, weight = worth + visits[end] * won, weight + visits[end]
    told = scorecard(start.asked, rows, base(start).rows, LIMIT)["recovery"]
    assert told == pytest.approx(worth / weight, rel=1e-10)


def test_untrained_ways_are_the_base_and_the_uniform_walk() -> None:
    start = given()
    np.testing.assert_allclose(tempered(1.0)(start).rows, base(start).rows, atol=1e-15)
    hot = tempered(1e9)(start).rows
    np.testing.assert_allclose(hot, uniform(start).rows, atol=1e-6)


def test_the_scorecard_of_the_base_is_what_is_known_of_it() -> None:
    start = given()
    rows = base(start).rows
    told = scorecard(start.asked, start.base, rows, LIMIT)
    p = success_of(start.asked, rows)
    assert told["success"] == pytest.approx(p.mean(), abs=1e-12)
    assert told["tries"] == pytest.approx((1 - (1 - p) ** 16).mean(), abs=1e-12)
    for name in ("kl", "edited", "information"):
        assert told[name] == pytest.approx(0, abs=1e-12)
    longer = scorecard(start.asked, start.base, rows, 4 * LIMIT)
    assert longer["success"] > told["success"]
    assert longer["time"] == told["time"]
    assert longer["recovery"] == told["recovery"]


def test_claims_fall_where_methods_change_places() -> None:
    rows = pd.read_csv(DATA / "all_methods.csv")
    told = {row["id"]: row["verdict"] for row in claims_of(rows)}
    swap = {
        "trees, UUCB": "GRPO, no spread", "GRPO, no spread": "trees, UUCB",
        "exact RL": "random walk", "random walk": "exact RL",
        "GRPO, others' outcomes": "SFT, shortest paths",
        "SFT, shortest paths": "GRPO, others' outcomes",
    }  # fmt: skip
    swapped = rows.assign(method=rows["method"].replace(swap))
    other = {row["id"]: row["verdict"] for row in claims_of(swapped)}
    lost = {name for name, verdict in told.items() if verdict == "holds" != other[name]}
    assert lost >= {"U1.1", "U1.5", "U1.10", "U1.11", "U1.c1"}


def test_an_interval_is_students() -> None:
    mean, (low, high) = mean_of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert mean == 3.0
    assert high - mean == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)
    assert mean - low == pytest.approx(high - mean)
    assert np.isnan(mean_of(np.array([1.0, 2.0]))[1]).all()
