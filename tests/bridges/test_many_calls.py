"""Ten thousand random calls, valid and invalid; and what gymnax's own tests ask of environments."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnax import wrappers
from gymnax.experimental.rollout import RolloutWrapper

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.bridges.gymnasium import MazeEnv, MazeVectorEnv
from mazerl.bridges.gymnax import EnvParams
from mazerl.bridges.gymnax import MazeEnv as GymnaxMaze

OWN_FORK: dict[str, Any] = {"width": 3, "depth": 2, "lanes": 2, "fork": "learned"}
CALLS = 10_000
LIMIT = 50


@pytest.fixture(scope="module")
def maze() -> Maze:
    return compile_maze(build("corridor", **OWN_FORK))


def wrong_calls(generator: np.random.Generator) -> Any:
    """What is no port of one walk, whatever the maze."""
    many = [1.5, np.float32(0), "1", None, [], [0, 0], {}, np.zeros((2, 1), int), 1j, object()]
    return many[int(generator.integers(len(many)))]


def ports(generator: np.random.Generator) -> int:
    """A port that may not exist, near it or far."""
    far = [-1, -(2**31), 2**31 - 1, 99]
    return int(generator.choice([*range(5), *far]))


def after(maze: Maze, arc: int, port: int) -> int:
    """The arrival arc after a port, by the arrays alone."""
    vertex = int(maze.start) if arc == maze.num_arcs else int(maze.head[arc])
    return int(maze.first_arc[vertex]) + port if 0 <= port < int(maze.degree[vertex]) else arc


def walk_randomly(
    maze: Maze, step: Callable[[Any], Any], told: Counter[str],
    refusal: Any = MazerlError, wrong: float = 0.3,
) -> None:  # fmt: skip
    """Step for all calls from the start: each goes where it must, or is told and moves nothing."""
    generator = np.random.default_rng(0)
    arc, age = maze.num_arcs, 0
    for _ in range(CALLS):
        if generator.random() < wrong:
            with pytest.raises(refusal):
                step(wrong_calls(generator))
            told["refused"] += 1
            continue
        port = ports(generator)
        expected, age = after(maze, arc, port), age + 1
        moved = expected != arc
        reached = moved and int(maze.head[expected]) in np.asarray(maze.goals)
        final, begun, reward, ended, cut = step(port)
        assert (final, ended) in ((expected, False), (expected, reached))
        assert cut == (not ended and age == LIMIT)
        assert reward == pytest.approx(ended - 1e-3)
        assert begun == (maze.num_arcs if ended or cut else final)
        told["ended" if ended else "cut" if cut else "moved" if moved else "wasted"] += 1
        arc, age = (maze.num_arcs, 0) if ended or cut else (expected, age)


def require_all(told: Counter[str]) -> None:
    assert sum(told.values()) == CALLS
    assert set(told) == {"refused", "ended", "cut", "moved", "wasted"}


def test_calls_of_one_walk(maze: Maze) -> None:
    env, told = MazeEnv(limit=LIMIT, **OWN_FORK), Counter[str]()
    env.reset(seed=0)

    def step(action: Any) -> Any:
        arc, reward, ended, cut, _ = env.step(action)
        assert env.observation_space.contains(arc)
        final = int(arc)
        if ended or cut:
            arc, _ = env.reset()
        return final, int(arc), reward, ended, cut and not ended

    walk_randomly(maze, step, told)
    require_all(told)


def test_calls_of_many_walks(maze: Maze) -> None:
    env, told = MazeVectorEnv(1, limit=LIMIT, **OWN_FORK), Counter[str]()
    env.reset(seed=0)

    def step(action: Any) -> Any:
        whole = isinstance(action, int)
        arc, reward, ended, cut, info = env.step(np.array([action]) if whole else action)
        final = info["final_obs"][0] if "final_obs" in info else arc[0]
        return int(final), int(arc[0]), float(reward[0]), bool(ended[0]), bool(cut[0])

    walk_randomly(maze, step, told)
    require_all(told)


def test_calls_of_gymnax(maze: Maze) -> None:
    env, params, told = GymnaxMaze(maze), EnvParams(max_steps_in_episode=LIMIT), Counter[str]()
    go = jax.jit(env.step)
    _, state = env.reset(jax.random.key(0), params)
    keys = iter(jax.random.split(jax.random.key(1), CALLS))
    spaces = env.observation_space(params), env.state_space(params)

    def step(action: Any) -> Any:
        nonlocal state
        if not isinstance(action, int):
            env.step(jax.random.key(0), state, action, params)  # JAX itself takes no texts
        arc, state, reward, ended, cut, info = go(next(keys), state, np.int32(action), params)
        if told.total() < 200:
            assert spaces[0].contains(arc)
            assert spaces[1].contains(state)
        final = int(info["final_observation"])
        return final, int(arc), float(reward), bool(ended), bool(cut) and not bool(ended)

    walk_randomly(maze, step, told, (MazerlError, TypeError), 0.01)  # each is traced
    require_all(told)


def test_spaces_can_say_no(maze: Maze) -> None:
    env, params = GymnaxMaze(maze), EnvParams(max_steps_in_episode=LIMIT)
    _, state = env.reset(jax.random.key(0), params)
    space = env.state_space(params)
    assert space.contains(state)
    assert not space.contains(state.replace(arc=jnp.int32(maze.num_arcs + 1)))
    assert not space.contains(state.replace(time=jnp.int32(LIMIT + 1)))


def test_the_time_limit_keeps_the_last_observation(maze: Maze) -> None:
    env, params = GymnaxMaze(maze), EnvParams(max_steps_in_episode=1)

    def once(key: jax.Array) -> Any:
        _, state = env.reset(key, params)
        return env.step(key, state, jnp.int32(1), params)

    arc, state, _, ended, cut, info = jax.jit(jax.vmap(once))(
        jax.random.split(jax.random.key(3), 4)
    )
    assert cut.all()
    assert not ended.any()
    assert (arc == maze.num_arcs).all()
    assert (state.time == 0).all()
    assert (info["final_observation"] == after(maze, maze.num_arcs, 1)).all()
    with pytest.raises(ValueError, match="transition gradients"):
        env.with_transition_gradients()


def test_wrappers_of_gymnax(maze: Maze) -> None:
    env, params = GymnaxMaze(maze), EnvParams(max_steps_in_episode=2)
    key = jax.random.key(0)
    logged = wrappers.LogWrapper(env)
    _, state = logged.reset(key, params)
    for _ in range(2):
        *_, info = logged.step(key, state, jnp.int32(0), params)
        _, state, *_ = logged.step(key, state, jnp.int32(0), params)
    assert info["returned_episode_lengths"] == 2
    assert info["returned_episode_returns"] == pytest.approx(-2e-3)
    sticky = wrappers.StickyActionWrapper(env, sticky_action_prob=1.0)
    _, kept = sticky.reset(key, params)
    arc, *_ = sticky.step(key, kept.replace(last_action=jnp.int32(1)), jnp.int32(0), params)
    assert arc == after(maze, maze.num_arcs, 1)
    single = wrappers.GymnaxToGymWrapper(env, params, 0)
    assert isinstance(single.action_space, gymnasium.spaces.Discrete)
    assert single.observation_space.contains(int(single.reset()[0]))
    _, _, ended, cut, _ = single.step(0)
    assert not ended
    assert not cut
    many = wrappers.GymnaxToVectorGymWrapper(env, 3, params, 0)
    many.reset()
    assert many.step(many.action_space.sample())[0].shape == (3,)
    rolled = RolloutWrapper(
        lambda params, seen, key: jnp.int32(0), env=env, env_params=params, num_env_steps=3
    )
    assert rolled.single_rollout(key, None)[0].shape == (3,)
