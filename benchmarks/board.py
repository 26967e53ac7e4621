"""What benchmarks measure: printed as they go, and kept for a file that can be compared."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import jax
from rich.console import Console

from benchmarks.scale import TINY, scaled
from mazerl.cores import usable_cores

FORM = 1
_LIBRARIES = ("mazerl", "jax", "jaxlib", "numpy", "scipy", "flax", "gymnax", "gymnasium")


class Spent(NamedTuple):
    """Seconds of a piece of work."""

    first: float  # the run that compiles
    runs: tuple[float, ...]  # those after it

    @property
    def best(self) -> float:
        """Of the fastest run."""
        return min(self.runs)


class Figure(NamedTuple):
    """A speed or a cost: the best run, and how far runs lie apart."""

    name: str
    unit: str  # of speeds it ends in "/s", and more is better; of seconds and bytes less is
    value: float
    median: float
    low: float  # quartiles of the runs
    high: float
    compiled: float | None  # seconds of the run that compiled


@dataclass
class Board:
    """Where a benchmark writes."""

    console: Console
    figures: list[Figure] = field(default_factory=list)

    def line(self, text: str = "") -> None:
        """Print."""
        self.console.print(text)

    def speed(self, name: str, unit: str, work: float, spent: Spent) -> float:
        """Keep work a second; returns the best."""
        return self._keep(name, f"{unit}/s", [work / s for s in spent.runs], spent.first, max)

    def seconds(self, name: str, spent: Spent) -> float:
        """Keep seconds; returns the best."""
        return self._keep(name, "s", list(spent.runs), spent.first, min)

    def rate(self, name: str, unit: str, value: float) -> float:
        """Keep one number of work a second."""
        return self._keep(name, f"{unit}/s", [value], None, max)

    def cost(self, name: str, unit: str, value: float) -> float:
        """Keep one number, of which less is better."""
        return self._keep(name, unit, [value], None, min)

    def _keep(
        self, name: str, unit: str, values: list[float], first: float | None,
        best: Callable[[list[float]], float],
    ) -> float:  # fmt: skip
        low, median, high = (
            statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        )
        self.figures.append(Figure(name, unit, best(values), median, low, high, first))
        return best(values)


def timed(runs: int, work: Callable[[], object]) -> Spent:
    """Seconds of work, once to compile and `runs` times more; it is waited for."""

    def once() -> float:
        begin = time.perf_counter()
        jax.block_until_ready(work())
        return time.perf_counter() - begin

    first = once()
    return Spent(first, tuple(once() for _ in range(scaled(runs, 1))))


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": jax.devices()[0].device_kind,
        "processor": _processor(),
        "cores": len(usable_cores()),
        "load": os.getloadavg()[0],
        "versions": versions,
    }


def figures_of(about: dict[str, Any]) -> list[Figure]:
    """Figures of a file's contents."""
    return [Figure(**each) for each in about["figures"]]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def write(file: Path, figures: list[Figure], command: str) -> None:
    """Write what `benchmarks.comparing` reads."""
    about = {"form": FORM, "tiny": TINY, "command": command, "machine": machine()}
    about["figures"] = [each._asdict() for each in figures]
    file.write_text(json.dumps(about, indent=1) + "\n")
