"""Tasks: cells that run together, wherever an executor puts them. A worker keeps nothing."""

import inspect
import os
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl.errors import MazerlError
from mazerl.store.records import describe_environment, require_writable
from mazerl.sweep.studies import find, load
from mazerl.sweep.work import Saving, Told, Work, forget_compilations
from mazerl.training import TrainingStoppedError


class Task(NamedTuple):
    """Cells of one study that run together: one, or several that differ in their seed."""

    place: str  # what `studies.find` finds the study by, in the worker's process too
    study: str
    configs: tuple[Any, ...]
    store: Path  # base models are read from here, where the worker sees it
    saving: Saving


class Failure(NamedTuple):
    """Why a cell has no arrays."""

    message: str
    trace: str  # empty where the message says it all


class Kept(NamedTuple):
    """A record that is no cell's, such as a base model."""

    study: str
    config: Any
    arrays: dict[str, np.ndarray]
    seconds: float


class Ended(NamedTuple):
    """What became of a task: arrays or a failure for every cell."""

    outcomes: tuple[Mapping[str, np.ndarray] | Failure, ...]
    environment: dict[str, Any]  # where it ran, and the seconds a cell


class Stopped(NamedTuple):
    """A task was asked to end and has saved what it had."""


Event = Told | Kept | Ended | Stopped
"""What a task says while it runs; the last is `Ended` or `Stopped`."""


def perform(task: Task, tell: Callable[[Event], None], stop: Callable[[], bool]) -> None:
    """Run a task's cells and tell what becomes of them; no error of theirs gets out."""
    use_compilation_cache()
    forget_compilations()

    def keep(study: str, config: Any, arrays: Any, seconds: float) -> None:
        tell(Kept(study, config, dict(arrays), seconds))

    work = Work(task.store, task.saving, tell, keep, stop)
    begun = time.perf_counter()
    try:
        outcomes = run_cells(find(task.place), task.configs, work)
    except TrainingStoppedError:
        tell(Stopped())
        return
    except MazerlError as error:
        outcomes = [Failure(str(error), "")] * len(task.configs)
    except Exception as error:
        failure = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
        outcomes = [failure] * len(task.configs)
    seconds = (time.perf_counter() - begun) / len(task.configs)
    tell(Ended(tuple(outcomes), describe_environment(seconds)))


def run_cells(
    name: str, configs: tuple[Any, ...], work: Work
) -> list[Mapping[str, np.ndarray] | Failure]:
    """Run cells: together, where the study can."""
    module = load(name)
    together = getattr(module, "run_seeds", None)
    if together is not None:
        ends = together(configs, work)
        return [Failure(str(e), "") if isinstance(e, MazerlError) else e for e in ends]
    takes_work = "work" in inspect.signature(module.run).parameters
    return [module.run(c, work=work) if takes_work else module.run(c) for c in configs]


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache, unless JAX is told where."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        try:
            home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
            require_writable(home / "mazerl" / "programs")
        except (RuntimeError, MazerlError):  # no home, or none that can be written to
            return
        jax.config.update("jax_compilation_cache_dir", str(home / "mazerl" / "programs"))
