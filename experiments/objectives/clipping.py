"""O4: whether clipping higher above than below keeps more entropy, at equal success."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import networkx as nx
import numpy as np
import pandas as pd

from experiments.common.cells import all_trained, cell_key
from experiments.common.seeds import CONFIRMING
from experiments.objectives.clipping_claims import (
    CLAIM_FAMILIES,
    CLIPS,
    LEVELS,
    claims_of,
    differences,
)
from mazerl import compile_maze
from mazerl.exact.horizon import follow
from mazerl.maze import Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Training, train_seeds
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.walk.env import Reward

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]

HOPS, RIGHT, WRONG = 3, 3, 3
_RATES = {"adam": 0.08, "sgd": 2.0}


@dataclass(frozen=True)
class Config:
    """GRPO of several passes a batch, by each of the clips, from the same starts and walks."""

    start: str = "even"  # or peaked: two of three right ways are rare
    optimizer: str = "adam"
    epochs: int = 4
    updates: int = 60
    record_every: int = 2
    seeds: int = 30
    seed: int = 0  # the first of them


_SEVERAL = tuple(
    Config(start, optimizer, epochs, seed=CONFIRMING)
    for start in ("even", "peaked")
    for optimizer, epochs in (("adam", 4), ("sgd", 8))
)
GRID = (*_SEVERAL, Config(epochs=1, seeds=2, seed=CONFIRMING))
QUICK = (
    Config(seeds=2, updates=30, record_every=6, seed=CONFIRMING),
    Config(epochs=1, seeds=2, updates=30, record_every=6, seed=CONFIRMING),
)
SMOKE = (Config(seeds=2, updates=30, record_every=6),)


class Told(NamedTuple):
    """What is exact of a policy."""

    success: float  # P(τ ≤ T)
    entropy: float  # of a walk's moves until it ends, nats


def maze_of() -> Maze:
    """Hubs in series, joined by several edges; as many edges of each hub end in a leaf."""
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0)
    graph.add_node(0)
    here = 0
    for _ in range(HOPS):
        hub = len(graph)
        graph.add_edges_from([(here, hub)] * RIGHT)
        graph.add_edges_from((here, hub + 1 + n) for n in range(WRONG))
        here = hub
    graph.graph["goals"] = [here]
    return compile_maze(graph)


def starts(maze: Maze, kind: str, seed: int) -> np.ndarray:
    """Logits [R] that a run starts from, drawn by its seed."""
    rows = rows_of(maze)
    drawn = np.random.default_rng(seed).normal(0, 0.5 if kind == "even" else 0.3, rows.size)
    if kind == "peaked":
        head = np.append(np.asarray(maze.head), maze.start)
        ahead = head[rows.arc]
        right = (ahead > head[rows.arrival]) & (np.asarray(maze.degree)[ahead] > 1)
        for arrival in np.unique(rows.arrival[right]):
            drawn[np.flatnonzero(right & (rows.arrival == arrival))[1:]] -= 3.0
    return drawn.astype(np.float32)


def told_of(maze: Maze, logits: np.ndarray) -> Told:
    """Exact success and entropy."""
    p, rows = row_probabilities(maze, logits), rows_of(maze)
    each = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0)
    row = -np.bincount(rows.arrival, each, maze.num_arcs + 1)
    followed = follow(maze, p, HOPS, int(maze.goals[0]))
    return Told(float(followed.law.sum()), float((followed.occupancy[:HOPS] @ row).sum()))


def run(config: Config) -> dict[str, np.ndarray]:
    """Exact success and entropy [clips, seeds, records+1], and last logits [clips, seeds, R]."""
    maze, key = maze_of(), cell_key(config)
    sizes = Groups(groups=4, group=16, limit=HOPS, epochs=config.epochs)
    begin = np.stack([starts(maze, config.start, config.seed + n) for n in range(config.seeds)])
    training = Training(
        config.updates, config.optimizer, _RATES[config.optimizer],
        record_every=config.record_every,
    )  # fmt: skip
    keys, told, last = jax.random.split(key, config.seeds), [], []
    for low, high in CLIPS.values():
        task = GRPOTask(Reward(1.0, 0.0), clip=low, clip_high=high)
        runs = train_seeds(grpo(maze, sizes=sizes), task, begin, training, keys, keep_history=True)
        histories = [each.history for each in all_trained(runs)]
        told.append([[told_of(maze, logits) for logits in history] for history in histories])
        last.append([history[-1] for history in histories])
    both = np.moveaxis(np.array(told), -1, 0)
    return {"success": both[0], "entropy": both[1], "last": np.array(last)}


def table(records: list[Record]) -> Tables:
    """One row a setting, clip, seed and success; curves; and O4."""
    cells = pd.DataFrame([row for record in records for row in _cells(record)])
    curves = pd.concat([_curve(record) for record in records], ignore_index=True)
    frames = {
        "clipping": cells, "clipping_curves": curves, "clipping_differences": differences(cells),
    }  # fmt: skip
    return Tables(frames, claims_of(cells))


def entropy_at(success: np.ndarray, entropy: np.ndarray, level: float) -> float:
    """Entropy where success [records+1] first is at a level, by interpolation; nan if nowhere."""
    there = int(np.argmax(success >= level))
    if success[there] < level:
        return float("nan")
    if there == 0:
        return float(entropy[0])
    share = (level - success[there - 1]) / (success[there] - success[there - 1])
    return float(entropy[there - 1] + share * (entropy[there] - entropy[there - 1]))


def _cells(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    setting = {name: config[name] for name in ("start", "optimizer", "epochs")}
    plain = arrays["last"][list(CLIPS).index("symmetric")]
    return [
        setting
        | {
            "clip": clip, "seed": seed, "success": level,
            "entropy": entropy_at(arrays["success"][c, seed], arrays["entropy"][c, seed], level),
            "same": bool((arrays["last"][c, seed] == plain[seed]).all()),
            "unbound": bool(
                (arrays["last"][c, seed] == arrays["last"][list(CLIPS).index("none"), seed]).all()
            ),
            "final_success": arrays["success"][c, seed, -1],
            "final_entropy": arrays["entropy"][c, seed, -1],
        }
        for c, clip in enumerate(CLIPS)
        for seed in range(config["seeds"])
        for level in LEVELS
    ]  # fmt: skip


def _curve(record: Record) -> pd.DataFrame:
    """Mean entropy over seeds along a grid of success, and along updates."""
    config, arrays = record.config, record.arrays
    levels = np.linspace(0.1, 0.96, 44)
    parts = []
    for c, clip in enumerate(CLIPS):
        runs = list(zip(arrays["success"][c], arrays["entropy"][c], strict=True))
        at = np.array([[entropy_at(*run, level) for level in levels] for run in runs])
        whole = np.isfinite(at).all(0)
        setting = {name: config[name] for name in ("start", "optimizer", "epochs")}
        mean = at[:, whole].mean(0)
        parts.append(pd.DataFrame(
            setting | {"clip": clip, "along": "success", "x": levels[whole], "entropy": mean}
        ))  # fmt: skip
        updates = config["record_every"] * np.arange(arrays["entropy"].shape[2])
        mean = arrays["entropy"][c].mean(0)
        parts.append(pd.DataFrame(
            setting | {"clip": clip, "along": "update", "x": updates, "entropy": mean}
        ))  # fmt: skip
    return pd.concat(parts, ignore_index=True)
