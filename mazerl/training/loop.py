"""What all trainers share: the run, told, saved and stopped between its records, and the guard.

state = method.begin(world, task, sub-key)
for each record of the run:
    params, metrics = `update.record`: `every` updates, and the means of their metrics
    stop if the loss or the parameters are no longer finite; tell progress; save a checkpoint now
        and then; end here if asked to
"""

import inspect
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array
from mazerl.training.ends import Ends, Progress, Run, TrainingDivergedError
from mazerl.training.method import Method, Metrics, Params, Task, Training
from mazerl.training.parallel import on_all, on_host, within
from mazerl.training.update import Carry, Rule, record

# A run is searched for warnings about this many times.
_SEARCHES = 10
# Named sub-key beside those of the updates, which count up from 0.
_BEGIN_KEY = 0xFFFFFFFF


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
        TrainingDivergedError: the loss or the parameters are no longer finite.
        TrainingStoppedError: `watch.stop` said so.
    """
    key = jax.random.key(0) if key is None else key
    with within(mesh):
        runs = _Runs(method, training, mesh=mesh)
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
        MazerlError: as `train`; or parameters without the axis.
    """
    seeds = keys.shape[0]
    if any(np.shape(leaf)[:1] != (seeds,) for leaf in jax.tree.leaves(params)):
        raise MazerlError(f"the parameters have no axis [{seeds}] in front; stack one a key")
    runs = _Runs(method, training, seeds)
    return _train(runs, task, params, keys, keep_history, watch or Watch())


class _Runs:
    """One run, or several that differ in their seed: how to begin and to go on."""

    def __init__(
        self,
        method: Method,
        training: Training,
        seeds: int | None = None,
        mesh: Mesh | None = None,
    ) -> None:
        _check(training)
        method = replace(method, world=on_all(method.world, mesh))
        self.mesh = mesh
        self.method, self.training, self.seeds = method, training, seeds
        static = replace(method, world=None)
        optimizer = _optimizer(training.optimizer)
        self.rule = Rule(
            static, optimizer, training.max_norm, training.kl_stop, training.record_every,
            seeds is not None,
        )  # fmt: skip

    def begin(self, task: Task, params: Params, key: Array) -> Carry:
        """Nothing done yet."""

        def fresh(params: Params, key: Array) -> Carry:
            return Carry(
                params=params,
                optimizer=self.rule.transform(self.training.rate).init(params),
                state=self.method.begin(
                    self.method.world, task, jax.random.fold_in(key, _BEGIN_KEY)
                ),
                step=jnp.int32(0),
                failed=jnp.int32(-1),
            )

        return fresh(params, key) if self.seeds is None else jax.vmap(fresh)(params, key)

    def advance(self, task: Task, key: Array, carry: Carry) -> tuple[Carry, Metrics]:
        """One record."""

        def go(key: Array, carry: Carry) -> tuple[Carry, Metrics]:
            after = record(
                self.rule, self.training.rate, self.training.steps, key, self.method.world, task,
                carry,
            )  # fmt: skip
            return jax.block_until_ready(after)

        parts = _threads(self.seeds)
        if parts == 1:
            return go(key, carry)
        # Every thread takes as many seeds, so that they share a compilation; some do the last
        # seed again.
        each = -(-(self.seeds or 1) // parts)
        taken = np.minimum(np.arange(parts * each), (self.seeds or 1) - 1).reshape(parts, each)

        def part(seeds: np.ndarray) -> tuple[Carry, Metrics]:
            with jax.enable_x64(self.method.exact):  # is a thread's own
                return go(key[seeds], jax.tree.map(lambda x: x[seeds], carry))

        with ThreadPoolExecutor(parts) as pool:
            after = list(pool.map(part, taken))
        return jax.tree.map(lambda *x: jnp.concatenate(x)[: self.seeds], *after)


def _threads(seeds: int | None) -> int:
    """How many parts of the seeds run side by side: one a core, where there is no accelerator."""
    if seeds is None or jax.default_backend() != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(seeds, cores or 1)


def _train(
    runs: _Runs, task: Task, params: Params, key: Array, keep_history: bool, watch: Watch
) -> list[Run | TrainingDivergedError]:
    every = runs.training.record_every
    records = runs.training.steps // every
    with jax.enable_x64(runs.method.exact):
        dtype = jnp.float64 if runs.method.exact else jnp.float32
        task, params = jax.tree.map(lambda x: _cast(x, dtype), (task, params))
        task, params, key = on_all((task, params, key), runs.mesh)
        carry = runs.begin(task, params, key)
        progress = Progress(carry, [], [_host(carry.params)] if keep_history else [])
        if watch.checkpoints is not None:
            progress = watch.checkpoints.restore(progress)
        ends, before = Ends(runs.method, runs.seeds), progress
        # Of several seeds some may have failed before the checkpoint.
        ends.look(progress.carry, progress.carry.params, progress.carry.params, 0)
        for n, metrics in enumerate(progress.metrics, start=1):
            last = n == len(progress.metrics)
            watch.progress(n * every, metrics, progress.carry.params if last else None)
        saved = time.monotonic()
        for n in range(len(progress.metrics), records):
            carry = progress.carry
            after, metrics = runs.advance(task, key, carry)
            ends.look(after, carry.params, before.carry.params, n * every)
            if ends.all_failed():
                if watch.checkpoints is not None:
                    # Good are parameters whose own loss was finite.
                    own = np.min(on_host(after.failed)) > n * every
                    watch.checkpoints.save(progress if own else before)
                break
            before = Progress(carry, progress.metrics[:], progress.history[:])
            metrics = _host(metrics)
            progress.metrics.append(metrics)
            if keep_history:
                progress.history.append(_host(after.params))
            progress = progress._replace(carry=after)
            # Told first: what is told and not saved is told again after an interruption.
            watch.progress((n + 1) * every, metrics, after.params)
            stop = n + 1 < records and watch.stop()
            last = n + 1 == records and watch.save_last
            due = stop or last or time.monotonic() - saved > watch.seconds
            if watch.checkpoints is not None and due:
                watch.checkpoints.save(progress)
                saved = time.monotonic()
            if stop:
                raise TrainingStoppedError((n + 1) * every)
            if (n + 1) % -(-records // _SEARCHES) == 0 or n + 1 == records:
                ends.warn(progress.metrics, every)
        return ends.runs(progress)


def _check(training: Training) -> None:
    steps = require_whole("the number of steps", training.steps)
    every = require_whole("record_every", training.record_every)
    if steps % every:
        raise MazerlError(f"record_every is {every}; give a divisor of the {steps} steps")
    for name, value in (
        ("the rate", training.rate),
        ("max_norm", training.max_norm),
        ("kl_stop", training.kl_stop),
    ):
        if not value > 0:
            raise MazerlError(f"{name} is {value}; give a positive number")


def _host(tree: Any) -> Any:
    return jax.tree.map(on_host, tree)


def _cast(leaf: Any, dtype: Any) -> Array:
    """Numbers to the run's precision; whole numbers, such as indices, as they are."""
    leaf = jnp.asarray(leaf)
    return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def _optimizer(name: str) -> Callable[[Any], optax.GradientTransformation]:
    factory = getattr(optax, name, None)
    if callable(factory) and "learning_rate" in inspect.signature(factory).parameters:
        return factory
    raise MazerlError(
        f"unknown optimiser {name!r}; name one of optax, such as sgd, sign_sgd or adam"
    )
