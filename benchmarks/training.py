"""Sampled training: PPO beside PureJaxRL, and a transformer's rollouts and updates."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import purejaxrl
from benchmarks.board import Board, timed
from benchmarks.scale import scaled
from mazerl import build, compile_maze
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Training, train
from mazerl.training.method import Batch
from mazerl.training.ppo import PPOTask, Sizes, ppo, tabular_start
from mazerl.training.sft import Corpus, sft
from mazerl.walk.rollouts import rollout

WALKERS, HORIZON = 64, 128


def tabular_ppo(board: Board) -> None:
    """64 × 128, 4 epochs × 4 minibatches, end to end after compilation."""
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    method = ppo(maze, sizes=Sizes(WALKERS, HORIZON, 4, 4))
    training = Training(scaled(200, 20), "adam", 0.01, record_every=20, max_norm=0.5)
    start = tabular_start(maze)

    seeds = itertools.count()

    def run() -> Any:
        return train(method, PPOTask(), start, training, jax.random.key(next(seeds))).params

    work = WALKERS * HORIZON * training.steps / 1e3
    ours = board.speed("tabular PPO", "k steps", work, timed(5, run))
    board.line(f"tabular PPO, {WALKERS} × {HORIZON}, 4 epochs × 4 minibatches, k steps/s")
    board.line(f"  mazerl, corridor(4, 4, 3)       {ours:8.0f}")
    checkout = os.environ.get("PUREJAXRL", "")
    if not checkout:
        board.line("  PureJaxRL was not timed: give `make bench PUREJAXRL=<a checkout>`\n")
        return
    try:
        theirs = purejaxrl.steps_per_second(Path(checkout), WALKERS, HORIZON, training.steps)
    except ImportError as error:
        board.line(f"  PureJaxRL in {checkout} was not timed: {error}\n")
        return
    theirs = board.rate("PureJaxRL, CartPole-v1", "k steps", theirs / 1e3)
    board.line(f"  PureJaxRL, CartPole-v1          {theirs:8.0f}")
    board.line(f"  ratio                           {ours / theirs:8.1f}\n")


def matmul_peak() -> float:
    """FLOP/s of float32 products of 2048 × 2048 matrices, the best of five."""
    size = scaled(2048, 64)
    x = jnp.ones((size, size))
    product = jax.jit(jnp.matmul)
    return 2 * size**3 / timed(5, lambda: product(x, x)).best


def transformer_speed(board: Board) -> None:
    """2 layers × 64 channels, walks of 256 steps, 64 at a time; cached 512 at a time too."""
    walks, limit = 64, scaled(256, 16)
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    config = Decoder(layers=2, channels=64, heads=2, context=limit)
    policy, params = transformer(config), init_transformer(config, maze, jax.random.key(0))
    tokens, key = walks * limit, jax.random.key(1)
    many = scaled(512, 16)

    def walked(policy: Policy, walks: int) -> Callable[[], Any]:
        return lambda: rollout(policy, params, maze, key, walks, limit)

    cached, wide = timed(5, walked(policy, walks)), timed(5, walked(policy, many))
    again = timed(1, walked(_recompute(policy, limit), walks))
    recorded = rollout(policy, params, maze, key, walks, limit)
    task = Corpus(recorded.arc[:, :-1], recorded.port, jnp.ones(recorded.port.shape))
    method = sft(maze, policy, walks)
    step = jax.jit(jax.value_and_grad(method.loss, argnums=1, has_aux=True))
    batch = Batch(task, jnp.float32(tokens), {})
    update = timed(5, lambda: step(maze, params, batch))

    weights = sum(x.size for x in jax.tree.leaves(params)) - params["embedding"]["embedding"].size
    # Products with weights, and attention to half of the context on average.
    forward = 2 * weights + 2 * config.layers * config.channels * limit
    peak = 1e9 * board.rate("matrix products, peak", "GFLOP", matmul_peak() / 1e9)
    board.line(f"transformer, {config.layers} layers × {config.channels}, {walks} × {limit}")
    board.line(f"  matrix products, measured peak  {peak / 1e9:8.1f} GFLOP/s")
    for name, spent, count, work in (
        ("rollout, cached", cached, tokens, forward),
        (f"rollout, cached, {many} walks", wide, many * limit, forward),
        ("rollout, recomputed", again, tokens, 0), ("gradient", update, tokens, 3 * forward),
    ):  # fmt: skip
        rate = board.speed(f"transformer: {name}", "k tokens", count / 1e3, spent)
        share = f"{100 * work * rate * 1e3 / peak:5.1f}% of the peak" if work else ""
        board.line(f"  {name:<28}    {rate:8.1f} k tokens/s  {share}")
    board.line(f"  cached over recomputed          {again.best / cached.best:8.1f}\n")


def _recompute(policy: Policy, limit: int) -> Policy:
    """The same policy without its cache: every step scores the whole walk so far."""
    score = policy.score
    assert score is not None

    def bind(maze: World, params: Any) -> Walker:
        def logits(memory: tuple[Array, Array], arc: Array) -> tuple[Array, tuple[Array, Array]]:
            walk, age = memory
            walk = walk.at[age].set(arc)
            return score(maze, params, walk[None])[0, age], (walk, age + 1)

        return Walker((jnp.zeros(limit, jnp.int32), jnp.int32(0)), logits)

    return Policy(bind, context=None)
