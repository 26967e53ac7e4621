"""Mazes through the interfaces of gymnax and gymnasium, against the exact chain."""

from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.bridges.gymnasium import MazeEnv, MazeVectorEnv
from mazerl.bridges.gymnax import EnvParams
from mazerl.bridges.gymnax import MazeEnv as GymnaxMaze
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import TOPOLOGIES

SMALL: dict[str, Any] = {"width": 3, "depth": 2, "lanes": 2}
UNIFORM = 5 * 7 * 4  # (2W-1)(K+1+KL)(K+1+K/L)


def degrees(maze: Maze) -> np.ndarray:
    """Ports after each arrival arc [A+1]."""
    return np.append(maze.degree[maze.head], maze.degree[maze.start])


def within_errors(steps: np.ndarray, exact: float) -> bool:
    return bool(abs(steps.mean() - exact) < 4 * steps.std() / np.sqrt(len(steps)))


@pytest.mark.parametrize("topology", sorted(set(TOPOLOGIES) - {"file"}))
def test_registered_environments_pass_the_checker(topology: str) -> None:
    env = gymnasium.make(f"mazerl/{topology}-v0", disable_env_checker=True)
    check_env(env.unwrapped, skip_render_check=True)


def test_a_render_mode_that_trainers_pass_is_ignored() -> None:
    with pytest.warns(UserWarning, match="render_mode"):
        env = gymnasium.make("mazerl/corridor-v0", **SMALL, render_mode="rgb_array")
    assert isinstance(env.unwrapped, MazeEnv)
    assert env.reset(seed=0)[0] == env.unwrapped.maze.num_arcs


def test_one_walk_has_the_exact_hitting_time() -> None:
    env = MazeEnv(**SMALL, limit=10**9)
    count, rng = degrees(env.maze), np.random.default_rng(0)
    lengths: list[int] = []
    rewards: list[float] = []
    arc, _ = env.reset(seed=0)
    while len(lengths) < 400:
        done, steps, total = False, 0, 0.0
        while not done:
            arc, reward, done, truncated, _ = env.step(rng.integers(count[arc]))
            steps, total = steps + 1, total + reward
            assert not truncated
        lengths.append(steps)
        rewards.append(total)
        arc, _ = env.reset()
    assert within_errors(np.array(lengths), UNIFORM)
    np.testing.assert_allclose(rewards, 1 - 1e-3 * np.array(lengths))


def walk_many(env: MazeVectorEnv, steps: int, seed: int) -> tuple[np.ndarray, int]:
    """Lengths of the walks that arrived, and how many were truncated; from whole walks alone."""
    count, rng = degrees(env.maze), np.random.default_rng(seed)
    arc, _ = env.reset(seed=seed)
    age, cut = np.zeros(env.num_envs, int), 0
    lengths: list[int] = []
    for _ in range(steps):
        arc, reward, terminated, truncated, info = env.step(
            (rng.random(env.num_envs) * count[arc]).astype(int)
        )
        age += 1
        lengths += age[terminated].tolist()
        cut += int(truncated.sum())
        assert not (terminated & truncated).any()
        np.testing.assert_allclose(reward, terminated - 1e-3)
        done = terminated | truncated
        assert (arc[done] == env.maze.num_arcs).all()
        if done.any():
            final = np.array(info["final_obs"][done].tolist())
            ends = env.maze.head[final[terminated[done]]]
            assert np.isin(ends, env.maze.goals).all()
        age[done] = 0
    return np.array(lengths), cut


def test_many_walks_have_the_exact_hitting_time_and_truncate() -> None:
    made = gymnasium.make_vec(
        "mazerl/corridor-v0", num_envs=512, vectorization_mode="vector_entry_point",
        limit=8000, **SMALL,
    )  # fmt: skip
    assert isinstance(made, MazeVectorEnv)
    lengths, cut = walk_many(made, 4000, 0)
    # Long walks are missing from the end of the window: less than one in thirty.
    assert cut == 0
    assert abs(lengths.mean() / UNIFORM - 1) < 0.05
    short = MazeVectorEnv(64, limit=20, **SMALL)
    arrived, cut = walk_many(short, 200, 0)
    assert arrived.max() <= 20
    assert cut > 100


