"""Mazes as `gymnasium` environments, one walk or many (extra `gymnasium`).

Importing this module registers `mazerl/<topology>-v0` for every topology that needs no argument;
`gymnasium.make` takes the builder's parameters, `gymnasium.make_vec` a batch that steps in JAX.
"""

import math
from functools import partial
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from mazerl.bridges.moves import move, require_ports
from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.maze import Array, Maze, compile_maze
from mazerl.policy.sampling import seeded_key
from mazerl.topology import TOPOLOGIES, build
from mazerl.walk.env import State, reset

_LIMIT = 1000


class MazeEnv(gymnasium.Env[np.int64, np.int64]):
    """One walk, stepped on the host. Nothing is rendered, whatever `render_mode` is asked for.

    A compiled maze may stand in the place of a topology's name and parameters. The time limit is
    `limit`; else the `max_episode_steps` of `gymnasium.make`, 1000 by default.

    Raises:
        MazerlError: what `build` and `compile_maze` raise, or a time limit below 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own form

    def __init__(
        self,
        topology: str | Maze = "corridor",
        limit: int | None = None,
        arrival: float = 1.0,
        penalty: float = 1e-3,
        render_mode: str | None = None,
        **parameters: Any,
    ) -> None:
        del render_mode  # trainers pass one without asking
        if isinstance(topology, Maze):
            self.maze = topology
        else:
            self.maze = compile_maze(build(topology, **parameters))
        self._limit = None if limit is None else require_whole("the time limit", limit)
        self.arrival, self.penalty = arrival, penalty
        self.observation_space, self.action_space = _spaces(self.maze)
        self._arc, self._goal, self._time = self.maze.num_arcs, -1, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Begin at the start with a drawn goal; the goal stays hidden.

        Raises:
            MazerlError: a seed that is no whole number below 2³², or a limit that
                `gymnasium.make` does not know of.
        """
        if self.spec and (self._limit or 0) > _LIMIT:
            raise MazerlError(
                f"limit is {self._limit}, but gymnasium.make ends walks after {_LIMIT} steps or "
                "max_episode_steps; give that instead"
            )
        super().reset(seed=_seed(seed))
        self._arc, self._time = self.maze.num_arcs, 0
        self._goal = int(self.np_random.choice(np.asarray(self.maze.goals)))
        return np.int64(self._arc), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Take a port: observation, reward, terminated, truncated, nothing else.

        Raises:
            MazerlError: the environment was never reset, or the action is no whole number.
        """
        if self._goal < 0:
            raise MazerlError("the environment was never reset; call reset first")
        port = np.asarray(action)
        require_ports(port, () if port.size != 1 else port.shape)
        return self._take(int(port.item()))

    def _take(self, port: int) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        maze = self.maze
        begins = self._arc == maze.num_arcs
        vertex = int(maze.start) if begins else int(maze.head[self._arc])
        degree = int(maze.degree[vertex])
        if maze.chance[vertex]:
            port = int(self.np_random.integers(degree))
        real = 0 <= port < degree
        if real:
            self._arc = int(maze.first_arc[vertex]) + port
            vertex = int(maze.head[self._arc])
        self._time += 1
        reached = real and vertex == self._goal
        reward = self.arrival * reached - self.penalty
        # `gymnasium.make` wraps what it makes in a limit of its own.
        limit = self._limit or (math.inf if self.spec else _LIMIT)
        return np.int64(self._arc), reward, reached, self._time >= limit, {}


class MazeVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many walks in one JAX step; what becomes of ended ones is `autoreset_mode`'s to say.

    SameStep: they begin anew in the same step, whose `info["final_obs"]` says where they were.
    NextStep: in the next one, whose action and reward count for nothing; gymnasium 1.3's
    RecordEpisodeStatistics is right about this one alone. Disabled: `reset` begins those of
    `options["reset_mask"]` [B].

    Raises:
        MazerlError: what `build` and `compile_maze` raise, a time limit below 1, an unknown mode.
    """

    def __init__(
        self,
        num_envs: int,
        topology: str = "corridor",
        limit: int | None = None,
        arrival: float = 1.0,
        penalty: float = 1e-3,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        **parameters: Any,
    ) -> None:
        self.num_envs = require_whole("the number of environments", num_envs)
        self.maze = compile_maze(build(topology, **parameters))
        asked = max_episode_steps if limit is None else limit
        self.limit = require_whole("the time limit", _LIMIT if asked is None else asked)
        self.arrival, self.penalty, self.render_mode = arrival, penalty, render_mode
        self.metadata = {"autoreset_mode": _mode(autoreset_mode), "render_modes": []}
        self.single_observation_space, self.single_action_space = _spaces(self.maze)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._key: Array | None = None
        self._state: State | None = None
        self._ended = np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all walks, or those of `options["reset_mask"]` [B]; the goals stay hidden.

        Raises:
            MazerlError: a seed that is no whole number, or a mask of another shape.
        """
        super().reset(seed=_seed(seed))
        if seed is not None:
            self._key = seeded_key(seed)
        elif self._key is None:  # `np_random` has a seed of the machine's entropy
            self._key = seeded_key(int(self.np_random.integers(2**32, dtype=np.uint32)))
        self._key, key = jax.random.split(self._key)
        fresh, mask = reset(self.maze, key, (self.num_envs,)), (options or {}).get("reset_mask")
        if mask is not None and self._state is not None:
            begins = np.asarray(mask)
            if begins.dtype != bool or begins.shape != (self.num_envs,):
                raise MazerlError(
                    f"reset_mask is {begins.dtype} of shape {begins.shape}; give booleans of shape "
                    f"({self.num_envs},)"
                )
            fresh = State(*map(partial(jnp.where, begins), fresh, self._state))
            self._ended &= ~begins
        else:
            self._ended[:] = False
        self._state = fresh
        return np.asarray(fresh.arc, np.int64), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take a port each: observations, rewards, terminated, truncated, info.

        Raises:
            MazerlError: the environment was never reset, or actions are no whole numbers [B].
        """
        if self._state is None:
            raise MazerlError("the environment was never reset; call reset first")
        actions = np.asarray(actions)
        require_ports(actions, (self.num_envs,))
        # Before they become 32 bits: 2³² is no port.
        ports = np.where((actions >= 0) & (actions < self.maze.num_ports), actions, -1)
        mode, begins = self.metadata["autoreset_mode"], self._ended
        if mode is AutoresetMode.DISABLED and begins.any():
            raise MazerlError(
                f"walk {int(begins.argmax())} has ended; begin it with "
                'reset(options={"reset_mask": …}), or give another autoreset_mode'
            )
        same = mode is AutoresetMode.SAME_STEP
        self._key, self._state, last, reached, ended = _step_all(
            self.maze, self._key, self._state, ports.astype(np.int32), begins, self.limit, same
        )
        terminated, done = np.array(reached), np.array(ended)
        reward = np.where(begins, 0.0, self.arrival * terminated - self.penalty)
        info: dict[str, Any] = {}
        if not same:
            self._ended = done.copy()
        elif done.any():
            final = np.full(self.num_envs, None, object)
            final[done] = np.asarray(last, np.int64)[done]
            info = {"final_obs": final, "_final_obs": done}
        return (
            np.asarray(self._state.arc, np.int64), reward, terminated, done & ~terminated, info,
        )  # fmt: skip


