"""What a terminal shows of a sweep: a bar a study, and how the running cells do."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mazerl.sweep.driver import Cell
from mazerl.sweep.tasks import Task
from mazerl.sweep.work import Told


class Screen:
    """Live progress; use it as a context."""

    def __init__(self, console: Console, cells: Sequence[Cell]) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[cell]}"),
            console=console,
        )  # fmt: skip
        totals = Counter(cell.study for cell in cells)
        self._bars = {
            name: self._progress.add_task(name, total=total, cell="")
            for name, total in totals.items()
        }
        self._running: dict[Task, str] = {}

    def __enter__(self) -> "Screen":
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what was last shown."""
        self._progress.stop()

    def began(self, task: Task) -> None:
        """A task runs."""
        self._running[task] = brief(task)
        self._show(task.study)

    def told(self, task: Task, told: Told) -> None:
        """One of its trainings got on."""
        time = told.metrics.get("hitting_time")
        now = "" if time is None else f" H={np.median(time):.4g}"
        self._running[task] = f"{brief(task)} {told.training} {told.update}{now}"
        self._show(task.study)

    def stored(self, task: Task, cells: int) -> None:
        """Cells of it are done."""
        self._progress.advance(self._bars[task.study], cells)

    def ended(self, task: Task) -> None:
        """It runs no more."""
        self._running.pop(task, None)
        self._show(task.study)

    def _show(self, name: str) -> None:
        running = [text for task, text in self._running.items() if task.study == name]
        text = running[-1] if running else ""
        if len(running) > 1:
            text = f"{len(running)} running; {text}"
        self._progress.update(self._bars[name], cell=text)


def brief(task: Task) -> str:
    """The first fields of a task's config, and its seeds."""
    config: dict[str, Any] = dict(vars(task.configs[0]))
    if len(task.configs) > 1:
        config["seed"] = f"{len(task.configs)} seeds"
    first = list(config.items())[:3]
    first += [(k, v) for k, v in config.items() if k == "seed" and (k, v) not in first]
    return " ".join(f"{name}={value}" for name, value in first)


def duration(seconds: float) -> str:
    """Seconds as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
