"""Sampled training: PPO beside PureJaxRL, and a transformer's rollouts and updates."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from rich.console import Console

from benchmarks import purejaxrl
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


def tabular_ppo(console: Console, checkout: str) -> None:
    """64 × 128, 4 epochs × 4 minibatches, end to end after compilation."""
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    method = ppo(maze, sizes=Sizes(WALKERS, HORIZON, 4, 4))
    training = Training(scaled(200, 20), "adam", 0.01, record_every=20, max_norm=0.5)
    start = tabular_start(maze)

    def run(seed: int) -> float:
        begin = time.perf_counter()
        train(method, PPOTask(), start, training, jax.random.key(seed))
        return WALKERS * HORIZON * training.steps / (time.perf_counter() - begin)

    run(0)
    ours = max(run(seed) for seed in (1, 2, 3))
    console.print(f"tabular PPO, {WALKERS} × {HORIZON}, 4 epochs × 4 minibatches, k steps/s")
    console.print(f"  mazerl, corridor(4, 4, 3)       {ours / 1e3:8.0f}")
    if not checkout:
        console.print("  PureJaxRL was not timed: give `make bench PUREJAXRL=<a checkout>`\n")
        return
    try:
        theirs = purejaxrl.steps_per_second(Path(checkout), WALKERS, HORIZON, training.steps)
    except ImportError as error:
        console.print(f"  PureJaxRL in {checkout} was not timed: {error}\n")
        return
    console.print(f"  PureJaxRL, CartPole-v1          {theirs / 1e3:8.0f}")
    console.print(f"  ratio                           {ours / theirs:8.1f}\n")


def matmul_peak() -> float:
    """FLOP/s of float32 products of 2048 × 2048 matrices, the best of five."""
    size = scaled(2048, 64)
    x = jnp.ones((size, size))
    product = jax.jit(jnp.matmul)
    return 2 * size**3 / _best(lambda: product(x, x), 5)


def transformer_speed(console: Console) -> None:
    """2 layers × 64 channels, walks of 256 steps, 64 at a time."""
    walks, limit = 64, scaled(256, 16)
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    config = Decoder(layers=2, channels=64, heads=2, context=limit)
    policy, params = transformer(config), init_transformer(config, maze, jax.random.key(0))
    tokens, key = walks * limit, jax.random.key(1)
    cached = _best(lambda: rollout(policy, params, maze, key, walks, limit), 3)
    uncached = _recompute(policy, limit)
    again = _best(lambda: rollout(uncached, params, maze, key, walks, limit), 1)
    recorded = rollout(policy, params, maze, key, walks, limit)
    task = Corpus(recorded.arc[:, :-1], recorded.port, jnp.ones(recorded.port.shape))
    method = sft(maze, policy, walks)
    step = jax.jit(jax.value_and_grad(method.loss, argnums=1, has_aux=True))
    batch = Batch(task, jnp.float32(tokens), {})
    update = _best(lambda: step(maze, params, batch), 3)

    weights = sum(x.size for x in jax.tree.leaves(params)) - params["embedding"]["embedding"].size
    # Products with weights, and attention to half of the context on average.
    forward = 2 * weights + 2 * config.layers * config.channels * limit
    peak = matmul_peak()
    console.print(f"transformer, {config.layers} layers × {config.channels}, {walks} × {limit}")
    console.print(f"  matrix products, measured peak  {peak / 1e9:8.1f} GFLOP/s")
    for name, seconds, work in (
        ("rollout, cached", cached, forward), ("rollout, recomputed", again, 0),
        ("gradient", update, 3 * forward),
    ):  # fmt: skip
        share = f"{100 * work * tokens / seconds / peak:5.1f}% of the peak" if work else ""
        console.print(f"  {name:<20}            {tokens / seconds / 1e3:8.1f} k tokens/s  {share}")
    console.print(f"  cached over recomputed          {again / cached:8.1f}\n")


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


def _best(work: Callable[[], Any], runs: int) -> float:
    """Seconds of the fastest run after one that compiles."""
    jax.block_until_ready(work())
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        jax.block_until_ready(work())
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
