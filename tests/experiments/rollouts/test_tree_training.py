"""What the study of training on trees is told, and reads off, against the exact chain."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from experiments.common.oracles import most_open, values_of
from experiments.rollouts import tree_training
from experiments.rollouts.tree_training import Config, pool_of
from experiments.rollouts.tree_training_claims import claims_of
from mazerl.exact.horizon import follow
from mazerl.maze.prompts import prompts_of
from mazerl.policy.prompted import join_rows
from mazerl.store.records import Record
from mazerl.training.tree import TreeTask
from mazerl.walk.nodes import nodes_of
from mazerl.walk.selectors import UUCB, uucb_weights
from tests.support.forests import bushy, cave

LIMIT = 30


def test_the_oracle_is_told_the_exact_values_of_every_problem() -> None:
    pool = pool_of(1, 3)
    maze, world = pool.asked.maze, prompts_of(pool.asked)
    start = join_rows(world, np.log(pool.base)).astype(np.float32)
    value = np.asarray(jax.jit(lambda x: values_of(world, x, LIMIT))(start))
    arcs = maze.num_arcs
    for x, goal in enumerate(pool.asked.goals):
        exact = follow(maze, pool.base, LIMIT, int(goal)).to_go
        mine = value[:, np.append(np.arange(x * arcs, (x + 1) * arcs), world.num_arcs + x)]
        away = np.append(np.asarray(maze.head) != goal, True)
        np.testing.assert_allclose(mine[:, away], exact[:, away], atol=1e-5)
    assert value.max() > 0.5


def test_most_open_is_where_v_is_nearest_to_a_half() -> None:
    class Seen:
        left = jnp.asarray([[[2, 1]]])
        arc = jnp.asarray([[[0, 1]], [[1, 1]]])

    table = jnp.asarray([[0.0, 0.0], [0.0, 0.5], [0.9, 0.1]])
    seen: Any = Seen()
    scores = most_open(seen, table, jax.random.key(0))
    np.testing.assert_allclose(scores, [[[0.09, 0.25]], [[0.09, 0.25]]], rtol=1e-6)


def test_trees_are_told_the_outcomes_of_others_where_the_task_asks_for_it() -> None:
    forest = bushy()
    exchange = tree_training._may_exchange(lambda *_: (forest, ()))
    for name, shift in (("fixed", 0), ("others", 1)):
        task = TreeTask(weights=tree_training._WEIGHTS[name])
        told, _ = exchange(None, task, None, (), None)
        np.testing.assert_array_equal(told.reached, np.roll(forest.reached, shift, axis=0))
    assert (forest.reached != np.roll(forest.reached, 1, axis=0)).any()


def test_flat_groups_are_trees_that_begin_anew() -> None:
    nodes = nodes_of(bushy(), cave().maze)
    scores = {
        name: tree_training._BY_WEIGHTS.select(nodes, weights[:7], jax.random.key(0))
        for name, weights in tree_training._WEIGHTS.items()
    }
    assert (np.asarray(scores["flat"]).reshape(20, -1).argmax(1) == 0).all()
    np.testing.assert_array_equal(scores["fixed"], scores["others"])
    expected = UUCB(nodes, uucb_weights(), jax.random.key(0))
    np.testing.assert_allclose(scores["uucb"], expected, rtol=1e-6)


def record(config: dict[str, Any], steps: list[float], success: list[float]) -> Record:
    arrays = {
        "steps": np.asarray(steps), "judged": np.asarray([True, True, False, True]),
        "success": np.asarray(success), "last": np.asarray([1.0, 0.2]),
        "mixed": np.asarray([0.4, 0.6, 0.8]),
    }  # fmt: skip
    return Record(config=config, arrays=arrays, environment={})


def test_curves_are_read_between_the_updates_that_are_judged() -> None:
    config = {"method": "flat", "seed": 1, "rate": 0.1, "steps": 1000}
    row = tree_training._row(record(config, [0, 400, 800, 1200], [0.1, 0.5, 0.95]))
    # From 0.5 at 400 steps to 0.95 at 1200, the update between them was not judged.
    assert row["end"] == pytest.approx(0.5 + 0.45 * 600 / 800)
    assert (row["met"], row["needed"]) == (False, 1000)
    assert (row["updates"], row["lost"], row["before"]) == (2, 1, 0.1)
    sooner = tree_training._row(record(config, [0, 400, 800, 1000], [0.1, 0.5, 0.95]))
    assert sooner["needed"] == pytest.approx(400 + 600 * 0.4 / 0.45)
    assert sooner["met"]


def runs(**needed: float) -> pd.DataFrame:
    """Runs of five pools at both rates, each needing more steps than the one before."""
    rows = [
        {"method": name, "seed": seed, "rate": rate, "needed": each * (seed + 1), "mixed": 0.5,
         "updates": 10, "before": 0.1, "end": 0.05}
        for name, each in needed.items()
        for seed in range(5)
        for rate in (0.1, 0.4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_ratios_are_pool_by_pool_and_fail_where_they_must() -> None:
    told = {
        row["id"]: row
        for row in claims_of(runs(flat=100, few=80, fixed=80, uucb=90, others=100), 0.1)
    }
    assert told["I14.1"]["measured"] == "0.8"
    assert told["I14.2"]["interval"] == "[0.9, 0.9]"
    verdicts = {name: row["verdict"] for name, row in told.items()}
    # With the same steps at both rates none can be slower at its best.
    assert verdicts["I14.6"] == "FAILS"
    assert {verdicts[name] for name in ("I14.1", "I14.2", "I14.3", "I14.4")} == {"holds"}
    assert "I14.5" not in told  # no oracle
    few = runs(flat=100, few=80, fixed=80, uucb=90, others=100)
    assert {row["id"] for row in claims_of(few[few["seed"] < 4], 0.1)} == {"I14.1", "I14.c2"}
    slow = claims_of(runs(flat=100, few=80, fixed=95, uucb=70, others=100), 0.1)
    failing = {row["id"] for row in slow if row["verdict"] == "FAILS"}
    assert failing == {"I14.1", "I14.3", "I14.4", "I14.6"}


def test_a_tree_that_learns_by_others_would_be_told() -> None:
    table = runs(others=100)
    table = pd.concat([table, table.assign(seed=table["seed"] + 5)], ignore_index=True).head(12)
    table.loc[0, "end"] = 0.2
    (told,) = claims_of(table, 0.1)
    assert (told["id"], told["measured"], told["verdict"]) == ("I14.c1", "11 of 12", "FAILS")
    assert claims_of(table.head(11), 0.1) == []


def test_every_method_has_its_best_rate() -> None:
    methods = {config.method for config in tree_training.GRID}
    assert methods == set(tree_training.RATES)
    assert all(config.seed >= 7000 for config in tree_training.GRID)
    assert Config("flat", 7000, tree_training.RATES["flat"]) in tree_training.GRID
