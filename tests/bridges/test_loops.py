"""The bridges as other people's loops use them: their keys, actions, seeds, modes and wrappers."""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers
from gymnax.environments import environment
from scipy.stats import chisquare

from mazerl import MazerlError, build, compile_maze
from mazerl.bridges.gymnasium import MazeEnv, MazeVectorEnv
from mazerl.bridges.gymnax import EnvParams
from mazerl.bridges.gymnax import MazeEnv as GymnaxMaze

SIZE: dict[str, Any] = {"width": 4, "depth": 2, "lanes": 2}
OWN_FORK: dict[str, Any] = {"width": 3, "depth": 2, "lanes": 2, "fork": "learned"}


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_gymnax_goals_of_unsplit_keys_are_uniform(make: Any) -> None:
    env = GymnaxMaze(compile_maze(build("corridor", **SIZE)))
    for keys in (
        jax.vmap(make)(np.arange(4000)),
        jax.vmap(lambda n: jax.random.fold_in(make(0), n))(np.arange(4000)),
        jax.random.split(make(3), 4000),
    ):
        _, state = jax.vmap(env.reset, (0, None))(keys, env.default_params)
        counts = np.unique(np.asarray(state.goal), return_counts=True)[1]
        assert len(counts) == 4
        assert chisquare(counts).pvalue > 1e-3


