"""What experiments do with single cells: their random keys, and their tables for the fits."""

import hashlib
from typing import Any

import jax
import numpy as np
import pandas as pd

from mazerl.measure.scaling import Data
from mazerl.policy.sampling import seeded_key
from mazerl.store.records import config_json


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
