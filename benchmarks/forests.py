"""Growing trees of walks beside flat groups of as many walks."""

import statistics
import time
from functools import partial

import jax
import numpy as np
from rich.console import Console

from benchmarks.scale import scaled
from mazerl import build, compile_maze
from mazerl.maze import Maze
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout
from mazerl.walk.selectors import UUCB, uucb_weights
from mazerl.walk.trees import Budget, grow

WALKS, FIRST = 16, 8


def forests(console: Console) -> None:
    """256 problems, 16 leaves each, T = 256: steps that are walked, a second; pairs in turn."""
    problems, limit, pairs = scaled(256, 4), scaled(256, 16), scaled(7, 1)
    maze = compile_maze(build("caves", junctions=40, fewest=3, most=3, passage=3, spine=3))
    logits = np.log(opinionated_rows(maze, 0.02, 1.0, 0)).astype(np.float32)
    ways = {
        "flat groups": partial(_flat, maze, logits, problems, limit),
        "trees, by UUCB": partial(_trees, maze, logits, problems, limit, FIRST),
        "trees, not branched": partial(_trees, maze, logits, problems, limit, WALKS),
    }
    steps = {name: walk(jax.random.key(0)) for name, walk in ways.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for pair in range(pairs):
        for name, walk in ways.items():
            begin = time.perf_counter()
            steps[name] = walk(jax.random.key(pair))
            rates[name].append(steps[name] / (time.perf_counter() - begin) / 1e6)
    console.print(
        f"forests of {problems} problems x {WALKS} leaves, T = {limit}, {pairs} times, M steps/s"
    )
    flat = rates["flat groups"]
    for name, mine in rates.items():
        ratio = statistics.median(x / y for x, y in zip(mine, flat, strict=True))
        console.print(f"  {name:20} {statistics.median(mine):8.2f}  over flat {ratio:5.2f}")
    console.print()


def _flat(maze: Maze, logits: np.ndarray, problems: int, limit: int, key: jax.Array) -> float:
    walks = rollout(TABULAR, logits, maze, key, problems * WALKS, limit, WALKS)
    return float(np.asarray(walks.length, np.int64).sum())


def _trees(
    maze: Maze, logits: np.ndarray, problems: int, limit: int, first: int, key: jax.Array
) -> float:
    budget = Budget(WALKS, first)
    grown = grow(TABULAR, logits, maze, key, limit, budget, UUCB, uucb_weights(), problems)
    return float(np.asarray(grown.spent, np.int64).sum())
