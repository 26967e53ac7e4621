"""Policies that see the goal: walks against the chain, both forms, one goal alone."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.measure.evaluate import evaluate
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.prompted import join_rows, separate_rows, with_goal
from mazerl.policy.rows import rows_of
from mazerl.policy.seeing import init_seeing, seeing
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.policy.transformer import Decoder
from mazerl.walk.rollouts import rollout
from tests.support.stepping import step_by_step

LIMIT = 40


@pytest.fixture(scope="module")
def world() -> Prompts:
    return prompts_of(problems_of(compile_maze(build("caves", junctions=3, spine=1)), LIMIT))


def random_rows(world: Prompts) -> np.ndarray:
    size = rows_of(world.alone(0)).size
    return np.random.default_rng(0).normal(size=(world.num_mazes, size))


def exact_success(world: Prompts, p: np.ndarray) -> np.ndarray:
    """[X], a problem at a time, by the chain of the maze with that goal alone."""
    each = [arrival_law(world.alone(x), p[x], LIMIT).sum() for x in range(world.num_mazes)]
    return np.asarray(each)


def test_rows_are_joined_and_separated(world: Prompts) -> None:
    rows = random_rows(world)
    flat = join_rows(world, rows)
    assert flat.shape == (rows_of(world).size,)
    np.testing.assert_array_equal(separate_rows(world, flat), rows)
    same = separate_rows(world, join_rows(world, rows[0]))
    np.testing.assert_array_equal(same, np.broadcast_to(rows[0], rows.shape))
    # The same rows by another way: extracted, and a problem at a time.
    p = separate_rows(world, extract_rows(TABULAR, world, flat))
    alone = [row_probabilities(world.alone(x), row) for x, row in enumerate(rows)]
    np.testing.assert_allclose(p, alone, rtol=1e-6)


def test_walks_to_each_goal_succeed_as_the_chain_says(world: Prompts) -> None:
    rows, walks = random_rows(world), 40_000
    exact = exact_success(world, np.stack([row_probabilities(world.alone(0), r) for r in rows]))
    flat = join_rows(world, rows).astype(np.float32)
    seen = rollout(TABULAR, flat, world, jax.random.key(1), walks, LIMIT)
    problem = np.asarray(seen.arc[:, 0]) - world.num_arcs
    for x, p in enumerate(exact):
        mine = np.asarray(seen.reached)[problem == x]
        assert abs(mine.mean() - p) < 4.5 * np.sqrt(p * (1 - p) / len(mine))
    assert np.ptp(exact) > 0.1


@pytest.mark.parametrize("context", [1, 6])
def test_both_forms_agree_and_read_the_goal(world: Prompts, context: int) -> None:
    config = Decoder(layers=2, channels=32, context=context)
    policy, params = seeing(config), init_seeing(config, world, jax.random.key(1))
    arcs = jnp.asarray(rollout(UNIFORM, (), world, jax.random.key(0), 8, 12).arc[:, :-1])
    arcs = arcs.at[3, 5].set(world.num_arcs + 1)
    assert policy.score is not None
    whole = policy.score(world, params, arcs)
    np.testing.assert_allclose(step_by_step(policy, world, params, arcs), whole, atol=1e-5)
    # The same places on the way to another goal.
    own = world.num_arcs // world.num_mazes
    first = jnp.asarray([[world.num_arcs, 0, 1]])
    other = jnp.asarray([[world.num_arcs + 1, own, own + 1]])
    told = [policy.score(world, params, each) for each in (first, other)]
    assert float(jnp.abs(told[0] - told[1]).max()) > 0.1
    # What tells them apart is the code and nothing else.
    same = replace(world, code=np.broadcast_to(world.code[:1], world.code.shape))
    told = [policy.score(same, params, each) for each in (first, other)]
    np.testing.assert_array_equal(*told)


def test_with_one_goal_alone_it_is_the_same_policy(world: Prompts) -> None:
    config = Decoder(channels=32)
    params = init_seeing(config, world, jax.random.key(1))
    rows = separate_rows(world, extract_rows(seeing(config), world, params))
    for x in (0, world.num_mazes - 1):
        alone = with_goal(seeing(config), world, x)
        np.testing.assert_allclose(extract_rows(alone, world.alone(x), params), rows[x], rtol=1e-6)
        walks = rollout(alone, params, world.alone(x), jax.random.key(2), 4000, LIMIT)
        p = exact_success(world, rows)[x]
        error = np.sqrt(p * (1 - p) / 4000)
        assert abs(float(np.mean(walks.reached)) - p) < 4.5 * error
        assert alone.score is not None
        assert alone.score(world.alone(x), params, walks.arc[:5, :-1]).shape[:2] == (5, LIMIT)


def test_it_is_evaluated_exactly_over_its_problems(world: Prompts) -> None:
    rows = random_rows(world)
    found = evaluate(TABULAR, world, join_rows(world, rows), jax.random.key(0), limit=LIMIT)
    exact = exact_success(world, np.stack([row_probabilities(world.alone(0), r) for r in rows]))
    assert found.how == "exact chain"
    np.testing.assert_allclose(found.success_within_limit, exact.mean(), rtol=1e-6)


def test_it_walks_on_problems_only(world: Prompts) -> None:
    config = Decoder(channels=32)
    params = init_seeing(config, world, jax.random.key(1))
    with pytest.raises(MazerlError, match="sees the goal"):
        extract_rows(seeing(config), world.alone(0), params)
