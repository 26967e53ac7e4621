from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times, policy_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.training import train
from mazerl.training.grpo import TRAINING, Groups, GRPOTask, grpo
from mazerl.training.objectives import collapse_probability
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout
from tests.support.batches import one_batch


def time_of(maze: Maze, logits: np.ndarray) -> float:
    return float(hitting_times(maze, row_probabilities(maze, logits)).mean())


def test_walks_of_a_group_share_their_goal(small: Maze) -> None:
    walks = rollout(UNIFORM, (), small, jax.random.key(0), 60, 30, 5)
    goals = np.asarray(walks.goal).reshape(12, 5)
    assert (goals == goals[:, :1]).all()
    assert len(np.unique(goals)) == 3
    with pytest.raises(MazerlError, match="groups of 7 do not divide 60 walks"):
        rollout(UNIFORM, (), small, jax.random.key(0), 60, 30, 7)


@pytest.mark.parametrize("advantage", ["leave_one_out", "mean"])
def test_the_sampled_gradient_points_along_the_exact_one(advantage: str) -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size) / 2
    exact = policy_gradient(maze, row_probabilities(maze, logits), Reward(0.0, 1.0)).logits
    # A limit that no walk reaches: the truncated objective is then the whole one.
    sizes = Groups(groups=1000, group=8, limit=800, advantage=advantage)
    method, task = grpo(maze, TABULAR, sizes), GRPOTask(Reward(0.0, 1.0))
    params = jnp.asarray(logits, jnp.float32)

    @jax.jit
    def sampled(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        batch = one_batch(method, task, params, key)
        moves = jnp.sum(batch.samples.moves.decided) / (sizes.groups * sizes.group)
        gradient = jax.grad(partial(method.loss, maze), has_aux=True)(params, batch)[0]
        return -gradient * moves, batch.metrics["success"]

    drawn = [sampled(jax.random.key(k)) for k in range(10)]
    assert min(float(success) for _, success in drawn) == 1.0
    # Per walk instead of per move, the sum is the policy gradient itself, scale and all; comparing
    # with a mean that holds the walk itself makes it smaller by 1 - 1/N.
    gradients = (
        np.stack([np.asarray(g) for g, _ in drawn]) * {"leave_one_out": 1, "mean": 8 / 7}[advantage]
    )
    error = gradients.std(0, ddof=1) / np.sqrt(len(gradients))
    assert (np.abs(gradients.mean(0) - exact) < 5 * error + 1e-3 * np.abs(exact).max()).all()
    assert (error < 0.1 * np.abs(exact).max()).all()
    # The control: with the wrong sign nearly every entry disagrees.
    assert (np.abs(gradients.mean(0) + exact) > 5 * error).mean() > 0.5


def test_collapsed_groups_are_as_many_as_predicted(medium: Maze) -> None:
    assert float(collapse_probability(jnp.float32(0.01), 16)) == pytest.approx(0.851, abs=1e-3)
    assert float(collapse_probability(jnp.float32(0.01), 64)) == pytest.approx(0.526, abs=1e-3)
    sizes = Groups(groups=2000, group=8, limit=60)
    method = grpo(medium, TABULAR, sizes)
    start = jnp.zeros(rows_of(medium).size)
    batch = one_batch(method, GRPOTask(), start, jax.random.key(0))
    seen, predicted = (float(batch.metrics[n]) for n in ("collapsed", "predicted_collapsed"))
    assert 0.3 < predicted < 0.9
    assert abs(seen - predicted) < 4 * np.sqrt(predicted * (1 - predicted) / 2000) + 0.01


@pytest.mark.parametrize("walks", [16, 400, 4000])
def test_the_prediction_is_a_number_however_many_walks_there_are(walks: int) -> None:
    predict = jax.jit(lambda reached: collapse_probability(reached.mean(), 16))
    for share in (0.0, 0.5, 1.0):
        reached = jnp.arange(walks) < share * walks
        assert float(predict(reached)) == pytest.approx(share**16 + (1 - share) ** 16, rel=1e-5)


@pytest.mark.parametrize("advantage", ["spread", "mean"])
def test_grpo_learns(small: Maze, advantage: str) -> None:
    sizes = Groups(groups=16, group=16, limit=200, epochs=2, minibatches=4, advantage=advantage)
    start = np.zeros(rows_of(small).size)
    training = replace(TRAINING, steps=400, rate=0.03)
    run = train(grpo(small, TABULAR, sizes), GRPOTask(), start, training, jax.random.key(0))
    assert time_of(small, run.params) < 1.05 * 25
    # The control: without reward nothing moves.
    idle = train(
        grpo(small, TABULAR, sizes), GRPOTask(Reward(0.0, 0.0)), start, training, jax.random.key(0)
    )
    assert time_of(small, idle.params) == pytest.approx(time_of(small, start), rel=1e-6)


def test_bad_sizes_are_refused(small: Maze) -> None:
    with pytest.raises(MazerlError, match="group of 1 walk has nothing to compare"):
        grpo(small, TABULAR, Groups(group=1))
    with pytest.raises(MazerlError, match="groups is 0"):
        grpo(small, TABULAR, Groups(groups=0))
    with pytest.raises(MazerlError, match="3 minibatches do not divide 256 walks"):
        grpo(small, TABULAR, Groups(minibatches=3))
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        grpo(small, no_repeat(TABULAR))
