"""The driver: plans a sweep, hands its cells to an executor, and alone writes the records.

A cell is claimed by a lock before it runs, so that several drivers share a store's work. Signals
end a sweep cleanly: running trainings save a checkpoint, and the same command goes on.
"""

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from filelock import FileLock, Timeout

from mazerl.errors import MazerlError
from mazerl.store.locks import LOCKS
from mazerl.store.records import config_json, is_done, record_folder, write_record
from mazerl.store.sinks import Sink
from mazerl.store.stopping import Stop, noted_signals
from mazerl.sweep.executors import Executor
from mazerl.sweep.studies import load, place_of
from mazerl.sweep.tasks import Ended, Event, Failure, Kept, Stopped, Task
from mazerl.sweep.work import BEGIN_ANEW, Saving, Told


class Cell(NamedTuple):
    """A config of a study."""

    study: str
    config: Any


class Screen(Protocol):
    """What shows how a sweep goes."""

    def began(self, task: Task) -> None:
        """A task runs."""

    def told(self, task: Task, told: Told) -> None:
        """One of its trainings got on."""

    def stored(self, task: Task, cells: int) -> None:
        """Cells of it are done, by this driver or another."""

    def ended(self, task: Task) -> None:
        """It runs no more."""


class Outcome(NamedTuple):
    """How a sweep went."""

    stored: int  # cells that this driver stored
    failed: list[tuple[Cell, Failure]]
    stop: Stop  # whether a signal ended it early


