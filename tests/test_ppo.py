from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.env import Reward, continue_walks, reset
from mazerl.markov import hitting_times, policy_gradient
from mazerl.objectives import clipped_surrogate, generalized_advantages
from mazerl.policy import TABULAR, UNIFORM, row_probabilities, rows_of
from mazerl.search import no_repeat
from mazerl.train import train
from mazerl.train.ppo import TRAINING, PPOParams, PPOTask, Sizes, ppo, tabular_start


def time_of(maze: Maze, logits: np.ndarray) -> float:
    return float(hitting_times(maze, row_probabilities(maze, logits)).mean())


def advantages_by_hand(
    reward: np.ndarray,
    value: np.ndarray,
    after: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    gamma: float,
    lam: float,
) -> np.ndarray:
    """The definition: discounted sums of one-step errors until the walk ends."""
    T, B = reward.shape
    result = np.zeros((T, B))
    for b in range(B):
        for t in range(T):
            weight = 1.0
            for s in range(t, T):
                bootstrap = 0.0 if terminated[s, b] else gamma * after[s, b]
                result[t, b] += weight * (reward[s, b] + bootstrap - value[s, b])
                if terminated[s, b] or truncated[s, b]:
                    break
                weight *= gamma * lam
    return result


def test_advantages_agree_with_their_definition() -> None:
    rng = np.random.default_rng(0)
    reward, value, after = rng.normal(size=(3, 12, 5))
    terminated = rng.random((12, 5)) < 0.2
    truncated = ~terminated & (rng.random((12, 5)) < 0.2)
    expected = advantages_by_hand(reward, value, after, terminated, truncated, 0.9, 0.8)
    ends = jnp.asarray(terminated), jnp.asarray(truncated)
    arrays = jnp.asarray(reward), jnp.asarray(value), jnp.asarray(after)
    computed = generalized_advantages(*arrays, *ends, 0.9, 0.8)
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)


def test_a_time_out_bootstraps_and_a_goal_does_not() -> None:
    one = jnp.ones((1, 1))
    no, yes = jnp.zeros((1, 1), bool), jnp.ones((1, 1), bool)
    rest = (0.5, 1.0)
    assert float(generalized_advantages(one, 0 * one, 4 * one, yes, no, *rest)[0, 0]) == 1
    assert float(generalized_advantages(one, 0 * one, 4 * one, no, yes, *rest)[0, 0]) == 3


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
    steps = [np.concatenate(parts) for parts in zip(first, second, strict=True)]
    arc, port, next_arc, terminated, truncated = steps
    head = np.append(small.head, small.start)
    np.testing.assert_array_equal(small.first_arc[head[arc]] + port, next_arc)
    ended = terminated | truncated
    assert not (terminated & truncated).any()
    assert terminated.any()
    assert truncated.any()
    np.testing.assert_array_equal(arc[1:][~ended[:-1]], next_arc[:-1][~ended[:-1]])
    assert (arc[1:][ended[:-1]] == small.num_arcs).all()
    assert np.isin(head[next_arc[terminated]], small.goals).all()
    for b in range(40):
        begins = np.flatnonzero(np.append(True, ended[:-1, b]))
        lengths = np.diff(begins)
        assert lengths.max() <= 25
        assert (lengths[truncated[begins[1:] - 1, b]] == 25).all()


def test_the_sampled_gradient_points_along_the_exact_one() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=2))
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size) / 2
    exact = policy_gradient(maze, row_probabilities(maze, logits), Reward(0.0, 1.0)).logits
    method = ppo(maze, TABULAR, Sizes(walkers=256, horizon=4000, epochs=1, minibatches=1))
    task = PPOTask(Reward(0.0, 0.01), gamma=1.0, lam=1.0, entropy=0.0, limit=10**6)
    # Any baseline will do; about -0.01·H keeps the noise down.
    values = np.full(maze.num_arcs + 1, -0.01 * time_of(maze, logits))
    params = PPOParams(jnp.asarray(logits, jnp.float32), jnp.asarray(values, jnp.float32))

    @jax.jit
    def sampled(key: jax.Array) -> jax.Array:
        state = method.begin(task, key)
        batch, _ = method.collect(task, params, state, key, jnp.float32(0))
        return -jax.grad(method.loss)(params, batch).policy

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
    run = train(ppo(medium), PPOTask(), start, TRAINING, jax.random.key(0), keep_history=True)
    assert time_of(medium, run.params.policy) < 1.02 * 63
    assert time_of(medium, run.history.policy[0]) == pytest.approx(2261 / 3)
    # The control: without reward the same updates lead nowhere.
    idle = replace(TRAINING, steps=100)
    task = PPOTask(Reward(0.0, 0.0))
    nothing = train(ppo(medium), task, start, idle, jax.random.key(0))
    assert time_of(medium, nothing.params.policy) == pytest.approx(2261 / 3, rel=0.05)


def test_same_key_same_bits(small: Maze) -> None:
    short = replace(TRAINING, steps=10, record_every=5)
    method, start = ppo(small, TABULAR, Sizes(8, 16)), tabular_start(small)
    runs = [train(method, PPOTask(), start, short, jax.random.key(k)) for k in (0, 0, 1)]
    np.testing.assert_array_equal(runs[0].params.policy, runs[1].params.policy)
    assert not np.array_equal(runs[0].params.policy, runs[2].params.policy)


def test_bad_sizes_are_refused(small: Maze) -> None:
    with pytest.raises(MazerlError, match="minibatches do not divide 128 samples"):
        ppo(small, TABULAR, Sizes(8, 16, minibatches=5))
    with pytest.raises(MazerlError, match="walkers is 0"):
        ppo(small, TABULAR, Sizes(walkers=0))
    with pytest.raises(MazerlError, match="remembers more than the arrival arc"):
        ppo(small, no_repeat(TABULAR))
