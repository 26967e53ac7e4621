"""Updates of one fork, against enumeration, optax and the chain."""

from itertools import product

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import softmax

from experiments.common.early_ends import fork
from experiments.common.fork_updates import RATES, ascend, graded_update, updates_to, wrong_shares
from experiments.objectives.wrong_moves import GROUP, Config, run
from mazerl.exact.horizon import success_gradient
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.training.advantages import Outcomes, advantage_of

PI = np.array([0.1, 0.5, 0.15, 0.25])


def test_a_graded_update_is_that_of_all_groups_there_are() -> None:
    size, reward = 3, np.array([1.0, 0.3, 0.2, 0.4])
    total, teaching = np.zeros(4), 0.0
    for arms in product(range(4), repeat=size):
        chance = PI[list(arms)].prod()
        seen = jnp.asarray(reward[list(arms)])[None]
        advantage = np.asarray(advantage_of("spread", size)(Outcomes(seen, seen > 0.9)))[0]
        for arm, worth in zip(arms, advantage, strict=True):
            total += chance * worth * ((np.arange(4) == arm) - PI) / size
        teaching += chance * (len(set(arms)) > 1)
    update, share = graded_update(PI, reward, size)
    np.testing.assert_allclose(update, total, rtol=1e-5)
    assert share == pytest.approx(teaching, rel=1e-12)


def test_without_grades_it_is_the_weight_times_the_gradient() -> None:
    right = np.arange(4) == 0
    update, share = graded_update(PI, right.astype(float), GROUP)
    worth = by_count(advantage_of("spread", GROUP), GROUP)
    expected = outcome_weight(worth, PI[0]) * PI[0] * (right - PI)
    np.testing.assert_allclose(update, expected, rtol=1e-7)
    assert share == pytest.approx(1 - PI[0] ** GROUP - (1 - PI[0]) ** GROUP, rel=1e-12)


@pytest.mark.parametrize("rule", ["sgd", "sign", "adam"])
def test_rules_are_those_of_optax(rule: str) -> None:
    named = {"sgd": optax.sgd, "sign": optax.sign_sgd, "adam": optax.adam}
    transform = named[rule](RATES[rule])

    def gradient(logits: np.ndarray) -> np.ndarray:
        return np.array([1.0, -2.0, 0.5]) - logits**3

    found = ascend(np.array([0.3, 0.1, -0.2]), gradient, rule, 20)
    logits = jnp.array([0.3, 0.1, -0.2])
    state = transform.init(logits)
    for n in range(20):
        np.testing.assert_allclose(found[n], logits, atol=1e-5)
        change, state = transform.update(-jnp.asarray(gradient(np.asarray(logits))), state, logits)
        logits = jnp.asarray(optax.apply_updates(logits, change))


@pytest.mark.parametrize("advantage", ["spread", "leave_one_out"])
def test_the_first_update_is_by_the_exact_gradient_of_the_chain(advantage: str) -> None:
    found = run(Config(advantage=advantage, success=0.2, updates=1))["success"][:, 0]
    _, maze = fork((1, 1, 1, 1))
    worth = by_count(advantage_of(advantage, GROUP), GROUP)
    for shares, (before, after) in zip(wrong_shares(4), found, strict=True):
        logits = np.zeros(rows_of(maze).size)
        logits[-4:] = np.log([0.2, *0.8 * shares])
        exact = success_gradient(maze, row_probabilities(maze, logits), 1)
        assert before == pytest.approx(exact.success[0], rel=1e-6)
        step = RATES["sgd"] * outcome_weight(worth, 0.2) * exact.logits[0, -4:]
        assert after == pytest.approx(softmax(logits[-4:] + step)[0], rel=1e-5)


def test_the_natural_gradient_is_the_gradient_by_the_inverse_of_fisher() -> None:
    found = run(Config(rule="natural", advantage="leave_one_out", updates=1))["success"][:, 0]
    for shares, (before, after) in zip(wrong_shares(4), found, strict=True):
        pi = np.array([0.05, *0.95 * shares])
        gradient = 0.05 * ((np.arange(4) == 0) - pi)
        step, *_ = np.linalg.lstsq(np.diag(pi) - np.outer(pi, pi), gradient, rcond=1e-12)
        assert before == pytest.approx(0.05)
        assert after == pytest.approx(softmax(np.log(pi) + RATES["natural"] * step)[0], rel=1e-6)


def test_wrong_mass_lies_as_it_is_called() -> None:
    even, mostly, one = wrong_shares(4)
    np.testing.assert_allclose(even, 1 / 3)
    np.testing.assert_allclose(mostly, [0.8, 0.1, 0.1])
    np.testing.assert_allclose(one, [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(wrong_shares(10).sum(1), 1)


def test_tries_succeed_as_often_as_draws_do() -> None:
    anew, again = run(Config("retries", tries=3, updates=1))["success"][:, 0, 0]
    assert anew == pytest.approx(1 - 0.95**3, rel=1e-9)
    assert again == pytest.approx(0.05, rel=0.01)


def test_settled_prompts_teach_nothing() -> None:
    told = run(Config("prompts", updates=3))
    assert told["success"][:, 0, 0] == pytest.approx([0.05, 0.05], abs=1e-6)
    assert told["teaching"] == pytest.approx([1 - 0.05**16 - 0.95**16, 0], abs=1e-4)
    alike, settled = told["success"][:, 0, -1] - told["success"][:, 0, 0]
    assert alike > 1e-3 > 1e-9 > settled


def test_updates_are_counted_to_where_success_crosses() -> None:
    assert updates_to(np.array([0.1, 0.3, 0.7]), 0.5) == pytest.approx(1.5)
    assert updates_to(np.array([0.6, 0.3]), 0.5) == 0
    assert updates_to(np.array([0.1, 0.3]), 0.5) == np.inf
