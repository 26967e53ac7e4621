"""Mazes as `gymnasium` environments, one walk or many (extra `gymnasium`).

Importing this module registers `mazerl/<topology>-v0` for every topology that needs no argument;
`gymnasium.make` takes the builder's parameters, `gymnasium.make_vec` a batch that steps in JAX.
"""

from functools import partial
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from mazerl.bridges.moves import move
from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, Maze, compile_maze
from mazerl.topology import TOPOLOGIES, build
from mazerl.walk.env import State, reset


class MazeEnv(gymnasium.Env[np.int64, np.int64]):
    """One walk, stepped on the host. Nothing is rendered, whatever `render_mode` is asked for.

    Raises:
        MazerlError: what `build` and `compile_maze` raise, or a time limit below 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own form

    def __init__(
        self,
        topology: str = "corridor",
        limit: int = 1000,
        arrival: float = 1.0,
        penalty: float = 1e-3,
        render_mode: str | None = None,
        **parameters: Any,
    ) -> None:
        del render_mode  # trainers pass one without asking
        self.maze = compile_maze(build(topology, **parameters))
        self.limit = require_whole("the time limit", limit)
        self.arrival, self.penalty = arrival, penalty
        self.observation_space, self.action_space = _spaces(self.maze)
        self._arc, self._goal, self._time = self.maze.num_arcs, 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Begin at the start with a drawn goal; the goal stays hidden."""
        super().reset(seed=seed)
        self._arc, self._time = self.maze.num_arcs, 0
        self._goal = int(self.np_random.choice(np.asarray(self.maze.goals)))
        return np.int64(self._arc), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Take a port: observation, reward, terminated, truncated, nothing else."""
        maze = self.maze
        begins = self._arc == maze.num_arcs
        vertex = int(maze.start) if begins else int(maze.head[self._arc])
        port, degree = int(action), int(maze.degree[vertex])
        if maze.chance[vertex]:
            port = int(self.np_random.integers(degree))
        if port < degree:
            self._arc = int(maze.first_arc[vertex]) + port
            vertex = int(maze.head[self._arc])
        self._time += 1
        reached = port < degree and vertex == self._goal
        reward = self.arrival * reached - self.penalty
        return np.int64(self._arc), reward, reached, self._time >= self.limit, {}


class MazeVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many walks in one JAX step; ended ones begin anew in the same step."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - gymnasium's own form

    def __init__(
        self,
        num_envs: int,
        topology: str = "corridor",
        limit: int = 1000,
        arrival: float = 1.0,
        penalty: float = 1e-3,
        **parameters: Any,
    ) -> None:
        self.num_envs = require_whole("the number of environments", num_envs)
        self.maze = compile_maze(build(topology, **parameters))
        self.limit = require_whole("the time limit", limit)
        self.arrival, self.penalty = arrival, penalty
        self.single_observation_space, self.single_action_space = _spaces(self.maze)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._key = jax.random.key(0)
        self._state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all walks; the goals stay hidden."""
        if seed is not None:
            self._key = jax.random.key(seed)
        self._key, key = jax.random.split(self._key)
        begun = self._state = reset(self.maze, key, (self.num_envs,))
        return np.asarray(begun.arc, np.int64), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take a port each; `info["final_obs"]` holds where ended walks were."""
        if self._state is None:
            raise MazerlError("the environment was never reset; call reset first")
        self._key, now, last, reached, ended = _step_all(
            self.maze, self._key, self._state, np.asarray(actions, np.int32), self.limit
        )
        self._state = now
        terminated, done = np.asarray(reached), np.asarray(ended)
        info: dict[str, Any] = {}
        if done.any():
            final = np.full(self.num_envs, None, object)
            final[done] = np.asarray(last, np.int64)[done]
            info = {"final_obs": final, "_final_obs": done}
        reward = self.arrival * terminated - self.penalty
        return np.asarray(now.arc, np.int64), reward, terminated, done & ~terminated, info


@partial(jax.jit, static_argnums=4)
def _step_all(
    maze: Maze, key: Array, state: State, port: Array, limit: int
) -> tuple[Array, State, Array, Array, Array]:
    """(key, state with ended walks begun anew, last arc, reached, ended), [B] but for the key."""
    key, goals_key, bits_key = jax.random.split(key, 3)
    shape = state.arc.shape
    after, reached = move(maze, state, port, jax.random.bits(bits_key, shape, jnp.uint32))
    ended = reached | (after.time >= limit)
    fresh = reset(maze, goals_key, shape)
    state = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, after)
    return key, state, after.arc, reached, ended


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
        )
