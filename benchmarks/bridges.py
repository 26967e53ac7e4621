"""What stepping through gymnax's and gymnasium's interfaces costs beside our own loop."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.board import Board, timed
from benchmarks.scale import scaled
from mazerl import Maze, build, compile_maze
from mazerl.policy.tabular import UNIFORM
from mazerl.walk.env import reset
from mazerl.walk.rollouts import continue_walks

_SIZE: dict[str, Any] = {"width": 4, "depth": 4, "lanes": 3}
_WALKERS, _STEPS, _LIMIT = 2048, scaled(1000, 10), 1000


def bridges(board: Board) -> None:
    """Uniform walks on corridor(4, 4, 3), walks that end begin anew."""
    try:
        from mazerl.bridges.gymnasium import MazeVectorEnv
        from mazerl.bridges.gymnax import EnvParams, MazeEnv
    except ImportError as missing:
        board.line(f"bridges: {missing}; they were not timed\n")
        return
    maze = compile_maze(build("corridor", **_SIZE))
    env, params = MazeEnv(maze), EnvParams(max_steps_in_episode=_LIMIT)
    degree = jnp.append(maze.degree[maze.head], maze.degree[maze.start])

    @jax.jit
    def through_gymnax(key: jax.Array) -> jax.Array:
        def body(carry: tuple[jax.Array, object], key: jax.Array) -> tuple[object, jax.Array]:
            arc, state = carry
            choose, move = jax.random.split(key)
            port = (jax.random.uniform(choose, (_WALKERS,)) * degree[arc]).astype(jnp.int32)
            keys = jax.random.split(move, _WALKERS)
            stepped = jax.vmap(env.step, (0, 0, 0, None))(keys, state, port, params)
            return stepped[:2], stepped[3].sum()

        begin = jax.vmap(env.reset, (0, None))(jax.random.split(key, _WALKERS), params)
        return jax.lax.scan(body, begin, jax.random.split(key, _STEPS))[1].sum()

    ours = _rate(board, "our own loop, 2048 walkers", partial(_native, maze), _WALKERS)
    gymnax = _rate(board, "through gymnax, 2048 walkers", through_gymnax, _WALKERS)
    vector = MazeVectorEnv(1024, limit=_LIMIT, **_SIZE)
    vector.reset(seed=0)
    ports = np.zeros(1024, np.int32)

    def through_gymnasium(key: jax.Array) -> None:
        del key
        for _ in range(_STEPS):
            vector.step(ports)

    gymnasium = _rate(board, "through gymnasium, 1024 walkers", through_gymnasium, 1024)
    board.line("environments on corridor(4, 4, 3), walks begin anew, M steps/s")
    board.line(f"  our own loop, 2048 walkers        {ours:6.1f}")
    board.line(f"  gymnax, 2048 walkers              {gymnax:6.1f}")
    board.line(f"  ratio                    {gymnax / ours:8.2f}")
    board.line(f"  gymnasium vector, 1024 walkers    {gymnasium:6.1f}\n")


@jax.jit
def _native(maze: Maze, key: jax.Array) -> jax.Array:
    begin = reset(maze, key, (_WALKERS,))
    steps, _ = continue_walks(UNIFORM, (), maze, begin, key, _STEPS, jnp.int32(_LIMIT))
    return steps.terminated.sum()


def _rate(board: Board, name: str, work: Callable[[jax.Array], object], walkers: int) -> float:
    """Millions of steps a second, the fastest of five runs after one that compiles."""
    seeds = itertools.count()
    spent = timed(5, lambda: work(jax.random.key(next(seeds))))
    return board.speed(name, "M steps", walkers * _STEPS / 1e6, spent)
