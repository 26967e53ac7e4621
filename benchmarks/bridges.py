"""What stepping through gymnax's and gymnasium's interfaces costs beside our own loop."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console

from benchmarks.scale import scaled
from mazerl import Maze, build, compile_maze
from mazerl.policy.tabular import UNIFORM
from mazerl.walk.env import reset
from mazerl.walk.rollouts import continue_walks

_SIZE: dict[str, Any] = {"width": 4, "depth": 4, "lanes": 3}
_WALKERS, _STEPS, _LIMIT = 2048, scaled(1000, 10), 1000


def bridges(console: Console) -> None:
    """Uniform walks on corridor(4, 4, 3), walks that end begin anew."""
    try:
        from mazerl.bridges.gymnasium import MazeVectorEnv
        from mazerl.bridges.gymnax import EnvParams, MazeEnv
    except ImportError as missing:
        console.print(f"bridges: {missing}; they were not timed\n")
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

    ours = _rate(partial(_native, maze), _WALKERS * _STEPS)
    gymnax = _rate(through_gymnax, _WALKERS * _STEPS)
    vector = MazeVectorEnv(1024, limit=_LIMIT, **_SIZE)
    vector.reset(seed=0)
    ports = np.zeros(1024, np.int32)

    def through_gymnasium(key: jax.Array) -> None:
        del key
        for _ in range(_STEPS):
            vector.step(ports)

    gymnasium = _rate(through_gymnasium, 1024 * _STEPS)
    console.print("environments on corridor(4, 4, 3), walks begin anew, M steps/s")
    console.print(f"  our own loop, 2048 walkers        {ours:6.1f}")
    console.print(f"  gymnax, 2048 walkers              {gymnax:6.1f}")
    console.print(f"  ratio                    {gymnax / ours:8.2f}")
    console.print(f"  gymnasium vector, 1024 walkers    {gymnasium:6.1f}\n")


@jax.jit
def _native(maze: Maze, key: jax.Array) -> jax.Array:
    begin = reset(maze, key, (_WALKERS,))
    steps, _ = continue_walks(UNIFORM, (), maze, begin, key, _STEPS, jnp.int32(_LIMIT))
    return steps.terminated.sum()


def _rate(work: Callable[[jax.Array], object], steps: int) -> float:
    """Millions of steps a second, the fastest of five runs after one that compiles."""
    jax.block_until_ready(work(jax.random.key(0)))
    seconds = []
    for seed in range(5):
        began = time.perf_counter()
        jax.block_until_ready(work(jax.random.key(seed)))
        seconds.append(time.perf_counter() - began)
    return steps / min(seconds) / 1e6
