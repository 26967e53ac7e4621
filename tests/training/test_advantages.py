"""GRPO's family: advantages by hand and by enumeration, what they climb, and moves' weights."""

from collections.abc import Sequence
from functools import partial
from itertools import combinations, product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.exact.horizon import success_gradient
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import ADVANTAGES, Outcomes, advantage_of
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.objectives import clipped_surrogate, move_weights
from mazerl.walk.env import Reward
from tests.support.batches import one_batch


def outcomes(*groups: Sequence[int]) -> Outcomes:
    success = jnp.asarray(groups, bool)
    return Outcomes(success.astype(jnp.float32), success)


def test_advantages_by_hand() -> None:
    given = outcomes([0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1])
    expected: dict[str, list[list[float]]] = {
        "mean": [[-0.5, -0.5, 0.5, 0.5], [0] * 4, [-0.25, -0.25, -0.25, 0.75]],
        "spread": [[-1, -1, 1, 1], [0] * 4, [-(3**-0.5)] * 3 + [3**0.5]],
        "sample_spread": [[-(0.75**0.5)] * 2 + [0.75**0.5] * 2, [0] * 4, [-0.5, -0.5, -0.5, 1.5]],
        "leave_one_out": [[-2 / 3] * 2 + [2 / 3] * 2, [0] * 4, [-1 / 3] * 3 + [1]],
        "positives": [[0, 0, 1, 1], [0] * 4, [0, 0, 0, 3**0.5]],
        "rewards": [[0, 0, 1, 1], [1] * 4, [0, 0, 0, 1]],
        "own_successes": [[0, 0, 2, 2], [1] * 4, [0, 0, 0, 4]],
    }
    for name, rows in expected.items():
        np.testing.assert_allclose(advantage_of(name, 4)(given), rows, rtol=1e-5, atol=1e-6)
    far = outcomes([1] + [0] * 19)
    assert float(advantage_of("spread", 20)(far)[0, 0]) == pytest.approx(19**0.5, rel=1e-5)
    assert float(advantage_of("clipped", 20)(far)[0, 0]) == 2.5


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_is_what_subsets_say(k: int) -> None:
    """Σ over subsets of k walks of what each walk adds to its subset's best; N in front."""
    size = 5
    groups = [list(each) for each in product((0, 1), repeat=size)]
    found = np.asarray(advantage_of("pass_at_k", size, k)(outcomes(*groups)))
    subsets = list(combinations(range(size), k))
    for group, row in zip(groups, found, strict=True):
        for i in range(size):
            best = [
                (max(group[j] for j in s), max((group[j] for j in s if j != i), default=0))
                for s in subsets
                if i in s
            ]
            added = size * sum(a - b for a, b in best) / len(subsets)
            assert row[i] == pytest.approx(added, rel=1e-5), (group, i)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pass_at_k_over_its_spread_is_the_mean_over_subsets(k: int) -> None:
    """All subsets of k walks are one group, rewarded by their best; a walk has their mean."""
    size = 6
    groups = [[n < right for n in range(size)] for right in range(1, size - k + 1)]
    found = np.asarray(advantage_of("pass_at_k_spread", size, k)(outcomes(*groups)))
    subsets = list(combinations(range(size), k))
    for group, row in zip(groups, found, strict=True):
        best = np.asarray([max(group[j] for j in s) for s in subsets], float)
        each = (best - best.mean()) / best.std()
        for i in range(size):
            mine = np.mean([a for a, s in zip(each, subsets, strict=True) if i in s])
            assert row[i] == pytest.approx(mine, rel=1e-4, abs=1e-5), (group, i)
    # What the paper's code gives for 1 of 16 and k = 4.
    one = np.asarray(advantage_of("pass_at_k_spread", 16, 4)(outcomes([1] + [0] * 15)))[0]
    np.testing.assert_allclose(one[:2], [1.732, -0.1155], rtol=1e-3)


@pytest.mark.parametrize("name", ADVANTAGES)
@pytest.mark.parametrize("p", [0.05, 0.4])
def test_weights_are_those_of_all_groups(name: str, p: float) -> None:
    """E of one walk's advantage times its score, over the 2^N outcomes of a coin's N throws."""
    size = 6
    groups = np.asarray(list(product((0, 1), repeat=size)))
    advantage = np.asarray(advantage_of(name, size)(outcomes(*groups.tolist())), float)
    chance = np.prod(np.where(groups, p, 1 - p), axis=1)
    score = np.where(groups, 1 / p, -1 / (1 - p))  # d log P(outcome) / dp
    total = float((chance[:, None] * advantage * score).mean(1).sum())
    assert outcome_weight(by_count(advantage_of(name, size), size), p) == pytest.approx(
        total, rel=1e-5
    )


