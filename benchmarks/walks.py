"""Random walks, beside gymnax and on many mazes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.board import Board, timed
from benchmarks.scale import scaled
from mazerl import build, compile_maze
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.env import reset
from mazerl.walk.rollouts import continue_walks, run_walks


def random_walks(board: Board) -> None:
    """Random walks on corridor(15, 15, 5), beside gymnax."""
    maze = compile_maze(build("corridor", width=15, depth=15, lanes=5))
    logits = jnp.zeros(rows_of(maze).size)
    board.line("random walks on corridor(15, 15, 5), 1000 steps, arrivals counted, M steps/s")
    fastest = 0.0
    for name, policy, walkers in (
        ("uniform policy", UNIFORM, 2048),
        ("uniform policy", UNIFORM, 16_384),
        ("uniform policy", UNIFORM, 65_536),
        ("tabular policy", TABULAR, 16_384),
    )[: scaled(4, 1)]:
        walk = partial(
            run_walks, policy, logits, maze, jax.random.key(0), walkers, scaled(1000, 10)
        )
        ended = walk()
        steps = float(np.asarray(ended.steps, np.int64).sum()) / 1e6
        rate = board.speed(f"{name}, {walkers} walkers", "M steps", steps, timed(9, walk))
        fastest = max(fastest, rate)
        board.line(
            f"  {name}, {walkers:6} walkers  {rate:8.1f}  ({int(ended.reached.sum())} arrivals)"
        )
    peer = _gymnax_cartpole(board)
    if peer is None:
        board.line("  gymnax is not installed; its CartPole was not timed\n")
        return
    board.line(f"  gymnax CartPole-v1, 2048 walkers  {peer:6.1f}")
    board.line(f"  ratio                    {fastest / peer:8.1f}\n")


def many_mazes(board: Board) -> None:
    """64 different mazes, a walker each, beside 64 walkers on one maze of their mean size."""
    named = [(width, depth) for width in range(2, 10) for depth in range(1, 9)]
    mazes = [compile_maze(build("corridor", width=W, depth=K, lanes=3)) for W, K in named]
    mean = np.mean([maze.num_arcs for maze in mazes])
    typical = min(mazes, key=lambda maze: abs(maze.num_arcs - mean))
    world, steps = side_by_side(mazes), scaled(5000, 10)
    go_on = jax.jit(continue_walks, static_argnums=(0, 5))
    board.line(
        f"64 walkers for {steps} steps, beginning anew at goals and every 1000 steps, M steps/s"
    )
    for name, policy in (("uniform policy", UNIFORM), ("tabular policy", TABULAR)):
        rates = []
        for where, told in ((typical, "one maze"), (world, "64 mazes")):
            logits = jnp.zeros(rows_of(where).size)
            state = reset(where, jax.random.key(0), (64,))
            walk = partial(go_on, policy, logits, where, state, jax.random.key(1), steps, 1000)
            work = 64 * steps / 1e6
            rates.append(board.speed(f"{name}, {told}", "M steps", work, timed(7, walk)))
        board.line(
            f"  {name}: one maze of {typical.num_arcs} arcs {rates[0]:.2f}, 64 mazes of "
            f"{mean:.0f} on average {rates[1]:.2f}, ratio {rates[1] / rates[0]:.2f}"
        )
    board.line()


def _gymnax_cartpole(board: Board) -> float | None:
    """Random-policy CartPole, 2048 walkers × 1000 steps: M steps/s; None without gymnax."""
    try:
        import gymnax
    except ImportError:
        return None
    env, parameters = gymnax.make("CartPole-v1")
    steps = scaled(1000, 10)

    def one(key: jax.Array) -> jax.Array:
        _, state = env.reset(key, parameters)

        def body(carry: tuple[jax.Array, object], _: None) -> tuple[tuple[jax.Array, object], None]:
            key, state = carry
            key, act, move = jax.random.split(key, 3)
            action = env.action_space(parameters).sample(act)
            state = env.step(move, state, action, parameters)[1]
            return (key, state), None

        return jax.lax.scan(body, (key, state), None, steps)[0][1].time

    walk = jax.jit(jax.vmap(one))
    keys = jax.random.split(jax.random.key(0), 2048)
    spent = timed(5, lambda: walk(keys))
    return board.speed("gymnax CartPole-v1, 2048 walkers", "M steps", 2048 * steps / 1e6, spent)
