"""What experiments do with cells: random keys, the runs of their seeds, tables for the fits."""

import hashlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd

from mazerl.measure.scaling import Data
from mazerl.policy.sampling import seeded_key
from mazerl.store.records import config_json
from mazerl.training import Run, TrainingDivergedError


def corridor_data(cells: pd.DataFrame, time: str = "time", error: np.ndarray | None = None) -> Data:
    """The columns of an experiment's cells that laws are fitted to."""
    width, depth, lanes, times = (
        cells[name].to_numpy(float) for name in ("width", "depth", "lanes", time)
    )
    return Data(width, depth, lanes, times, error)


def cell_key(config: Any) -> jax.Array:
    """A random key of the cell's own, so that no two cells share their luck."""
    digest = hashlib.sha256(config_json(config).encode()).digest()
    return seeded_key(int.from_bytes(digest[:4], "big"))


def all_trained(runs: Sequence[Run | TrainingDivergedError]) -> list[Run]:
    """The runs of a cell's seeds, all of which it needs.

    Raises:
        TrainingDivergedError: one of them diverged.
    """
    trained = []
    for run in runs:
        if isinstance(run, TrainingDivergedError):
            raise run
        trained.append(run)
    return trained