def test_weights_have_their_closed_forms() -> None:
    p = np.array([0.01, 0.1, 0.5, 0.9])

    def weight(name: str, size: int = 20, k: int = 4) -> np.ndarray:
        return outcome_weight(by_count(advantage_of(name, size, k), size), p)

    np.testing.assert_allclose(weight("leave_one_out"), 1, rtol=1e-12)
    np.testing.assert_allclose(weight("rewards"), 1, rtol=1e-12)
    np.testing.assert_allclose(weight("mean"), 19 / 20, rtol=1e-12)
    np.testing.assert_allclose(weight("own_successes"), (1 - (1 - p) ** 20) / p, rtol=1e-12)
    np.testing.assert_allclose(weight("pass_at_k"), 4 * (1 - p) ** 3, rtol=1e-6)
    np.testing.assert_allclose(weight("positives"), (1 - p) * weight("spread"), rtol=1e-6)
    np.testing.assert_allclose(
        weight("sample_spread"), weight("spread") * np.sqrt(19 / 20), rtol=1e-6
    )
    # 2 arcsin √p, of which GRPO's weight is the derivative in the limit of large groups.
    np.testing.assert_allclose(weight("spread", 5000)[1:], (p * (1 - p))[1:] ** -0.5, rtol=2e-3)
    assert (weight("spread") <= np.sqrt(19) + 1e-9).all()


@pytest.mark.parametrize("name", ["spread", "own_successes", "pass_at_k"])
def test_sampled_updates_are_the_weight_times_the_exact_gradient(small: Maze, name: str) -> None:
    """The trainer's own loss, per walk instead of per move; its control is another weight."""
    limit, size, groups = 12, 8, 2000
    logits = np.random.default_rng(1).normal(size=rows_of(small).size)
    one = small.goals[:1]
    p = row_probabilities(small, logits)
    exact = success_gradient(small, p, limit, one)
    maze = Maze(**(vars(small) | {"goals": one}))
    method = grpo(maze, TABULAR, Groups(groups, size, limit, advantage=name, normalize="constant"))
    params = jnp.asarray(logits, jnp.float32)

    @jax.jit
    def update(key: jax.Array) -> jax.Array:
        batch = one_batch(method, GRPOTask(Reward(1.0, 0.0)), params, key)
        gradient = jax.grad(partial(method.loss, maze), has_aux=True)(params, batch)[0]
        return -gradient * limit

    drawn = np.stack([np.asarray(update(jax.random.key(n))) for n in range(12)])
    along = drawn @ exact.logits[0] / (exact.logits[0] @ exact.logits[0])
    error = along.std(ddof=1) / np.sqrt(len(along))

    def weight(size: int) -> float:
        found = outcome_weight(by_count(advantage_of(name, size), size), exact.success)
        return float(found[0])

    assert 0.02 < exact.success[0] < 0.5
    assert error < 0.02 * weight(size)
    assert abs(along.mean() - weight(size)) < 4 * error
    if name != "pass_at_k":  # whose weight does not depend on N
        assert abs(along.mean() - weight(40)) > 4 * error


def test_moves_weigh_what_the_normalisation_says() -> None:
    decided = jnp.asarray([[1.0, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    np.testing.assert_allclose(move_weights(decided, "tokens"), decided / 6)
    by_walk = move_weights(decided, "sequence")
    np.testing.assert_allclose(by_walk.sum(1), [1 / 3, 1 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(move_weights(decided, "constant"), decided / 12)
    assert np.isfinite(move_weights(jnp.zeros((2, 3)), "tokens")).all()


def test_clip_higher_lets_rare_moves_grow() -> None:
    log_ratio, gain = jnp.log(jnp.asarray([1.25, 1.25, 0.7])), jnp.asarray([1.0, 1.0, -1.0])
    plain = clipped_surrogate(log_ratio, gain, jnp.asarray(0.2))
    np.testing.assert_allclose(plain, [1.2, 1.2, -0.8], rtol=1e-6)
    higher = clipped_surrogate(log_ratio, gain, jnp.asarray(0.2), jnp.asarray(0.28))
    np.testing.assert_allclose(higher, [1.25, 1.25, -0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"advantage": "best"}, "unknown advantage 'best'; known: spread,"),
        (
            {"normalize": "words"},
            "unknown normalisation 'words'; known: tokens, sequence, constant",
        ),
        ({"advantage": "pass_at_k", "pass_k": 17}, "pass_k is 17, but a group has 16 walks"),
        ({"advantage": "pass_at_k", "pass_k": 0}, "pass_k is 0"),
    ],
)
def test_members_that_there_are_not(small: Maze, sizes: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        grpo(small, TABULAR, Groups(**sizes))
