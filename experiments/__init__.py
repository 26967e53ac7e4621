"""One module per claim or figure; `python -m experiments` runs them.

A module holds GRID and SMOKE (tuples of frozen configs), `run(config) → arrays` and
`table(records) → Tables`. To add one, write the module and name it here.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd

from mazerl import MazerlError
from mazerl.results import Record

EXPERIMENTS = (
    "learning",
    "inference_scaling",
    "search",
    "distillation",
    "decisions",
    "gallery",
)


class Tables(NamedTuple):
    """What an experiment hands to the figures."""

    frames: dict[str, pd.DataFrame]  # name → figures/data/<name>.csv
    claims: list[dict[str, Any]]  # rows of figures/data/claims.csv; see `experiments.claims`


class Experiment(Protocol):
    """An experiment module."""

    __doc__: str | None
    GRID: Sequence[Any]
    SMOKE: Sequence[Any]
    run: Callable[[Any], dict[str, np.ndarray]]
    table: Callable[[list[Record]], Tables]


def load(name: str) -> Experiment:
    """Import an experiment by name.

    Raises:
        MazerlError: the name is unknown (the message lists the known ones).
    """
    if name not in EXPERIMENTS:
        raise MazerlError(f"unknown experiment {name!r}; known: {', '.join(EXPERIMENTS)}")
    return cast(Experiment, import_module(f"experiments.{name}"))
