"""RL and imitation in one training, against the chain and against each of the two alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import success_gradient
from mazerl.measure.outcome_weights import by_count, demonstrated_weights
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.training import Method, Training, train
from mazerl.training.advantages import advantage_of
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.mixed import MixedTask, demonstrations_of, mixed, put_among
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import arrived_only, golden_walks, visits_of
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks, rollout
from tests.support.batches import one_batch

REWARD = Reward(1.0, 0.0)
LIMIT = 12


def descent(method: Method, task: Any, params: Any, key: jax.Array, state: Any = ()) -> jax.Array:
    return told(method, task, params, key, state)[0]


def told(method: Method, task: Any, params: Any, key: jax.Array, state: Any = ()) -> Any:
    """The gradient, and the metrics."""
    batch = one_batch(method, task, params, key, state=state)
    gradient, _ = jax.grad(partial(method.loss, method.world), has_aux=True)(params, batch)
    return gradient, batch.metrics


def random_arrivals(maze: Maze) -> Walks:
    return arrived_only(rollout(UNIFORM, (), maze, jax.random.key(5), 300, LIMIT))


@pytest.mark.parametrize("advantage", ["mean", "spread"])
def test_a_demonstration_in_the_group_is_rl_and_imitation_that_ends_by_itself(
    advantage: str,
) -> None:
    maze = compile_maze(build("corridor", width=1, depth=2, lanes=2, fork="learned"))
    rows = rows_of(maze)
    logits = np.random.default_rng(0).normal(size=rows.size) / 2
    p = row_probabilities(maze, logits)
    demonstration = golden_walks(maze, 1, 0)
    sizes = Groups(1000, 4, LIMIT, advantage=advantage, normalize="constant")
    method = grpo(maze, TABULAR, sizes)
    task = GRPOTask(REWARD, demonstrations=demonstrations_of(maze, demonstration, LIMIT))
    sampled = jax.jit(partial(descent, method, task, jnp.asarray(logits, jnp.float32)))
    drawn = -LIMIT * np.stack([np.asarray(sampled(jax.random.key(k))) for k in range(20)])
    exact = success_gradient(maze, p, LIMIT)
    success = float(exact.success[0])
    assert 0.1 < success < 0.9
    visits = visits_of(maze, demonstration)
    copied = visits - p * np.bincount(rows.arrival, visits)[rows.arrival]
    weights = demonstrated_weights(by_count(advantage_of(advantage, 4), 4), success)
    expected = weights.own * exact.logits[0] + weights.shown * copied
    error = drawn.std(0, ddof=1) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(0) - expected) < 5 * error + 1e-5).all()
    # The control: neither of the two alone.
    for part in (weights.own * exact.logits[0], weights.shown * copied):
        assert (np.abs(drawn.mean(0) - part) > 5 * error + 1e-5).any()


def test_weights_of_a_demonstrated_group_by_hand() -> None:
    p = np.array([0.01, 0.4, 0.99])
    told = demonstrated_weights(by_count(advantage_of("mean", 5), 5), p)
    np.testing.assert_allclose(told.shown, 4 * (1 - p) / 25, rtol=1e-12)
    # Of two walks, one of them shown: the own one is worth -1/2 if it fails, else nothing.
    two = demonstrated_weights(by_count(advantage_of("mean", 2), 2), p)
    np.testing.assert_allclose(two.own, 0.25, rtol=1e-12)


def test_each_group_has_one_demonstration_of_its_own_goal(small: Maze) -> None:
    shown = demonstrations_of(small, random_arrivals(small), LIMIT)
    own = rollout(UNIFORM, (), small, jax.random.key(0), 40 * 3, LIMIT, 3)
    both = put_among(own, shown, 3, jax.random.key(1))
    goals, lengths = (np.asarray(x).reshape(40, 4) for x in (both.goal, both.length))
    assert (goals == goals[:, :1]).all()
    assert np.asarray(both.reached).reshape(40, 4)[:, 3].all()
    np.testing.assert_array_equal(lengths[:, :3].ravel(), own.length)
    head = np.asarray(small.head)
    last = np.asarray(both.arc).reshape(40, 4, -1)[np.arange(40), 3, lengths[:, 3]]
    np.testing.assert_array_equal(head[last], goals[:, 3])
    assert len(np.unique(lengths[:, 3])) > 2
    # Steps of the environment are those of the policy's own walks.
    method, params = grpo(small, TABULAR, Groups(40, 4, LIMIT)), jnp.zeros(rows_of(small).size)
    batch = one_batch(method, GRPOTask(demonstrations=shown), params, jax.random.key(0))
    walked = rollout(TABULAR, params, small, jax.random.key(0), 40 * 3, LIMIT, 3)
    assert float(batch.metrics["steps"]) == float(np.asarray(walked.length).sum())
    assert float(batch.metrics["success"]) == pytest.approx(
        float(np.asarray(walked.reached).mean())
    )


def test_joint_and_alternating_are_of_the_two_alone(small: Maze) -> None:
    own, shown = grpo(small, TABULAR, Groups(8, 4, LIMIT)), sft(small, TABULAR, 16, 4)
    params = jnp.asarray(np.random.default_rng(0).normal(size=rows_of(small).size), jnp.float32)
    copied = jax.tree.map(jnp.asarray, corpus(small, random_arrivals(small)))
    key = jax.random.key(3)
    reinforced = descent(own, GRPOTask(REWARD), params, key)
    imitated = descent(shown, copied, params, key)
    assert min(np.abs(reinforced).max(), np.abs(imitated).max()) > 1e-3
    task = MixedTask(GRPOTask(REWARD), copied, 0.3)
    both = descent(mixed(own, shown), task, params, key, (jnp.int32(0), ()))
    np.testing.assert_allclose(both, reinforced + 0.3 * imitated, atol=1e-6)
    steps, in_turn = [], jax.jit(partial(told, mixed(own, shown, 2), task, params, key))
    for update in range(4):
        turn, metrics = in_turn((jnp.int32(update), ()))
        alone = 0.3 * imitated if update % 2 else reinforced
        np.testing.assert_allclose(turn, alone, atol=1e-6)
        steps.append(float(metrics["steps"]))
    assert steps[1] == steps[3] == 0 < min(steps[0], steps[2])
    # With no weight nothing of imitation is left.
    training = Training(6, "adam", 0.1, record_every=2)
    plain = train(own, GRPOTask(REWARD), params, training, key).params
    weightless = train(mixed(own, shown), task._replace(weight=0.0), params, training, key).params
    np.testing.assert_allclose(plain, weightless, atol=1e-5)
    assert np.abs(plain - params).max() > 0.1


def test_what_cannot_be_mixed_is_refused(small: Maze) -> None:
    walks = random_arrivals(small)
    one = Walks(*(np.asarray(field)[np.asarray(walks.goal) == walks.goal[0]] for field in walks))
    with pytest.raises(MazerlError, match=r"goals have no demonstration \(vertex \d+ first\)"):
        demonstrations_of(small, one, LIMIT)
    with pytest.raises(MazerlError, match="demonstrations do not arrive within 5 steps"):
        demonstrations_of(small, walks, 5)
    late = rollout(UNIFORM, (), small, jax.random.key(5), 30, LIMIT)
    with pytest.raises(MazerlError, match="do not arrive within 12 steps; leave them out"):
        demonstrations_of(small, late, LIMIT)
    own, shown = grpo(small, TABULAR, Groups(8, 4, LIMIT)), sft(small, TABULAR, 16)
    with pytest.raises(MazerlError, match="every is 1, which leaves RL no update"):
        mixed(own, shown, 1)
    with pytest.raises(MazerlError, match="every is -2"):
        mixed(own, shown, -2)
    with pytest.raises(MazerlError, match="2 epochs of 1 minibatches cannot be mixed"):
        mixed(grpo(small, TABULAR, Groups(8, 4, LIMIT, epochs=2)), shown)
