"""Two stores, cell by cell: did a change move a number?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mazerl.store.records import Record, read_record_at


class Difference(NamedTuple):
    """An array that is not the same in both stores."""

    study: str
    cell: str
    config: dict[str, Any]
    array: str
    first: str  # its values where they are furthest apart, or its shape
    second: str
    relative: float  # |first - second| / max(|first|, |second|), at its largest; inf if undefined


class Comparison(NamedTuple):
    """How a study's cells compare."""

    study: str
    both: int
    only_first: int
    only_second: int
    differences: list[Difference]


def compare(first: Path, second: Path) -> Iterator[Comparison]:
    """The studies of which either store has records."""
    for name in sorted({folder.name for store in (first, second) for folder in store.iterdir()}):
        here, there = _cells(first / name), _cells(second / name)
        if here or there:
            both = sorted(here & there)
            differences = [
                difference
                for cell in both
                for difference in _differences(
                    name, cell, read_record_at(first / name / cell),
                    read_record_at(second / name / cell),
                )
            ]  # fmt: skip
            yield Comparison(name, len(both), len(here - there), len(there - here), differences)


def _cells(folder: Path) -> set[str]:
    return {done.parent.name for done in folder.glob("*/DONE")}


def _differences(name: str, cell: str, one: Record, two: Record) -> Iterator[Difference]:
    for array in sorted(one.arrays.keys() | two.arrays.keys()):
        x, y = one.arrays.get(array), two.arrays.get(array)
        if x is None or y is None or x.shape != y.shape:
            first, second = ("missing" if v is None else f"shape {v.shape}" for v in (x, y))
            yield Difference(name, cell, one.config, array, first, second, float("inf"))
        elif x.tobytes() != y.tobytes() or x.dtype != y.dtype:
            apart = _apart(x, y)
            worst = int(np.argmax(apart))
            first, second = (str(v.ravel()[worst]) for v in (x, y))
            yield Difference(name, cell, one.config, array, first, second, float(apart[worst]))


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Relative differences, flat; inf where one is not finite or no number."""
    if not all(np.issubdtype(v.dtype, np.number) or v.dtype == bool for v in (x, y)):
        return np.where(x.ravel() == y.ravel(), 0.0, np.inf)
    a, b = x.ravel().astype(np.float64), y.ravel().astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))