def test_gymnax_draws_chance_apart_from_the_goal() -> None:
    """The key that drew the goal may be the key of the first step, as in many loops."""
    env = GymnaxMaze(compile_maze(build("corridor", **SIZE)))

    def first(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        _, state = env.reset(key, env.default_params)
        arc, *_ = env.step(key, state, jnp.int32(0), env.default_params)
        return state.goal, arc

    goals, arcs = jax.vmap(first)(jax.vmap(jax.random.key)(np.arange(4000)))
    pairs = np.unique(np.stack([goals, arcs]), axis=1, return_counts=True)[1]
    assert len(pairs) == 16
    assert chisquare(pairs).pvalue > 1e-3


def test_a_gymnax_environment_is_what_its_base_class_asks() -> None:
    env = GymnaxMaze(compile_maze(build("corridor", **OWN_FORK)))
    params = EnvParams(max_steps_in_episode=7)
    assert isinstance(env, environment.Environment)
    for seed in range(20):
        key = jax.random.key(seed)
        arc, state = env.reset(key, params)
        assert env.observation_space(params).contains(arc)
        for n in range(20):
            action = env.action_space(params).sample(jax.random.fold_in(key, n))
            arc, state, reward, ended, cut, _ = env.step(
                jax.random.fold_in(key, 100 + n), state, action, params
            )
            assert env.observation_space(params).contains(arc)
            assert (jnp.shape(reward), jnp.shape(ended), jnp.shape(cut)) == ((), (), ())
            assert int(state.time) <= 7


@pytest.mark.parametrize("action", [-1, -2, -(2**31), 4, 99, 2**31 - 1])
def test_actions_that_no_vertex_has_waste_the_step(action: int) -> None:
    single = MazeEnv(**OWN_FORK)
    begin = int(single.reset(seed=0)[0])
    assert int(single.step(np.int64(action))[0]) == begin
    many = MazeVectorEnv(3, **OWN_FORK)
    many.reset(seed=0)
    assert many.step(np.full(3, action))[0].tolist() == [begin] * 3
    assert many.step(np.full(3, 2**32 + 1))[0].tolist() == [begin] * 3
    env = GymnaxMaze(single.maze)
    _, state = env.reset(jax.random.key(0), env.default_params)
    seen = env.step(jax.random.key(1), state, jnp.int32(action), env.default_params)[0]
    assert int(seen) == begin


@pytest.mark.parametrize("action", [1, True, np.int8(1), np.uint8(1), np.array([1]), jnp.int32(1)])
def test_actions_of_every_whole_kind_are_ports(action: Any) -> None:
    env = MazeEnv(**OWN_FORK)
    env.reset(seed=0)
    assert int(env.step(action)[0]) == 1


@pytest.mark.parametrize("action", [1.0, np.float32(1), "1", None, [0, 1], np.zeros((2, 1), int)])
def test_actions_that_are_no_ports_are_told(action: Any) -> None:
    env = MazeEnv(**OWN_FORK)
    env.reset(seed=0)
    with pytest.raises(MazerlError, match=r"an action of type|actions of shape"):
        env.step(action)
    many = MazeVectorEnv(4, **OWN_FORK)
    many.reset(seed=0)
    for wrong in (np.zeros((4, 1), int), np.zeros(3, int), np.zeros(4), 0, [None] * 4):
        with pytest.raises(MazerlError, match=r"an action of type|actions of shape"):
            many.step(wrong)  # type: ignore[arg-type]
    gymnax_env = GymnaxMaze(env.maze)
    _, state = gymnax_env.reset(jax.random.key(0), gymnax_env.default_params)
    for traced in (jnp.zeros(1, int), jnp.zeros(())):
        with pytest.raises(MazerlError, match=r"an action of type|actions of shape"):
            gymnax_env.step(jax.random.key(0), state, traced, gymnax_env.default_params)


def history(env: MazeVectorEnv, seed: int | None) -> np.ndarray:
    env.reset(seed=seed)
    return np.stack([env.step(np.zeros(env.num_envs, int))[0] for _ in range(40)])


def test_seeds_none_a_number_a_list() -> None:
    def made() -> MazeVectorEnv:
        return MazeVectorEnv(8, **SIZE)

    assert not np.array_equal(history(made(), None), history(made(), None))
    env = made()
    np.testing.assert_array_equal(history(made(), 7), history(env, 7))
    assert env.np_random_seed == 7
    assert not np.array_equal(history(env, None), history(made(), 7))
    np.testing.assert_array_equal(history(made(), 7), history(env, 7))
    single = MazeEnv(**SIZE)
    single.reset(seed=3)
    assert single.np_random_seed == 3
    for seed in ([0, 1, 2], -1, 2**32, 1.5, "a", True):
        for bad in (made(), single):
            with pytest.raises(MazerlError, match="the seed is"):
                bad.reset(seed=seed)  # type: ignore[arg-type]


def test_what_is_not_reset_is_told() -> None:
    with pytest.raises(MazerlError, match="call reset first"):
        MazeEnv(**SIZE).step(np.int64(0))


def whole_walks(env: Any, steps: int, lengths: list[int], mode: AutoresetMode) -> None:
    """Lengths of walks as a loop counts them that knows the mode."""
    arc, _ = env.reset(seed=0)
    age, begins = np.zeros(env.num_envs, int), np.zeros(env.num_envs, bool)
    generator = np.random.default_rng(0)
    for _ in range(steps):
        arc, reward, terminated, truncated, _ = env.step(generator.integers(4, size=env.num_envs))
        done = terminated | truncated
        if mode is AutoresetMode.NEXT_STEP:
            assert (reward[begins] == 0).all()
            assert not done[begins].any()
            assert (arc[begins] == env.unwrapped.maze.num_arcs).all()
            assert (arc[done] < env.unwrapped.maze.num_arcs).all()
        age = np.where(begins, 0, age + 1)
        lengths += age[done].tolist()
        if mode is AutoresetMode.NEXT_STEP:
            begins = done
        else:
            age[done] = 0
        if mode is AutoresetMode.DISABLED and done.any():
            arc, _ = env.reset(options={"reset_mask": done})
            assert (arc[done] == env.unwrapped.maze.num_arcs).all()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_walks_of_every_autoreset_mode_are_as_long(mode: AutoresetMode) -> None:
    env = gymnasium.make_vec(
        "mazerl/corridor-v0", num_envs=256, vectorization_mode="vector_entry_point",
        autoreset_mode=mode.value, limit=30, **SIZE,
    )  # fmt: skip
    assert env.metadata["autoreset_mode"] is mode
    lengths: list[int] = []
    whole_walks(env, 400, lengths, mode)
    single = MazeEnv(limit=30, **SIZE)
    generator, expected = np.random.default_rng(1), []
    for seed in range(2000):
        single.reset(seed=seed)
        expected.append(0)
        over = False
        while not over:
            _, _, ended, cut, _ = single.step(generator.integers(4))
            over, expected[-1] = ended or cut, expected[-1] + 1
    error = np.std(expected) / np.sqrt(len(expected))
    assert abs(np.mean(lengths) - np.mean(expected)) < 4 * error


def test_a_walk_that_has_ended_is_not_walked_on() -> None:
    env = MazeVectorEnv(2, limit=1, autoreset_mode="Disabled", **SIZE)
    env.reset(seed=0)
    env.step(np.zeros(2, int))
    with pytest.raises(MazerlError, match="walk 0 has ended"):
        env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(MazerlError, match="walk 1 has ended"):
        env.step(np.zeros(2, int))
    for mask in ([1, 0], np.array([True])):
        with pytest.raises(MazerlError, match="give booleans of shape"):
            env.reset(options={"reset_mask": mask})
    with pytest.raises(MazerlError, match="known: NextStep, SameStep, Disabled"):
        MazeVectorEnv(2, autoreset_mode="sometimes")


def test_gymnasium_counts_episodes_rightly_in_next_step_mode() -> None:
    env = MazeVectorEnv(32, limit=9, autoreset_mode="NextStep", **SIZE)
    counted = wrappers.RecordEpisodeStatistics(env)
    counted.reset(seed=0)
    longest = 0
    for _ in range(60):
        _, _, _, cut, info = counted.step(np.zeros(32, int))
        if cut.any():
            longest = max(longest, int(info["episode"]["l"][cut].max()))
            assert (info["episode"]["l"][cut] == 9).all()
            assert np.allclose(info["episode"]["r"][cut], -9e-3)
    assert longest == 9


def test_the_limit_is_what_make_was_asked_for() -> None:
    kinds: list[tuple[dict[str, Any], int]] = [
        ({}, 1000), ({"max_episode_steps": 1500}, 1500), ({"limit": 40}, 40),
        ({"max_episode_steps": 50, "limit": 40}, 40),
    ]  # fmt: skip
    for asked, limit in kinds:
        env = gymnasium.make("mazerl/corridor-v0", **asked, **OWN_FORK)
        env.reset(seed=0)
        steps, over = 0, False
        while not over:
            *_, over, _ = env.step(3)  # the fork has three ports
            steps += 1
        assert steps == limit
        many = gymnasium.make_vec(
            "mazerl/corridor-v0", num_envs=2, vectorization_mode="vector_entry_point",
            render_mode="rgb_array", **asked, **OWN_FORK,
        )  # fmt: skip
        assert isinstance(many, MazeVectorEnv)
        assert many.limit == limit
    env = gymnasium.make("mazerl/corridor-v0", limit=8000, **OWN_FORK)
    with pytest.raises(MazerlError, match="max_episode_steps; give that instead"):
        env.reset()


def test_ten_thousand_calls_valid_or_not_leave_the_spaces_never() -> None:
    generator = np.random.default_rng(0)
    env = MazeEnv(limit=50, **SIZE)
    many = MazeVectorEnv(4, limit=50, **SIZE)
    env.reset(seed=0)
    many.reset(seed=0)
    for _ in range(10_000):
        action = int(generator.choice([-5, -1, 0, 1, 2, 3, 4, 7, 2**31, 2**40]))
        arc, reward, ended, cut, _ = env.step(np.int64(action))
        assert env.observation_space.contains(arc)
        assert reward in (-1e-3, 1 - 1e-3)
        if ended or cut or generator.random() < 0.01:
            env.reset()
        if generator.random() < 0.2:
            arcs = many.step(generator.integers(-3, 9, 4))[0]
            assert many.observation_space.contains(arcs)
