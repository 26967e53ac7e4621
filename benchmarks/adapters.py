"""Updates of an adapter of rank 8 beside those of all parameters, in turn on the same walks."""

import statistics
import time
from collections.abc import Callable

import jax
import numpy as np
from rich.console import Console

from benchmarks.scale import scaled
from mazerl import build, compile_maze
from mazerl.policy.low_rank import LowRank, init_attention
from mazerl.policy.tabular import UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Training, train
from mazerl.training.adapted import adapted
from mazerl.training.sft import corpus, sft
from mazerl.walk.rollouts import rollout

RANK = 8


def adapters(console: Console) -> None:
    """SFT of 4 layers × 128 channels on walks of 64 steps, 16 an update."""
    limit, batch = scaled(64, 8), scaled(16, 4)
    config = Decoder(scaled(4, 1), scaled(128, 16), scaled(4, 2), limit)
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    policy, base = transformer(config), init_transformer(config, maze, jax.random.key(0))
    adapter = init_attention(LowRank(RANK), base, jax.random.key(1))
    task = corpus(maze, rollout(UNIFORM, (), maze, jax.random.key(2), 256, limit))
    method, updates = sft(maze, policy, batch), scaled(20, 2)
    training = Training(updates, "adam", 1e-3, record_every=updates, max_norm=1.0)

    def rate(train_it: Callable[[], object]) -> float:
        begin = time.perf_counter()
        train_it()
        return updates / (time.perf_counter() - begin)

    ways: dict[str, Callable[[], object]] = {
        "all": lambda: train(method, task, base, training),
        "adapter": lambda: train(adapted(method, base), task, adapter, training),
    }
    for way in ways.values():
        way()  # compiles
    rates: dict[str, list[float]] = {name: [] for name in ways}
    pairs = []
    for turn in range(scaled(7, 1)):
        # Each way goes first as often as the other.
        for name in sorted(ways, reverse=bool(turn % 2)):
            rates[name].append(rate(ways[name]))
        pairs.append(rates["adapter"][-1] / rates["all"][-1])
    sizes = [sum(np.size(x) for x in jax.tree.leaves(tree)) for tree in (base, adapter)]
    console.print(
        f"adapter of rank {RANK} beside full training, {config.layers} layers × "
        f"{config.channels}, {batch} × {limit}, updates/s"
    )
    for name, size in zip(ways, sizes, strict=True):
        middle = statistics.median(rates[name])
        console.print(f"  {name:<8} {size:8} parameters  {middle:8.2f}")
    middle = statistics.median(pairs)
    console.print(
        f"  ratio, median of pairs       {middle:8.2f}  "
        f"(from {min(pairs):.2f} to {max(pairs):.2f})\n"
    )
