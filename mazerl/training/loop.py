"""What all trainers share: the run, told, saved and stopped between its records, and the guard.

state = method.begin(world, task, sub-key)
for each record of the run:
    params, metrics = `update.record`: `every` updates, and the means of their metrics
    stop if the loss or the parameters are no longer finite; tell progress; save a checkpoint now
        and then; end here if asked to
    of a run that has collapsed say so, end it, or go back to its best record
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from mazerl.errors import MazerlError
from mazerl.maze import Array
from mazerl.policy.sampling import seeded_key
from mazerl.training.ends import (
    Ends,
    Progress,
    Run,
    TrainingCollapsedError,
    TrainingDivergedError,
    TrainingWarning,
)
from mazerl.training.method import Method, Metrics, Params, Task, Training
from mazerl.training.parallel import on_all, on_host, within
from mazerl.training.runs import Runs
from mazerl.training.update import Carry

MOST_BACKS = 10
"""A run that collapses once more often than it may go back is ended."""

# A run is searched for warnings about this many times.
_SEARCHES = 200


class TrainingStoppedError(MazerlError):
    """A run was asked to end early, and did so after saving a checkpoint."""

    def __init__(self, step: int) -> None:
        super().__init__(f"training was stopped after update {step}; resume it to go on")
        self.step = step


class Checkpoints(Protocol):
    """Where a run is saved, so that it can go on after an interruption."""

    def restore(self, fresh: Progress) -> Progress:
        """The last saved progress, its carry shaped like the fresh one's; else `fresh` itself."""

    def save(self, progress: Progress) -> None:
        """Save progress with finite parameters."""


@dataclass(frozen=True)
class Watch:
    """What to do between the records of a run."""

    # (updates done, metrics of the record, parameters); restored records are told again, the
    # parameters of the last one only
    progress: Callable[[int, Metrics, Params | None], None] = lambda done, metrics, params: None
    checkpoints: Checkpoints | None = None
    seconds: float = 10.0  # between checkpoints
    stop: Callable[[], bool] = lambda: False  # asked after every record
    save_last: bool = True  # whether there is one at the end in any case
    # how good parameters are: records tell it as `validation`, and a run that is judged ends as
    # it was at the best of them, or at its start where none is better
    judge: Callable[[Params], float] | None = None


def train(
    method: Method,
    task: Task,
    params: Params,
    training: Training,
    key: Array | None = None,
    keep_history: bool = False,
    watch: Watch | None = None,
    mesh: Mesh | None = None,
) -> Run:
    """Run all updates, or those that remain after the last checkpoint.

    Args:
        method: the objective and where its batches come from.
        task: what the method learns from.
        params: the starting model.
        training: steps, optimiser and rate.
        key: one key for the whole run; methods that sample need it.
        keep_history: return the parameters at every record as well.
        watch: what to do between records: tell progress, save checkpoints, stop.
        mesh: devices that share the walkers (`parallel.walker_mesh`); by default one does it all.

    Raises:
        MazerlError: steps below 1, an unknown optimiser, a rate that is not positive.
        TrainingCollapsedError: the method says so, and `training.on_collapse` is to stop; or it
            has gone back `MOST_BACKS` times.
        TrainingDivergedError: the loss or the parameters are no longer finite.
        TrainingStoppedError: `watch.stop` said so.
    """
    key = seeded_key(0) if key is None else key
    with within(mesh):
        runs = Runs(method, training, mesh=mesh)
        (run,) = _train(runs, task, params, key, keep_history, watch or Watch())
    if isinstance(run, TrainingDivergedError):
        raise run
    return run


def train_seeds(
    method: Method,
    task: Task,
    params: Params,
    training: Training,
    keys: Array,
    keep_history: bool = False,
    watch: Watch | None = None,
) -> list[Run | TrainingDivergedError]:
    """`train` for several keys [S] at once, in one compilation; the same bits as one by one.

    Args:
        method: as for `train`, like what is not listed.
        task: the same for all.
        params: starting models, with an axis [S] in front of every leaf.
        training: the same for all.
        keys: [S]
        keep_history: as for `train`.
        watch: is told metrics [S] and parameters [S, ...].

    Returns:
        For each key its run, or why it failed: one that diverges does not stop the others.

    Raises:
        MazerlError: as `train`; or parameters without the axis; or a judge, or an `on_collapse`
            that is not to warn, because one run cannot go back alone.
    """
    seeds = keys.shape[0]
    if watch is not None and watch.judge is not None:
        raise MazerlError("several seeds at once cannot be judged; train them one by one")
    if training.on_collapse != "warn":
        raise MazerlError(
            f"on_collapse is {training.on_collapse!r}, which several seeds at once cannot; let it "
            "be 'warn', or train them one by one"
        )
    if any(np.shape(leaf)[:1] != (seeds,) for leaf in jax.tree.leaves(params)):
        raise MazerlError(f"the parameters have no axis [{seeds}] in front; stack one a key")
    runs = Runs(method, training, seeds)
    return _train(runs, task, params, keys, keep_history, watch or Watch())