@partial(jax.jit, static_argnums=(5, 6))
def _step_all(
    maze: Maze, key: Array, state: State, port: Array, begins: Array, limit: int, same: bool
) -> tuple[Array, State, Array, Array, Array]:
    """(key, state, last arc, reached, ended), [B] but for the key.

    Walks that `begins` says begin anew instead of the step; with `same`, those that end do after.
    """
    key, goals_key, bits_key = jax.random.split(key, 3)
    shape = state.arc.shape
    after, reached = move(maze, state, port, jax.random.bits(bits_key, shape, jnp.uint32))
    reached = reached & ~begins
    ended = reached | ((after.time >= limit) & ~begins)
    anew = begins | ended if same else begins
    now = State(*map(partial(jnp.where, anew), reset(maze, goals_key, shape), after))
    return key, now, after.arc, reached, ended


def _mode(asked: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(asked)
    except ValueError:
        known = ", ".join(str(mode.value) for mode in AutoresetMode)
        raise MazerlError(f"unknown autoreset_mode {asked!r}; known: {known}") from None


def _seed(seed: object) -> int | None:
    """One seed draws for all walks."""
    return None if seed is None else require_seed("the seed", seed)


def _spaces(maze: Maze) -> tuple[Discrete[np.int64], Discrete[np.int64]]:
    """Arrival arcs and one more for the beginning; ports."""
    return Discrete(maze.num_arcs + 1), Discrete(maze.num_ports)


for _name in TOPOLOGIES:
    if _name != "file":
        gymnasium.register(
            id=f"mazerl/{_name}-v0",
            entry_point="mazerl.bridges.gymnasium:MazeEnv",
            vector_entry_point="mazerl.bridges.gymnasium:MazeVectorEnv",
            kwargs={"topology": _name},
            max_episode_steps=_LIMIT,
        )
