"""What all trainers share: the jitted update loop, the optimiser, records and the guard.

state = method.begin(task, sub-key)
for each of `steps` updates:
    batch, state = method.collect(task, params, state, sub-key of this update, share done)
    for each of `epochs` passes over the batch, for each of its `minibatches` parts:
        gradient = Σ over `microbatches` parts of that of ∇ method.loss(params, part)
        stop this update here if the loss reports a KL above `kl_stop`
        params = params + optimiser(gradient, scaled down to a global norm of `max_norm`)
    every `record_every` updates: record the metrics and, if asked for, the parameters
"""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array

Task = Any
Params = Any
State = Any
Metrics = dict[str, Any]

# The run is dispatched in about this many pieces; between them progress is told and checked.
_PIECES = 10
# Named sub-keys: update n takes fold-in n of the run's key, and shuffles by a fold-in of its own.
_BEGIN_KEY, _SHUFFLE_KEY = 0xFFFFFFFF, 0xFFFFFFFE


class Batch(NamedTuple):
    """What one update learns from."""

    samples: Any  # pytree of [N, ...], which minibatches divide
    shared: Any  # pytree that every minibatch sees whole
    metrics: Metrics  # what collecting saw, [] each


@dataclass(frozen=True)
class Training:
    """How to update: any optax optimiser that takes a learning rate, by name."""

    steps: int = 1200
    optimizer: str = "sign_sgd"
    rate: float = 0.01
    record_every: int = 10  # updates; divides `steps`
    max_norm: float = float("inf")  # gradients of larger global norm are scaled down to it
    kl_stop: float = float("inf")  # a loss that reports a larger KL ends its update there


@dataclass(frozen=True)
class Method:
    """How to learn; a method adds one file that makes one of these.

    The task is the pytree of what differs between runs of one method: rewards, visits, sizes. It is
    traced, so that all tasks of one shape share a compilation.
    """

    # (task, params, state, key, share of the run that is done) → (batch, state)
    collect: Callable[[Task, Params, State, Array, Array], tuple[Batch, State]]
    # (params, batch) → (loss [], what else it has to tell, [] each)
    loss: Callable[[Params, Batch], tuple[Array, Metrics]]
    begin: Callable[[Task, Array], State] = lambda task, key: ()  # what collecting carries on
    epochs: int = 1
    minibatches: int = 1  # divides the number of samples in a batch
    microbatches: int = 1  # divides a minibatch; for losses whose parts add up to the whole
    exact: bool = False  # float64 throughout, because the loss is computed exactly
    # (metrics [records] so far, updates a record) → what has gone wrong; told once, as a warning
    warning: Callable[[dict[str, np.ndarray], int], str | None] = lambda metrics, every: None


def the_task(
    task: Task, params: Params, state: State, key: Array, share: Array
) -> tuple[Batch, State]:
    """Collect nothing: an exact method learns from its task as it is."""
    del params, key, share
    return Batch((), task, {}), state


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


