"""How runs end: finished, failed or collapsed; one run, or several that differ in their seed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl.errors import MazerlError, MazerlWarning
from mazerl.training.method import Metrics, Monitor, Params, Training
from mazerl.training.parallel import on_host
from mazerl.training.update import Carry


class Run(NamedTuple):
    """A finished training run, on the host."""

    params: Params
    metrics: dict[str, np.ndarray]  # [records] each: means over the updates of a record
    history: Params  # [records+1, ...] parameters from the starting model on; None if not kept
    updates: int  # that the parameters have had: all, unless a judge went back to fewer

    @property
    def loss(self) -> np.ndarray:
        """[records] mean loss before each update's last step."""
        return self.metrics["loss"]


class TrainingDivergedError(MazerlError):
    """A loss or parameter stopped being finite; `params` are the last good ones."""

    def __init__(self, step: int, params: Params) -> None:
        super().__init__(
            f"training diverged: loss or parameters not finite by update {step}; lower the rate"
        )
        self.step = step
        self.params = params


class TrainingCollapsedError(MazerlError):
    """A run was ended because of a warning; `params` are those of its best record."""

    def __init__(self, said: str, step: int, params: Params) -> None:
        super().__init__(f"{said}; training was stopped, and is kept as it was at update {step}")
        self.step = step
        self.params = params


class TrainingWarning(MazerlWarning):
    """A run goes on, but what it learns is not what was wanted."""


class Progress(NamedTuple):
    """What a run is at the end of each of its records so far."""

    carry: Carry
    metrics: list[Metrics]  # one dict a record, of [] or [S] each
    history: list[Params]  # from the starting model on; empty if not kept
    best: Carry | None = None  # at the end of the best record; None if never gone back to
    backs: int = 0  # how often it was gone back to

    def back(self, every: int) -> "Progress":
        """As it was at the end of the best record; `every` updates are one."""
        assert self.best is not None
        records = int(on_host(self.best.step)) // every
        return self._replace(
            carry=self.best, metrics=self.metrics[:records],
            history=self.history[: records + 1],
        )  # fmt: skip


class Ends:
    """How runs end: which failed, and which were warned of."""

    def __init__(self, seeds: int | None) -> None:
        self.one = seeds is None
        self.failed: list[TrainingDivergedError | None] = [None] * (seeds or 1)
        self.warned = [False] * (seeds or 1)

    def _own(self, tree: Any, seed: int) -> Any:
        """A run's own part of what several carry."""
        return jax.tree.map(lambda x: on_host(x) if self.one else np.asarray(x[seed]), tree)

    def look(self, after: Carry, params: Params, before: Params, begun: int) -> None:
        """Note runs that failed in a record, from its parameters and those of the one before."""
        for seed, step in enumerate(np.atleast_1d(on_host(after.failed))):
            if step >= 0 and self.failed[seed] is None:
                # Good are parameters whose own loss was finite.
                good = self._own(params if step > begun else before, seed)
                self.failed[seed] = TrainingDivergedError(int(step), good)

    def all_failed(self) -> bool:
        """Whether there is nothing to go on with."""
        return all(self.failed)

    def collapsed(
        self, monitor: Monitor, metrics: list[Metrics], training: Training
    ) -> Iterator[str]:
        """What to say of runs that have collapsed, of each once."""
        for seed, warned in enumerate(self.warned):
            if not warned and not self.failed[seed]:
                said = monitor.warning(self._columns(metrics, seed), training)
                if said:
                    self.warned[seed] = True
                    yield f"by update {len(metrics) * training.record_every}: {said}"

    def runs(self, progress: Progress) -> list[Run | TrainingDivergedError]:
        """Every run, or why it failed."""
        return [error or self._run(progress, seed) for seed, error in enumerate(self.failed)]

    def _run(self, progress: Progress, seed: int) -> Run:
        history = None
        if progress.history:
            each = [self._own(params, seed) for params in progress.history]
            history = jax.tree.map(lambda *x: np.stack(x), *each)
        params = self._own(progress.carry.params, seed)
        updates = int(self._own(progress.carry.step, seed))
        return Run(params, self._columns(progress.metrics, seed), history, updates)

    def _columns(self, metrics: list[Metrics], seed: int) -> dict[str, np.ndarray]:
        return {
            name: np.stack([self._own(record[name], seed) for record in metrics])
            for name in (metrics[0] if metrics else {})
        }
