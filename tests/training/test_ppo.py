from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times, policy_gradient
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Training, train
from mazerl.training.base import base_model
from mazerl.training.objectives import clipped_surrogate, generalized_advantages
from mazerl.training.ppo import (
    TRAINING,
    TRANSFORMER_TASK,
    TRANSFORMER_TRAINING,
    PPOTask,
    Sizes,
    ppo,
    tabular_start,
)
from mazerl.walk.env import Reward, reset
from mazerl.walk.rollouts import continue_walks
from tests.support.batches import one_batch


def time_of(maze: Maze, logits: np.ndarray) -> float:
    return float(hitting_times(maze, row_probabilities(maze, logits)).mean())


def advantages_by_hand(
    reward: np.ndarray,
    value: np.ndarray,
    terminated: np.ndarray,
    closing: np.ndarray,
    gamma: float,
    lam: float,
) -> np.ndarray:
    """The definition: discounted sums of one-step errors until the walk ends."""
    T, B = reward.shape
    result = np.zeros((T, B))
    for b in range(B):
        for t in np.flatnonzero(~closing[:, b]):
            weight = 1.0
            for s in range(t, T):
                if closing[s, b]:
                    break
                bootstrap = 0.0 if terminated[s, b] else gamma * value[s + 1, b]
                result[t, b] += weight * (reward[s, b] + bootstrap - value[s, b])
                if terminated[s, b]:
                    break
                weight *= gamma * lam
    return result


def test_advantages_agree_with_their_definition() -> None:
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(12, 5)), rng.normal(size=(13, 5))
    terminated = rng.random((12, 5)) < 0.2
    closing = ~terminated & (rng.random((12, 5)) < 0.2)
    expected = advantages_by_hand(reward, value, terminated, closing, 0.9, 0.8)
    ends = jnp.asarray(terminated), jnp.asarray(closing)
    computed = generalized_advantages(jnp.asarray(reward), jnp.asarray(value), *ends, 0.9, 0.8)
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)


def test_a_time_out_bootstraps_and_a_goal_does_not() -> None:
    reward, value = jnp.ones((2, 1)), jnp.array([[0.0], [4.0], [9.0]])
    never = jnp.zeros((2, 1), bool)
    first, second = jnp.array([[True], [False]]), jnp.array([[False], [True]])
    arrived = generalized_advantages(reward, value, first, never, 0.5, 1.0)
    assert float(arrived[0, 0]) == 1
    # The second row closes the walk: its value of 4 stands for the rest, what follows does not.
    cut = generalized_advantages(reward, value, never, second, 0.5, 1.0)
    assert cut[:, 0].tolist() == [1 + 0.5 * 4, 0]


def test_clipping_is_pessimistic() -> None:
    ratio = jnp.array([0.5, 1.0, 1.5, 0.5, 1.0, 1.5])
    advantage = jnp.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    surrogate = clipped_surrogate(jnp.log(ratio), advantage, 0.2)
    np.testing.assert_allclose(surrogate, [0.5, 1.0, 1.2, -0.8, -1.0, -1.5], rtol=1e-6)


def test_walkers_go_on_and_begin_anew(small: Maze) -> None:
    state = reset(small, jax.random.key(0), (40,))
    walk = jax.jit(continue_walks, static_argnums=(0, 5))
    first, middle = walk(UNIFORM, (), small, state, jax.random.key(1), 60, 25)
    second, _ = walk(UNIFORM, (), small, middle, jax.random.key(2), 60, 25)
    np.testing.assert_array_equal(first.arc[-1], second.arc[0])
    arc = np.concatenate([first.arc, second.arc[1:]])
    port, terminated, closing = (
        np.concatenate(parts) for parts in zip(first[2:5], second[2:5], strict=True)
    )
    assert terminated.any()
    assert closing.any()
    goal = np.concatenate([first.goal, second.goal[1:]])
    assert (goal[1:][~terminated & ~closing] == goal[:-1][~terminated & ~closing]).all()
    head = np.append(small.head, small.start)
    taken = small.first_arc[head[arc[:-1]]] + port
    goes_on = ~terminated & ~closing
    np.testing.assert_array_equal(taken[goes_on], arc[1:][goes_on])
    assert (arc[1:][~goes_on] == small.num_arcs).all()
    assert (head[taken[terminated]] == goal[:-1][terminated]).all()
    assert set(goal.ravel()) == set(np.asarray(small.goals))
    for b in range(40):
        ends = np.flatnonzero(~goes_on[:, b])
        length = np.diff(np.append(-1, ends)) - closing[ends, b]
        assert length.max() <= 25
        assert (length[closing[ends, b]] == 25).all()