class Carry(NamedTuple):
    """All that a run carries from one update to the next; saving it is a checkpoint."""

    params: Params
    optimizer: Any
    state: State
    step: Array  # [] updates done
    failed: Array  # [] first update whose loss was not finite; -1 if none


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
    rule = _Rule(method, _optimizer(training.optimizer), training.max_norm, training.kl_stop)
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
            after, (metrics, kept) = _updates(
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
            if watch.checkpoints is not None:
                watch.checkpoints.save(carry)
            watch.progress((begin + length) * every, seen.add(metrics, kept))
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


@dataclass(frozen=True)
class _Rule:
    """What of an update is static."""

    method: Method
    optimizer: Callable[[Any], optax.GradientTransformation]
    max_norm: float
    kl_stop: float

    def transform(self, rate: Array) -> optax.GradientTransformation:
        """The gradient transformation at a learning rate, which may be traced."""
        if self.max_norm == float("inf"):
            return self.optimizer(rate)
        return optax.chain(optax.clip_by_global_norm(self.max_norm), self.optimizer(rate))


@partial(jax.jit, static_argnums=(0, 1))
def _updates(
    rule: _Rule,
    sizes: tuple[int, int, bool],
    rate: Array,
    steps: Array,
    key: Array,
    task: Task,
    carry: Carry,
) -> tuple[Carry, tuple[Metrics, Params]]:
    """Some records of some updates each: sizes are (records, updates a record, keep history)."""
    records, every, keep_history = sizes
    method, transform = rule.method, rule.transform(rate)

    def update(carry: Carry) -> tuple[Carry, Metrics]:
        sub_key = jax.random.fold_in(key, carry.step)
        share = carry.step / steps
        batch, state = method.collect(task, carry.params, carry.state, sub_key, share)
        carry = carry._replace(state=state)
        if method.epochs == method.minibatches == 1:
            carry, _, told = _descend(rule, transform, carry, jnp.bool_(False), batch)
        else:
            shuffle = jax.random.fold_in(sub_key, _SHUFFLE_KEY)
            parts = _minibatches(shuffle, batch, method.epochs, method.minibatches)
            carry, told = _descend_all(rule, transform, carry, parts)
        return carry._replace(step=carry.step + 1), batch.metrics | told

    def record(carry: Carry, _: None) -> tuple[Carry, tuple[Metrics, Params]]:
        shapes = jax.eval_shape(update, carry)[1]
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

        def add(_: Array, both: tuple[Carry, Metrics]) -> tuple[Carry, Metrics]:
            carry, told = update(both[0])
            return carry, jax.tree.map(jnp.add, both[1], told)

        carry, total = jax.lax.fori_loop(0, every, add, (carry, zeros))
        means = jax.tree.map(lambda x: x / every, total)
        return carry, (means, carry.params if keep_history else None)

    return jax.lax.scan(record, carry, None, records)


def _descend_all(
    rule: _Rule, transform: optax.GradientTransformation, carry: Carry, parts: Batch
) -> tuple[Carry, Metrics]:
    """One step for each part, until one reports too large a KL; the last part's metrics."""

    def one(both: tuple[Carry, Array], part: Batch) -> tuple[tuple[Carry, Array], Metrics]:
        carry, halted, told = _descend(rule, transform, *both, part)
        return (carry, halted), told

    (carry, _), told = jax.lax.scan(one, (carry, jnp.bool_(False)), parts)
    taken = told.pop("taken")
    return carry, jax.tree.map(lambda x: x[-1], told) | {"taken": taken.mean()}


def _descend(
    rule: _Rule,
    transform: optax.GradientTransformation,
    carry: Carry,
    halted: Array,
    batch: Batch,
) -> tuple[Carry, Array, Metrics]:
    """One step of the optimiser, unless this update has halted."""
    (loss, told), gradient = _gradient(rule.method, carry.params, batch)
    change, optimizer = transform.update(gradient, carry.optimizer, carry.params)
    fails = (carry.failed < 0) & ~jnp.isfinite(loss)
    after = carry._replace(
        params=optax.apply_updates(carry.params, change),
        optimizer=optimizer,
        failed=jnp.where(fails, carry.step, carry.failed),
    )
    told = {"loss": loss} | told
    if rule.kl_stop == float("inf") or "kl" not in told:
        return after, halted, told | {"taken": jnp.ones(())}
    halted = halted | (told["kl"] > rule.kl_stop)
    after = jax.tree.map(lambda old, new: jnp.where(halted, old, new), carry, after)
    return after, halted, told | {"taken": 1.0 - halted}


def _gradient(method: Method, params: Params, batch: Batch) -> tuple[tuple[Array, Metrics], Params]:
    """((loss, metrics), gradient), summed over microbatches."""
    compute = jax.value_and_grad(method.loss, has_aux=True)
    n = method.microbatches
    if n == 1:
        return compute(params, batch)
    parts = jax.tree.map(lambda x: x.reshape(n, x.shape[0] // n, *x.shape[1:]), batch.samples)
    each = jax.lax.map(lambda part: compute(params, Batch(part, batch.shared, {})), parts)
    return jax.tree.map(lambda x: x.sum(0), each)


def _minibatches(key: Array, batch: Batch, epochs: int, minibatches: int) -> Batch:
    """Every pass over the samples in an order of its own: leaves [epochs·minibatches, N/…, …]."""
    size = jax.tree.leaves(batch.samples)[0].shape[0]
    parts = _orders(key, epochs, size).reshape(epochs * minibatches, size // minibatches)
    samples = jax.tree.map(lambda x: x[parts], batch.samples)
    shared = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(parts), *jnp.shape(x))), batch.shared)
    return Batch(samples, shared, {})


def _orders(key: Array, count: int, size: int) -> Array:
    """Random orders of 0 … size-1 [count, size].

    Sorting random numbers whose low bits are the index takes a tenth of the time of
    `jax.random.permutation`. Equal high bits leave neighbours in order, which no minibatch notices.
    """
    low = jnp.uint32((1 << (size - 1).bit_length()) - 1)
    index = jnp.arange(size, dtype=jnp.uint32)[None]
    mixed = (jax.random.bits(key, (count, size), jnp.uint32) & ~low) | index
    return (jnp.sort(mixed, axis=1) & low).astype(jnp.int32)


def _all_finite(params: Params) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
