"""Two faults in how SFT adds up its tokens: what imitation ends at under them, and how fast."""

from dataclasses import dataclass
from functools import lru_cache

import jax
import numpy as np
import pandas as pd

from experiments.common.cells import all_trained
from experiments.common.seeds import CONFIRMING
from experiments.signals.aggregation_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, build, compile_maze
from mazerl.exact.horizon import hit_probability
from mazerl.exact.imitation import Shown, imitated, microbatch_weights, successes
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Training, train_seeds
from mazerl.training.sft import Fault, corpus, sft
from mazerl.walk.corpora import arrived_only
from mazerl.walk.rollouts import rollout

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """A maze and a limit of its demonstrations, exactly; or seeds of a trainer with a fault."""

    world: str  # "corridor" or "caves"
    limit: int  # demonstrations are random walks that arrive within it
    fault: str = ""  # none: exact
    optimizer: str = "sgd"
    seeds: int = 20
    steps: int = 3000
    seed: int = 0  # of caves; of demonstrations and of training


BATCH = 16
"""Walks an update, each a microbatch of its own."""
WALKS = (1, 2, 4, 8, 16, 32, 64)
"""Walks a microbatch, exactly."""
SHORT, LONG = 30, 200
RATE = {"sgd": 4.0, "adam": 0.01}
FAULTS: tuple[Fault, ...] = (
    "none", "mean of microbatch means", "first microbatch alone",
)  # fmt: skip
_EVERY = 100
_DEMONSTRATIONS = 60_000


def _grid(seed: int, caves: int, seeds: int, steps: int) -> tuple[Config, ...]:
    mazes = [("corridor", 0), *(("caves", seed + number) for number in range(caves))]
    return (
        *(Config(world, limit, seed=n) for world, n in mazes for limit in (SHORT, LONG)),
        *(
            Config("corridor", SHORT, fault, optimizer, seeds, steps, seed)
            for fault in FAULTS
            for optimizer in RATE
        ),
    )


GRID = _grid(CONFIRMING, 20, 20, 3000)
QUICK = _grid(CONFIRMING, 6, 5, 2000)
SMOKE = _grid(0, 3, 5, 1500)


@lru_cache
def maze_of(world: str, seed: int) -> Maze:
    """A maze in which the policy moves everywhere."""
    if world == "corridor":
        graph = build("corridor", width=2, depth=2, lanes=2, fork="learned")
    else:
        graph = build("caves", junctions=5, most=4, passage=2, loops=0.3, graph_seed=seed)
    return compile_maze(graph)


@lru_cache
def shown_by(world: str, limit: int, seed: int) -> Shown:
    """Random walks that arrive within the limit, all of them."""
    maze = maze_of(world, seed)
    arrival = rows_of(maze).arrival
    return successes(maze, 1 / np.bincount(arrival)[arrival], limit)


def run(config: Config) -> dict[str, np.ndarray]:
    """Of fixed points or of trained rows: H, success within the limit, distance from the right."""
    if config.fault:
        return _trained(config)
    maze = maze_of(config.world, config.seed)
    shown = shown_by(config.world, config.limit, config.seed)
    right = imitated(maze, shown)
    rows = [right, *(imitated(maze, shown, microbatch_weights(shown.law, m)) for m in WALKS)]
    alike = Shown(*(part * (np.arange(config.limit + 1) == _usual(shown)) for part in shown))
    same = imitated(maze, alike, microbatch_weights(alike.law, 1)) - imitated(maze, alike)
    lengths = np.arange(config.limit + 1)
    return {
        "time": np.array([hitting_times(maze, each).mean() for each in rows]),
        "success": np.array([hit_probability(maze, each, config.limit)[-1] for each in rows]),
        "apart": np.array([_variation(maze, shown, each, right) for each in rows]),
        "equal_lengths": np.asarray(np.abs(same).max()),
        "arrive": np.asarray(shown.law.sum()),
        "length": np.asarray((lengths * shown.law).sum() / shown.law.sum()),
    }


def _usual(shown: Shown) -> int:
    return int(shown.law.argmax())


def _variation(maze: Maze, shown: Shown, p: np.ndarray, q: np.ndarray) -> float:
    """Mean total variation of rows where demonstrations move."""
    moved, arrival = shown.visits.sum(1), rows_of(maze).arrival
    each = np.bincount(arrival, np.abs(p - q)) / 2
    return float(np.bincount(arrival, moved) @ each / moved.sum())


def _trained(config: Config) -> dict[str, np.ndarray]:
    """Along training, of each seed [S, records+1]: loss above the least, by each weighing; H."""
    maze, fault = maze_of("corridor", 0), _fault(config.fault)
    shown = shown_by("corridor", config.limit, 0)
    walks = rollout(UNIFORM, (), maze, seeded_key(config.seed), _DEMONSTRATIONS, config.limit)
    keys = jax.random.split(seeded_key(config.seed + 1), config.seeds)
    begin = np.zeros((config.seeds, rows_of(maze).size))
    training = Training(config.steps, config.optimizer, RATE[config.optimizer], _EVERY)
    method = sft(maze, TABULAR, BATCH, BATCH, fault)
    shows = corpus(maze, arrived_only(walks))
    runs = all_trained(train_seeds(method, shows, begin, training, keys, keep_history=True))
    rows = np.array(
        [[row_probabilities(maze, np.asarray(each)) for each in run.history] for run in runs]
    )
    told = {"time": np.array([hitting_times(maze, each[-1]).mean() for each in rows])}
    for name, walks_each in (("whole", BATCH), ("each", 1)):
        weights = microbatch_weights(shown.law, walks_each)
        moved, least = shown.visits @ weights, imitated(maze, shown, weights)
        told[name] = (moved * (np.log(least) - np.log(rows))).sum(-1) / moved.sum()
    return told


def _fault(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault == name)


def table(records: list[Record]) -> Tables:
    """Fixed points, one row a maze and size of microbatch; training, one row a record; A1."""
    exact = [record for record in records if not record.config["fault"]]
    trained = [record for record in records if record.config["fault"]]
    points = pd.DataFrame([row for record in exact for row in _points(record)])
    curves = pd.DataFrame([row for record in trained for row in _curve(record)])
    return Tables({"aggregation": points, "aggregation_training": curves},
                  claims(points, exact, trained))  # fmt: skip


def _points(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    return [
        {"world": config["world"], "seed": config["seed"], "limit": config["limit"],
         "walks": walks, "time": float(time), "success": float(success), "apart": float(apart),
         "arrive": float(arrays["arrive"]), "length": float(arrays["length"])}
        for walks, time, success, apart in zip(
            (np.inf, *WALKS), arrays["time"], arrays["success"], arrays["apart"], strict=True
        )
    ]  # fmt: skip


def _curve(record: Record) -> list[dict[str, object]]:
    config = record.config
    return [
        {"fault": config["fault"], "optimizer": config["optimizer"], "update": n * _EVERY,
         **{name: float(record.arrays[name][:, n].mean()) for name in ("whole", "each")}}
        for n in range(record.arrays["whole"].shape[1])
    ]  # fmt: skip