def _train(
    runs: Runs, task: Task, params: Params, key: Array, keep_history: bool, watch: Watch
) -> list[Run | TrainingDivergedError]:
    every = runs.training.record_every
    records = runs.training.steps // every
    with jax.enable_x64(runs.method.exact):
        dtype = jnp.float64 if runs.method.exact else jnp.float32
        task, params = jax.tree.map(lambda x: _cast(x, dtype), (task, params))
        task, params, key = on_all((task, params, key), runs.mesh)
        carry = runs.begin(task, params, key)
        best, begun = _first_best(runs, watch, carry)
        progress = Progress(carry, [], [_host(carry.params)] if keep_history else [], best)
        if watch.checkpoints is not None:
            progress = watch.checkpoints.restore(progress)
        ends, before = Ends(runs.seeds), progress
        # Of several seeds some may have failed before the checkpoint.
        ends.look(progress.carry, progress.carry.params, progress.carry.params, 0)
        _tell_again(watch, progress, every)
        saved = time.monotonic()
        while (n := len(progress.metrics)) < records:
            carry = progress.carry
            after, metrics = runs.advance(task, key, carry, progress.backs)
            ends.look(after, carry.params, before.carry.params, n * every)
            if ends.all_failed():
                if watch.checkpoints is not None:
                    # Good are parameters whose own loss was finite.
                    own = np.min(on_host(after.failed)) > n * every
                    watch.checkpoints.save(progress if own else before)
                break
            before = progress._replace(metrics=progress.metrics[:], history=progress.history[:])
            now = _host(after.params)
            # Sorted, as a checkpoint gives them back.
            metrics = dict(sorted((_host(metrics) | _beside(runs, watch, now)).items()))
            better = _is_better(runs, watch, progress, begun, metrics)
            progress.metrics.append(metrics)
            if keep_history:
                progress.history.append(now)
            progress = progress._replace(carry=after, best=after if better else progress.best)
            # Told first: what is told and not saved is told again after an interruption.
            watch.progress((n + 1) * every, metrics, after.params)
            last = n + 1 == records
            if last or (n + 1) % -(-records // _SEARCHES) == 0:
                told = _answer(runs, watch, ends, progress)
                if told is not progress:  # has gone back
                    before = progress = told
                    last, ends = False, Ends(runs.seeds)
            progress = _ended(watch, progress) if last else progress
            stop = not last and watch.stop()
            due = stop or (last and watch.save_last) or time.monotonic() - saved > watch.seconds
            if watch.checkpoints is not None and due:
                watch.checkpoints.save(progress)
                saved = time.monotonic()
            if stop:
                raise TrainingStoppedError(len(progress.metrics) * every)
        return ends.runs(progress)


def _answer(runs: Runs, watch: Watch, ends: Ends, progress: Progress) -> Progress:
    """Warn of runs that have collapsed; or go back to what is returned, or end."""
    every, on_collapse = runs.training.record_every, runs.training.on_collapse
    for said in ends.collapsed(runs.monitor, progress.metrics, runs.training):
        if on_collapse != "warn":
            progress = progress.back(every)
            _tell_again(watch, progress, every)
            if on_collapse == "stop" or progress.backs == MOST_BACKS:
                _end(watch, progress, said)
            progress = progress._replace(backs=progress.backs + 1)
            said += f"; going back to update {len(progress.metrics) * every}, at half the rate"
        warnings.warn(said, TrainingWarning, stacklevel=4)
    return progress


def _first_best(runs: Runs, watch: Watch, carry: Carry) -> tuple[Carry | None, Metrics]:
    """The start, where a run may go back to it, and what is told of it."""
    if watch.judge is None and runs.training.on_collapse == "warn":
        return None, {}
    return carry, _beside(runs, watch, _host(carry.params))


def _ended(watch: Watch, progress: Progress) -> Progress:
    """After its last record: a judged run as it was at its best one, all records told."""
    if watch.judge is None or progress.best is None:
        return progress
    return progress._replace(carry=progress.best)


def _beside(runs: Runs, watch: Watch, params: Params) -> Metrics:
    """What is told of parameters on the host beside the means of a record."""
    if watch.judge is None:
        return runs.times(params)
    return runs.times(params) | {"validation": np.array(watch.judge(params))}


def _is_better(
    runs: Runs, watch: Watch, progress: Progress, begun: Metrics, metrics: Metrics
) -> bool:
    """Whether a record is better than the best so far, where one is kept."""
    if progress.best is None:
        return False
    best = int(on_host(progress.best.step)) // runs.training.record_every
    # Of the start nothing else is known.
    other = progress.metrics[best - 1] if best else begun
    if watch.judge is not None:
        return bool(metrics["validation"] > other["validation"])
    return not other or runs.monitor.merit(metrics) > runs.monitor.merit(other)


def _tell_again(watch: Watch, progress: Progress, every: int) -> None:
    """Tell all records so far, in the place of what has been told."""
    for n, metrics in enumerate(progress.metrics, start=1):
        last = n == len(progress.metrics)
        watch.progress(n * every, metrics, progress.carry.params if last else None)


def _end(watch: Watch, progress: Progress, said: str) -> NoReturn:
    """End a run that has collapsed, kept as it was at its best record."""
    if watch.checkpoints is not None:
        watch.checkpoints.save(progress)
    carry = progress.carry
    raise TrainingCollapsedError(said, int(on_host(carry.step)), _host(carry.params))


def _host(tree: Any) -> Any:
    return jax.tree.map(on_host, tree)


def _cast(leaf: Any, dtype: Any) -> Array:
    """Numbers to the run's precision; whole numbers, such as indices, as they are."""
    leaf = jnp.asarray(leaf)
    return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
