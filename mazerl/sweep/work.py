"""What a running cell is given: where its trainings are saved, and who is told how they do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl.store.records import write_record
from mazerl.training import Progress, Watch
from mazerl.training.checkpoint import CheckpointFolder


class Told(NamedTuple):
    """A record of a training, told while its cells run."""

    training: str
    update: int
    metrics: dict[str, np.ndarray]  # [] each, or [S] of the cells in the task's order


Keep = Callable[[str, Any, Mapping[str, np.ndarray], float], None]
"""(study, config, arrays, seconds): keeps a record that is no cell's, such as a base model."""


class Saving(NamedTuple):
    """Where checkpoints are kept, and how often."""

    folder: Path | None = None  # None: trainings begin anew
    seconds: float = 10.0  # between two: what a kill can cost


BEGIN_ANEW = Saving()
"""No checkpoints."""


@dataclass(frozen=True)
class Work:
    """A cell's surroundings; without any, it just runs."""

    store: Path = Path("results")  # base models are read from here
    saving: Saving = BEGIN_ANEW
    tell: Callable[[Told], None] = lambda told: None
    keep: Keep | None = None  # None: written to the store at once
    stop: Callable[[], bool] = lambda: False

    def watch(self, training: str, time: Callable[[Any], Any] | None = None) -> Watch:
        """What a training of the cell, by name, is given.

        Args:
            training: a name of its own within the cell.
            time: parameters → H [] or [S], told with the metrics now and then.
        """

        solved = 0.0

        def tell(update: int, metrics: dict[str, np.ndarray], params: Any) -> None:
            nonlocal solved
            if time is not None and params is not None and monotonic() - solved > _SOLVE_SECONDS:
                metrics = metrics | {"hitting_time": np.asarray(time(params))}
                solved = monotonic()
            self.tell(Told(training, update, metrics))

        folder, seconds = self.saving
        saved = None if folder is None else _Lazy(folder / training)
        return Watch(tell, saved, seconds, self.stop, save_last=False)

    def hand_over(self, root: Path, study: str, config: Any, arrays: Any, seconds: float) -> None:
        """`results.write_record`, or what stands for it where only the driver may write."""
        if self.keep is None:
            write_record(root, study, config, arrays, seconds)
        else:
            self.keep(study, config, arrays, seconds)


@dataclass(frozen=True)
class _Lazy:
    """Checkpoints whose folder exists only once there is something to save."""

    folder: Path

    def restore(self, fresh: Progress) -> Progress:
        return CheckpointFolder(self.folder).restore(fresh) if self.folder.exists() else fresh

    def save(self, progress: Progress) -> None:
        CheckpointFolder(self.folder).save(progress)


def forget_compilations() -> None:
    """Drop compiled programs before their memory maps reach the usual limit of Linux, 65530."""
    maps = Path("/proc/self/maps")
    if maps.exists() and len(maps.read_text().splitlines()) > _MANY_MAPS:
        jax.clear_caches()


_MANY_MAPS = 20_000
_SOLVE_SECONDS = 2.0  # between two exact times that are only shown
