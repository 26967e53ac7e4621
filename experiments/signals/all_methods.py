"""U1: every way to learn a pool of problems, side by side, at equal steps and with equal tuning."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.scorecard import COLUMNS, scorecard
from experiments.common.seeds import CONFIRMING
from experiments.common.shown_ways import (
    backtracking,
    contrasted,
    distilled,
    golden,
    named_after,
    positives,
)
from experiments.common.ways import (
    Given,
    Way,
    base,
    by_ppo,
    exactly,
    grouped,
    on_trees,
    tempered,
    uniform,
)
from experiments.rollouts.tree_training import LIMIT, pool_of
from experiments.signals.all_methods_claims import CLAIM_FAMILIES, claims_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES", "GRID", "METHODS", "QUICK", "SMOKE", "Config", "run", "table"]

UNTRAINED: dict[str, Way] = {
    "base": base,
    "base, temperature 0.5": tempered(0.5),
    "base, temperature 0.7": tempered(0.7),
    "base, temperature 1.5": tempered(1.5),
    "base, 4 T steps": base,
    "random walk": uniform,
}
TRAINED: dict[str, Way] = {
    "SFT, shortest paths": golden,
    "SFT, half of them the base's": backtracking,
    "SFT, the base's arrivals": positives,
    "SFT, named after the walk": named_after(True),
    "SFT, the same walks as meant": named_after(False),
    "ReasonMaxxer": contrasted,
    "SFT, exact RL's walks": distilled,
    "PPO": by_ppo,
    "GRPO": grouped(),
    "GRPO, no spread": grouped(advantage="mean"),
    "GRPO, constant length": grouped(normalize="constant"),
    "RLOO": grouped(advantage="leave_one_out"),
    "GRPO, dynamic sampling": grouped(keep="mixed", draws=4),
    "pass@4": grouped(advantage="pass_at_k"),
    "trees, UUCB": on_trees,
    "GRPO, others' outcomes": grouped(others=True),
    "exact RL": exactly,
}
METHODS = UNTRAINED | TRAINED
SUPERVISION = {
    "SFT, shortest paths": "shortest paths",
    "SFT, half of them the base's": "shortest paths, outcomes",
    "SFT, exact RL's walks": "a teacher's walks",
    "SFT, the same walks as meant": "none",
    "GRPO, others' outcomes": "none",
    "exact RL": "exact gradient",
    **dict.fromkeys(UNTRAINED, "none"),
}
"""What a method is told that others are not; outcomes of its own walks where nothing is said."""

RATES = (0.025, 0.1, 0.3, 0.9)
TUNED = (0, 1)
"""Seeds of development on which each method's rate is chosen from `RATES`, by mean p."""

CHOSEN = {
    "SFT, shortest paths": 0.9,
    "SFT, half of them the base's": 0.9,
    "SFT, the base's arrivals": 0.3,
    "SFT, named after the walk": 0.3,
    "SFT, the same walks as meant": 0.3,
    "ReasonMaxxer": 0.1,
    "SFT, exact RL's walks": 0.9,
    "PPO": 0.025,
    "GRPO": 0.3,
    "GRPO, no spread": 0.3,
    "GRPO, constant length": 0.3,
    "RLOO": 0.3,
    "GRPO, dynamic sampling": 0.9,
    "pass@4": 0.9,
    "trees, UUCB": 0.3,
    "GRPO, others' outcomes": 0.025,
    "exact RL": 0.3,
}
"""The rate of each method; a test compares them with the tuning runs."""


@dataclass(frozen=True)
class Config:
    """A way to learn, on a pool of a cave and a base model drawn by the seed."""

    method: str
    seed: int
    rate: float = 0.0  # 0: nothing is trained
    steps: int = 300_000  # of the environment, or tokens
    problems: int = 24


def _cells(seeds: tuple[int, ...]) -> tuple[Config, ...]:
    return tuple(
        Config(method, seed, CHOSEN[method] if method in TRAINED else 0.0)
        for method in METHODS
        for seed in seeds
    )


TUNING = tuple(Config(method, seed, rate) for method in TRAINED for rate in RATES for seed in TUNED)
GRID = (*TUNING, *_cells(tuple(range(CONFIRMING, CONFIRMING + 10))))
_FEW = ("base", "GRPO", "GRPO, others' outcomes", "SFT, shortest paths", "exact RL")
QUICK = tuple(cell for cell in GRID if cell.seed == CONFIRMING and cell.method in _FEW)
SMOKE = tuple(
    replace(cell, seed=2, steps=20_000, problems=6)
    for cell in QUICK
    if cell.method not in ("GRPO", "SFT, shortest paths")
)


def run(config: Config) -> dict[str, np.ndarray]:
    """Each of `COLUMNS` [], the steps and tokens that were used, and p [X] of each problem."""
    asked, rows = pool_of(config.seed, config.problems)
    given = Given(asked, rows, config.steps, config.rate, config.seed, cell_key(config))
    learned = METHODS[config.method](given)
    limit = LIMIT * (4 if config.method == "base, 4 T steps" else 1)
    told = scorecard(asked, rows, learned.rows, limit)
    used = {"steps": learned.steps, "tokens": learned.tokens}
    return {name: np.asarray(number) for name, number in (told | used).items()}


def table(records: list[Record]) -> Tables:
    """One row a method and pool, one a tuning run, and U1."""
    rows = pd.DataFrame([_row(record) for record in records])
    tuning = rows["seed"].isin(TUNED) & (rows["rate"] > 0)
    told, tuned = rows[~tuning], rows[tuning][["method", "rate", "seed", "success"]]
    return Tables({"all_methods": told, "all_methods_tuning": tuned}, claims_of(told))


def _row(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    return {
        "method": config["method"], "seed": config["seed"], "rate": config["rate"],
        "supervision": SUPERVISION.get(str(config["method"]), "outcomes"),
        **{name: float(arrays[name]) for name in (*COLUMNS, "steps", "tokens")},
        "seconds": record.environment["seconds"],
    }  # fmt: skip