class Driver:
    """One sweep on one store."""

    def __init__(
        self,
        store: Path,
        executor: Executor,
        screen: Screen,
        sinks: Sequence[Sink] = (),
        saving: Saving = BEGIN_ANEW,
    ) -> None:
        self.store, self.executor, self.screen, self.sinks = store, executor, screen, sinks
        self.saving = saving
        self._locks: dict[Cell, FileLock] = {}
        self._failed: list[tuple[Cell, Failure]] = []
        self._stored = 0

    def run(self, cells: Sequence[Cell]) -> Outcome:
        """Run the cells that are not stored.

        Raises:
            MazerlError: the store cannot be written to, or what the executor raises.
        """
        self._drop_stale_checkpoints()
        try:
            with noted_signals() as stop:
                tasks = tasks_of(cells, self.executor.workers)
                self.executor.run(self._claimed(tasks), self._hear, stop)
        finally:
            for lock in self._locks.values():
                lock.release()
            for sink in self.sinks:
                sink.close()
        self._drop_stale_checkpoints()
        return Outcome(self._stored, self._failed, stop)

    def _claimed(self, tasks: Sequence[list[Cell]]) -> Iterator[Task | None]:
        """Tasks of cells that this driver has locked; None while others hold all that are left."""
        waiting = deque(tasks)
        while waiting:
            claimed = False
            for _ in range(len(waiting)):
                cells = waiting.popleft()
                mine, theirs = self._claim(cells)
                if theirs:
                    waiting.append(theirs)
                if mine:
                    claimed = True
                    yield self._begin(mine)
            if waiting and not claimed:
                yield None

    def _claim(self, cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
        """Those that are ours to run now, and those that another driver runs."""
        mine, theirs = [], []
        for cell in cells:
            if is_done(self.store, *cell):
                self.screen.stored(_task(cells, self.store), 1)
                continue
            path = self.store / LOCKS / f"{cell.study}-{_name(cell)}.lock"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = FileLock(path, timeout=0)
                lock.acquire()
            except Timeout:
                theirs.append(cell)
                continue
            except OSError as error:
                raise MazerlError(
                    f"cannot write to {path.parent}: {error.strerror}; give another --results"
                ) from error
            self._locks[cell] = lock
            if is_done(self.store, *cell):  # stored since
                self._release(cell)
                self.screen.stored(_task(cells, self.store), 1)
            else:
                mine.append(cell)
        return mine, theirs

    def _begin(self, cells: list[Cell]) -> Task:
        task = _task(cells, self.store)
        if self.saving.folder is not None:
            digest = hashlib.sha256("".join(map(_name, cells)).encode()).hexdigest()[:16]
            folder = self.saving.folder / cells[0].study / digest
            task = task._replace(saving=self.saving._replace(folder=folder))
            folder.mkdir(parents=True, exist_ok=True)
            # Put there whole: another driver may look at it at any moment.
            (folder / "part").write_text(json.dumps([_name(cell) for cell in cells]))
            os.replace(folder / "part", folder / _CELLS)
        self.screen.began(task)
        return task

    def _release(self, cell: Cell) -> None:
        lock = self._locks.pop(cell)
        # Whoever opened this file before it went will find the cell stored.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()

    def _hear(self, task: Task, event: Event) -> None:
        if isinstance(event, Told):
            self.screen.told(task, event)
            self._sink(task, event)
        elif isinstance(event, Kept):
            if not is_done(self.store, event.study, event.config):
                write_record(self.store, *event)
        elif isinstance(event, Stopped):
            self.screen.ended(task)
        else:
            self._store(task, event)

    def _sink(self, task: Task, told: Told) -> None:
        for number, config in enumerate(task.configs):
            cell = Cell(task.study, config)
            values = {
                name: float(np.ravel(value)[number if np.ndim(value) else 0])
                for name, value in told.metrics.items()
            }
            for sink in self.sinks:
                sink.tell(f"{cell.study}/{_name(cell)}", told.training, told.update, values)

    def _store(self, task: Task, ended: Ended) -> None:
        for config, outcome in zip(task.configs, ended.outcomes, strict=True):
            cell = Cell(task.study, config)
            if isinstance(outcome, Failure):
                self._failed.append((cell, outcome))
                self._locks.pop(cell).release()
            else:
                seconds = ended.environment.get("seconds", 0.0)
                write_record(self.store, *cell, outcome, seconds, ended.environment)
                self._stored += 1
                self._release(cell)
                self.screen.stored(task, 1)
        if task.saving.folder is not None:
            shutil.rmtree(task.saving.folder, ignore_errors=True)
        self.screen.ended(task)

    def _drop_stale_checkpoints(self) -> None:
        """Of cells that are stored nobody goes on; a kill can leave their checkpoints behind."""
        if self.saving.folder is None:
            return
        for file in self.saving.folder.glob(f"*/*/{_CELLS}"):
            records = self.store / file.parent.parent.name
            with suppress(OSError):  # another driver may have been faster
                names = json.loads(file.read_text())
                if all((records / name / "DONE").exists() for name in names):
                    shutil.rmtree(file.parent, ignore_errors=True)


_CELLS = "cells.json"
"""Beside the checkpoints of a task: the names of its records."""


def tasks_of(cells: Sequence[Cell], workers: int = 1) -> list[list[Cell]]:
    """Cells that run together: those equal but for their seed, where the study can do that.

    Where there would be fewer tasks than workers, seeds are shared out; their bits stay the same.
    """

    def together(cell: Cell) -> str:
        if hasattr(load(cell.study), "run_seeds"):
            return cell.study + config_json(replace(cell.config, seed=0))
        return cell.study + config_json(cell.config)

    groups = [list(group) for _, group in groupby(cells, together)]
    parts = -(-workers // max(1, len(groups)))
    tasks = []
    for group in groups:
        size = -(-len(group) // parts)
        tasks += [group[begin : begin + size] for begin in range(0, len(group), size)]
    return tasks


def _task(cells: list[Cell], store: Path) -> Task:
    study = cells[0].study
    return Task(place_of(study), study, tuple(cell.config for cell in cells), store, BEGIN_ANEW)


def _name(cell: Cell) -> str:
    return record_folder(Path(), *cell).name


def seconds_of(store: Path, cells: Sequence[Cell]) -> float | None:
    """Mean seconds of stored cells; None if none is."""
    told = []
    for cell in cells:
        try:
            text = (record_folder(store, *cell) / "environment.json").read_text()
            told.append(float(json.loads(text)["seconds"]))
        except (OSError, ValueError, KeyError):
            continue
    return float(np.mean(told)) if told else None