def test_the_sampled_gradient_points_along_the_exact_one() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size) / 2
    exact = policy_gradient(maze, row_probabilities(maze, logits), Reward(0.0, 1.0)).logits
    method = ppo(maze, TABULAR, Sizes(walkers=256, horizon=4000, epochs=1, minibatches=1))
    task = PPOTask(Reward(0.0, 0.01), gamma=1.0, lam=1.0, entropy=0.0, limit=10**6)
    # Any baseline will do; about -0.01·H keeps the noise down.
    value = -0.01 * time_of(maze, logits)
    params = jnp.asarray(logits, jnp.float32)

    @jax.jit
    def sampled(key: jax.Array) -> jax.Array:
        begun = method.begin(maze, task, key)
        state = begun._replace(values=jnp.full_like(begun.values, value))
        batch = one_batch(method, task, params, key, state=state)
        return -jax.grad(partial(method.loss, maze), has_aux=True)(params, batch)[0]

    gradients = np.stack([np.asarray(sampled(jax.random.key(k))) for k in range(8)])
    mean = gradients.mean(0)
    cosine = mean @ exact / np.linalg.norm(mean) / np.linalg.norm(exact)
    assert cosine > 0.995
    # One factor scales all entries (normalised advantages, mean over steps); each agrees within
    # its standard error.
    scale = mean @ exact / (exact @ exact)
    error = gradients.std(0, ddof=1) / np.sqrt(len(gradients))
    assert (np.abs(mean - scale * exact) < 6 * error + 1e-4 * np.abs(mean).max()).all()


def test_ppo_learns_to_backtrack(medium: Maze) -> None:
    start = tabular_start(medium)
    training = replace(TRAINING, steps=300)
    run = train(ppo(medium), PPOTask(), start, training, jax.random.key(0), keep_history=True)
    assert time_of(medium, run.params) < 1.02 * 63
    assert time_of(medium, run.history[0]) == pytest.approx(2261 / 3)
    # The control: without reward the same updates lead nowhere.
    idle = replace(TRAINING, steps=100)
    task = PPOTask(Reward(0.0, 0.0))
    nothing = train(ppo(medium), task, start, idle, jax.random.key(0))
    assert time_of(medium, nothing.params) == pytest.approx(2261 / 3, rel=0.05)


def test_one_update_is_the_gradient_of_a_second_implementation(small: Maze) -> None:
    """PPO's loss by plain loops over moves, differentiated numerically."""
    sizes = Sizes(4, 16, 1, 1)
    method, task = ppo(small, sizes=sizes), PPOTask(clip=0.1, entropy=0.05)
    rng = np.random.default_rng(1)
    rows = rows_of(small)
    old = rng.normal(size=rows.size) / 3
    state = method.begin(small, task, jax.random.key(5))
    state = state._replace(values=jnp.asarray(rng.normal(size=state.values.shape) / 9))
    batch = one_batch(method, task, jnp.asarray(old, jnp.float32), jax.random.key(6), 0.5, state)
    samples, moves = batch.samples, batch.samples.moves
    arcs, ports = np.asarray(samples.arc)[:, 0], np.asarray(moves.port)[:, 0]
    before = np.asarray(moves.log_probability)[:, 0]
    advantage, decided = np.asarray(samples.advantage)[:, 0], np.asarray(moves.decided)[:, 0]

    def loss(logits: np.ndarray) -> float:
        gain = []
        for n, arc in enumerate(arcs):
            if decided[n]:
                row = logits[rows.start[arc] : rows.start[arc + 1]]
                p = np.exp(row) / np.exp(row).sum()
                ratio = p[ports[n]] / np.exp(before[n])
                bounded = min(max(ratio, 0.9), 1.1)
                entropy = -(p * np.log(p)).sum()
                # Half of the run is done, so half of the bonus is left.
                gain.append(
                    min(ratio * advantage[n], bounded * advantage[n]) + 0.05 * 0.5 * entropy
                )
        return -float(np.mean(gain))

    new = old + rng.normal(size=rows.size) / 10
    (computed, _), gradient = jax.value_and_grad(partial(method.loss, small), has_aux=True)(
        jnp.asarray(new, jnp.float32), batch
    )
    assert float(computed) == pytest.approx(loss(new), rel=1e-5)
    for entry in rng.choice(rows.size, 12, replace=False):
        nudge = np.zeros(rows.size)
        nudge[entry] = 1e-5
        slope = (loss(new + nudge) - loss(new - nudge)) / 2e-5
        assert float(gradient[entry]) == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_transformer_ppo_learns_to_backtrack(small: Maze, tmp_path: Path) -> None:
    base = base_model(tmp_path, small, {"size": [3, 2, 2]}, Decoder(), 0)
    training = replace(TRANSFORMER_TRAINING, steps=60)
    sizes = Sizes(64, 128, 2, 8)
    policy = transformer(Decoder())
    run = train(ppo(small, policy, sizes), TRANSFORMER_TASK, base, training, jax.random.key(0))
    rows = extract_rows(policy, small, run.params)
    assert float(hitting_times(small, rows).mean()) < 1.05 * 25
    start = float(hitting_times(small, extract_rows(policy, small, base)).mean())
    assert start > 3 * 25


