"""What the study of trees measures, against automatic differentiation and the exact chain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.common.prompts import Prompts, prompts_of, updates_of
from experiments.rollouts import trees
from mazerl.policy.rows import row_log_softmax
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training.credit import siblings
from mazerl.walk.nodes import Forest
from mazerl.walk.selectors import at_random
from mazerl.walk.trees import Budget, grow
from tests.support.forests import on_host

LIMIT = 30


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return prompts_of(6, 6, LIMIT, 0)


@pytest.fixture(scope="module")
def forest(prompts: Prompts) -> Forest:
    logits = np.log(prompts.p).astype(np.float32)
    budget = Budget(24, 16)
    return on_host(
        grow(TABULAR, logits, prompts.maze, seeded_key(0), LIMIT, budget, at_random,
             goals=np.repeat(prompts.goals, 60))
    )  # fmt: skip


def test_updates_are_the_gradient_of_weighted_log_probabilities(
    prompts: Prompts, forest: Forest
) -> None:
    part = Forest(*(field[:2] for field in forest))
    credit = np.random.default_rng(0).normal(size=part.port.shape) * part.own
    rows = prompts.rows

    def objective(logits: jax.Array, x: int) -> jax.Array:
        log_p = row_log_softmax(logits, rows.arrival, len(rows.start) - 1)
        entry = rows.start[part.arc[x, :, :-1]] + part.port[x]
        return jnp.sum(credit[x] * log_p[np.where(part.own[x], entry, 0)]) / 24

    found = updates_of(prompts._replace(goals=part.goal), part, np.asarray(credit))
    for x in range(2):
        expected = jax.grad(objective)(jnp.log(prompts.p), x)
        np.testing.assert_allclose(found[x], expected, atol=1e-5)
    assert np.abs(found).max() > 1e-3


def test_flat_groups_update_is_the_exact_gradient_but_for_its_own_baseline(
    prompts: Prompts, forest: Forest
) -> None:
    flat = trees._first(forest, 16)
    repeated = prompts._replace(goals=np.repeat(prompts.goals, 60))
    found = updates_of(repeated, flat, np.asarray(siblings(flat))).reshape(6, 60, -1)
    # A walk is in the mean that it is compared with, once in sixteen.
    away = found.mean(1) - prompts.gradient * 15 / 16
    error = found.std(1, ddof=1) / np.sqrt(60)
    assert (np.abs(away) < 5 * error + 1e-3).all()
    slope = np.linalg.norm(prompts.gradient, axis=1)
    along = (found.mean(1) * prompts.gradient).sum(1) / slope**2
    assert np.abs(along - 15 / 16).max() < 0.4
    assert np.abs(along.mean() - 15 / 16) < 0.1


def test_budgets_are_cut_from_one_tree(forest: Forest) -> None:
    first, within = trees._first(forest, 18), trees._within(forest, 300)
    assert (np.asarray(first.grown).sum(1) == 18).all()
    each = np.asarray(forest.own).sum(2)
    for x in range(5):
        begun = int(np.searchsorted(np.cumsum(each[x]), 300) + 1)
        assert np.asarray(within.grown)[x].sum() == min(begun, 24)
    np.testing.assert_array_equal(trees._count(first)[2], each[:, :18].sum(1))
