"""One module per claim or figure; `python -m experiments` runs them.

A module holds tuples of frozen configs: GRID, what README shows; SMOKE, what continuous integration
runs; and QUICK, where GRID takes long, a part of it for `make reproduce`. Beside them stand
`run(config) → arrays`, which may take a `Work` as `work`, to save and show its trainings, and
`table(records) → Tables`. One that trains several seeds at once has `run_seeds(configs, work)` too.
To add one, write the module and name it here.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd

from mazerl import MazerlError
from mazerl.store.records import Record

EXPERIMENTS = (
    "learning",
    "inference_scaling",
    "search",
    "distillation",
    "decisions",
    "transformer_gap",
    "ppo_curves",
    "training_cost",
    "memory",
    "steelman",
    "model_size",
    "topologies",
    "generalisation",
    "gallery",
)


class Tables(NamedTuple):
    """What an experiment hands to the figures."""

    frames: dict[str, pd.DataFrame]  # name → figures/data/<name>.csv
    claims: list[dict[str, Any]]  # rows of figures/data/claims.csv; see `mazerl.sweep.claims`


class Experiment(Protocol):
    """An experiment module."""

    __doc__: str | None
    GRID: Sequence[Any]
    SMOKE: Sequence[Any]
    run: Callable[..., dict[str, np.ndarray]]
    table: Callable[[list[Record]], Tables]


def grid(name: str, size: str) -> list[Any]:
    """The configs of an experiment: size is "full", "quick" or "smoke"."""
    module = load(name)
    if size == "quick":
        return list(getattr(module, "QUICK", module.GRID))
    return list(module.SMOKE if size == "smoke" else module.GRID)


def load(name: str) -> Experiment:
    """Import an experiment by name.

    Raises:
        MazerlError: the name is unknown (the message lists the known ones).
    """
    if name not in EXPERIMENTS:
        raise MazerlError(f"unknown experiment {name!r}; known: {', '.join(EXPERIMENTS)}")
    return cast(Experiment, import_module(f"experiments.backtracking.{name}"))