def test_walkers_with_memory_begin_anew_and_their_first_ratio_is_one(small: Maze) -> None:
    config = Decoder(channels=16, context=32)
    policy, params = transformer(config), init_transformer(config, small, jax.random.key(0))
    method = ppo(small, policy, Sizes(4, 32, 1, 1))
    task = PPOTask(limit=12)
    state = method.begin(small, task, jax.random.key(0))
    batch = one_batch(method, task, params, jax.random.key(1), state=state)
    # Walkers begin anew, and the first ratio is 1: sampling and training see the same policy.
    assert (np.asarray(batch.samples.arc)[:, 0] == small.num_arcs).all()
    _, told = method.loss(small, params, batch)
    assert float(told["kl"]) < 1e-9
    assert (np.asarray(batch.samples.moves.decided) == 0).any()


def test_same_key_same_bits(small: Maze) -> None:
    short = replace(TRAINING, steps=10, record_every=5)
    method, start = ppo(small, TABULAR, Sizes(8, 16)), tabular_start(small)
    runs = [train(method, PPOTask(), start, short, jax.random.key(k)) for k in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0].params, runs[1].params)
    assert not np.array_equal(runs[0].params, runs[2].params)


def test_a_large_kl_ends_the_update(small: Maze) -> None:
    method, start = ppo(small, sizes=Sizes(8, 64, 4, 4)), tabular_start(small)
    fast = Training(4, "sgd", 5.0, record_every=1)
    stopped = replace(fast, kl_stop=1e-3)
    free, halted = (
        train(method, PPOTask(), start, training, jax.random.key(0)) for training in (fast, stopped)
    )
    assert (free.metrics["taken"] == 1).all()
    assert (halted.metrics["taken"] < 1).all()
    assert (halted.metrics["taken"] > 0).all()  # the first part of an update has a KL of 0
    assert halted.metrics["kl"].max() > 1e-3
    moved = [np.abs(run.params).max() for run in (halted, free)]
    assert 0 < moved[0] < moved[1]


def test_bad_sizes_are_refused(small: Maze) -> None:
    with pytest.raises(MazerlError, match="minibatches do not divide 128 samples"):
        ppo(small, TABULAR, Sizes(8, 16, minibatches=5))
    with pytest.raises(MazerlError, match="walkers is 0"):
        ppo(small, TABULAR, Sizes(walkers=0))
    with pytest.raises(MazerlError, match="clock is -1; give a whole number of at least 0"):
        ppo(small, TABULAR, Sizes(clock=-1))
    with pytest.raises(MazerlError, match="at_limit is 'stop'; give bootstrap, end"):
        ppo(small, TABULAR, Sizes(at_limit="stop"))  # type: ignore[arg-type]
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        ppo(small, no_repeat(TABULAR))
