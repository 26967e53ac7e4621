"""What all trainers share: the run, told and saved between its pieces, and the guard.

state = method.begin(task, sub-key)
for each of about ten pieces of the run:
    params, metrics = `update.updates`: every `record_every` updates, record the metrics and, if
        asked for, the parameters
    stop if the loss or the parameters are no longer finite; tell progress; save a checkpoint
"""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array
from mazerl.train.method import Method, Metrics, Params, Task, Training
from mazerl.train.update import Carry, Rule, updates

# The run is dispatched in about this many pieces; between them progress is told and checked.
_PIECES = 10
# Named sub-key beside those of the updates, which count up from 0.
_BEGIN_KEY = 0xFFFFFFFF


class Run(NamedTuple):
    """A finished training run, on the host."""

    params: Params
    metrics: dict[str, np.ndarray]  # [records] each: means over the updates of a record
    history: Params  # [records+1, ...] parameters from the starting model on; None if not kept

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


class TrainingWarning(UserWarning):
    """A run goes on, but what it learns is not what was wanted."""


class Checkpoints(Protocol):
    """Where a run is saved, so that it can go on after an interruption."""

    def restore(self, fresh: Carry) -> Carry:
        """The last saved carry, shaped like `fresh`; `fresh` itself if none was saved."""

    def save(self, carry: Carry) -> None:
        """Save a carry with finite parameters."""


@dataclass(frozen=True)
class Watch:
    """What to do between the pieces of a run."""

    # (updates done, metrics [records of the piece] each)
    progress: Callable[[int, dict[str, np.ndarray]], None] = lambda done, metrics: None
    checkpoints: Checkpoints | None = None


def train(
    method: Method,
    task: Task,
    params: Params,
    training: Training,
    key: Array | None = None,
    keep_history: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Run all updates, or those that remain after the last checkpoint.

    Args:
        method: the objective and where its batches come from.
        task: what the method learns from.
        params: the starting model.
        training: steps, optimiser and rate.
        key: one key for the whole run; methods that sample need it.
        keep_history: return the parameters at every record as well.
        watch: what to do between pieces: tell progress, save checkpoints.

    Raises:
        MazerlError: steps below 1, an unknown optimiser, a rate that is not positive.
        TrainingDivergedError: the loss or the parameters are no longer finite.
    """
    _check(training)
    rule = Rule(method, _optimizer(training.optimizer), training.max_norm, training.kl_stop)
    key, watch = jax.random.key(0) if key is None else key, watch or Watch()
    every = training.record_every
    records = training.steps // every
    piece = -(-records // _PIECES)
    with jax.enable_x64(method.exact):
        dtype = jnp.float64 if method.exact else jnp.float32
        task, params = jax.tree.map(lambda x: _cast(x, dtype), (task, params))
        carry = Carry(
            params=params,
            optimizer=rule.transform(training.rate).init(params),
            state=method.begin(task, jax.random.fold_in(key, _BEGIN_KEY)),
            step=jnp.int32(0),
            failed=jnp.int32(-1),
        )
        if watch.checkpoints is not None:
            carry = watch.checkpoints.restore(carry)
        seen = _History(keep_history, carry.params)
        good, warned = carry.params, None
        for begin in range(int(carry.step) // every, records, piece):
            length = min(piece, records - begin)
            sizes = (length, every, keep_history)
            after, (metrics, kept) = updates(
                rule, sizes, training.rate, training.steps, key, task, carry
            )
            failed = int(after.failed)
            if failed < 0 and not _all_finite(after.params):
                failed = (begin + length) * every
            if failed >= 0:
                # Good are parameters whose own loss was finite.
                good = carry.params if failed > begin * every else good
                raise TrainingDivergedError(failed, jax.tree.map(np.asarray, good))
            good, carry = carry.params, after
            # Told first: what is told and not saved is told again after an interruption.
            watch.progress((begin + length) * every, seen.add(metrics, kept))
            if watch.checkpoints is not None:
                watch.checkpoints.save(carry)
            if not warned and (warned := method.warning(seen.joined_metrics(), every)):
                warnings.warn(f"by update {(begin + length) * every}: {warned}", TrainingWarning, 2)
        params = jax.tree.map(np.asarray, carry.params)
        return Run(params, seen.joined_metrics(), seen.joined_params())


@dataclass
class _History:
    """Records of the pieces so far, on the host."""

    keep: bool
    start: Params
    metrics: list[dict[str, np.ndarray]] = field(default_factory=list)
    params: list[Params] = field(default_factory=list)

    def add(self, metrics: Metrics, params: Params) -> dict[str, np.ndarray]:
        self.metrics.append(jax.tree.map(np.asarray, metrics))
        self.params.append(jax.tree.map(np.asarray, params))
        return self.metrics[-1]

    def joined_metrics(self) -> dict[str, np.ndarray]:
        names = self.metrics[0] if self.metrics else {}
        return {name: np.concatenate([part[name] for part in self.metrics]) for name in names}

    def joined_params(self) -> Params:
        if not self.keep:
            return None
        begin = jax.tree.map(lambda x: np.asarray(x)[None], self.start)
        return jax.tree.map(lambda *x: np.concatenate(x), begin, *self.params)


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


def _all_finite(params: Params) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
