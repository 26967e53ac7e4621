"""A study whose cells do nothing, so that a sweep of them is what the engine costs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.scale import scaled
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

MANY = scaled(10_000, 10)


@dataclass(frozen=True)
class Config:
    """A cell that does nothing."""

    number: int


GRID = tuple(map(Config, range(MANY)))


def run(config: Config) -> dict[str, np.ndarray]:
    """A few numbers."""
    return {"x": np.arange(config.number % 7)}


def table(records: list[Record]) -> Tables:
    """One row a cell."""
    rows = [{"number": r.config["number"], "x": float(r.arrays["x"].sum())} for r in records]
    return Tables({"idle": pd.DataFrame(rows)}, [])