def test_same_seed_same_walks() -> None:
    runs = []
    for seed in (0, 0, 1):
        env = MazeVectorEnv(16, **SMALL)
        env.reset(seed=seed)
        runs.append(np.stack([env.step(np.zeros(16, int))[0] for _ in range(20)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_gymnax_walks_have_the_exact_hitting_time() -> None:
    maze = compile_maze(build("corridor", **SMALL))
    env, params = GymnaxMaze(maze), EnvParams(max_steps_in_episode=10**6)
    count = jnp.asarray(degrees(maze))

    def one(key: jax.Array) -> jax.Array:
        def go(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            key, arc, state, _, steps = carry
            key, port_key, step_key = jax.random.split(key, 3)
            port = jax.random.randint(port_key, (), 0, count[arc])
            arc, state, _, reached, truncated, _ = env.step(step_key, state, port, params)
            return key, arc, state, reached | truncated, steps + 1

        arc, state = env.reset(key, params)
        begin = (key, arc, state, jnp.bool_(False), jnp.int32(0))
        return jax.lax.while_loop(lambda carry: ~carry[3], go, begin)[4]

    steps = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 1000)))
    assert within_errors(steps, UNIFORM)


def reinforce(env: Any, params: Any, key: jax.Array, updates: int) -> jax.Array:
    """A small actor-critic that knows gymnax's public interface alone: logits [obs, actions]."""
    states, actions = env.observation_space(params).n, env.action_space(params).n
    walkers, horizon, discount, rate = 64, 64, 0.97, 2.0

    def act(carry: Any, key: jax.Array) -> tuple[Any, Any]:
        logits, seen, inside = carry
        choose, advance = jax.random.split(key)
        action = jax.random.categorical(choose, logits[seen])
        keys = jax.random.split(advance, walkers)
        after, inside, reward, ended, cut, info = jax.vmap(env.step, (0, 0, 0, None))(
            keys, inside, action, params
        )
        told = (seen, action, reward, ended, cut, info["final_observation"])
        return (logits, after, inside), told

    def update(carry: Any, key: jax.Array) -> tuple[Any, None]:
        logits, value, seen, inside = carry
        keys = jax.random.split(key, horizon)
        (_, seen, inside), told = jax.lax.scan(act, (logits, seen, inside), keys)
        before, action, reward, ended, cut, after = told

        def back(future: jax.Array, now: Any) -> tuple[jax.Array, jax.Array]:
            reward, ended, cut, after = now
            future = jnp.where(ended, 0.0, jnp.where(cut, value[after], future))
            total = reward + discount * future
            return total, total

        last = value[seen]
        _, total = jax.lax.scan(back, last, (reward, ended, cut, after), reverse=True)
        advantage = total - value[before]
        count = jnp.zeros(states).at[before].add(1.0)
        value = value + jnp.zeros(states).at[before].add(advantage) / jnp.maximum(count, 1)
        chosen = jax.nn.one_hot(action, actions) - jax.nn.softmax(logits[before])
        push = jnp.zeros_like(logits).at[before].add(advantage[..., None] * chosen)
        return (logits + rate * push / jnp.maximum(count, 1)[:, None], value, seen, inside), None

    first, inside = jax.vmap(env.reset, (0, None))(jax.random.split(key, walkers), params)
    begin = (jnp.zeros((states, actions)), jnp.zeros(states), first, inside)
    carry, _ = jax.lax.scan(update, begin, jax.random.split(key, updates))
    return carry[0]


def test_a_gymnax_agent_learns_to_backtrack() -> None:
    maze = compile_maze(build("corridor", width=2, depth=2, lanes=2))
    env = GymnaxMaze(maze)
    logits = jax.jit(reinforce, static_argnums=(0, 3))(
        env, EnvParams(max_steps_in_episode=200), jax.random.key(0), 400
    )
    rows = rows_of(maze)
    port = np.arange(rows.size) - rows.start[rows.arrival]
    learned = row_probabilities(maze, np.asarray(logits)[rows.arrival, port])
    uniform = row_probabilities(maze, np.zeros(rows.size))
    assert hitting_times(maze, uniform).mean() == pytest.approx(84)
    assert hitting_times(maze, learned).mean() < 1.15 * 15


def step_vector(env: MazeVectorEnv, port: int) -> int:
    return int(env.step(np.array([port]))[0][0])


def test_ports_that_do_not_exist_waste_a_step() -> None:
    parameters: dict[str, Any] = {
        "topology": "corridor",
        "width": 2,
        "depth": 1,
        "lanes": 3,
        "fork": "learned",
    }
    single = MazeEnv(**parameters)
    single.reset(seed=0)
    many = MazeVectorEnv(1, **parameters)
    many.reset(seed=0)
    maze = single.maze
    steps: list[Callable[[int], int]] = [
        lambda port: int(single.step(np.int64(port))[0]), lambda port: step_vector(many, port)
    ]  # fmt: skip
    for step in steps:
        assert step(3) == maze.num_arcs  # the fork has two ports, a diamond four
        assert step(1) == 1
    assert single.step(np.int64(9))[1] == pytest.approx(-1e-3)


def test_bad_input_is_refused() -> None:
    with pytest.raises(MazerlError, match="call reset first"):
        MazeVectorEnv(2).step(np.zeros(2, int))
    with pytest.raises(MazerlError, match="the number of environments is 0"):
        MazeVectorEnv(0)
    with pytest.raises(MazerlError, match="the time limit is 0"):
        MazeEnv(limit=0)
    with pytest.raises(MazerlError, match="unknown topology 'x'"):
        MazeEnv("x")
