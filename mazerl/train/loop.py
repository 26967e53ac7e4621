"""What all trainers share: the jitted update loop, the optimiser, records and the guard.

state = method.begin(task, sub-key)
for each of `steps` updates:
    batch, state = method.collect(task, params, state, sub-key of this update, share done)
    for each of `epochs` passes over the batch, for each of its `minibatches` parts:
        params = params + optimiser(∇ method.loss(params, part))
    every `record_every` updates: record the loss and, if asked for, the parameters
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array

Task = Any
Params = Any
State = Any

# The run is dispatched in about this many pieces; between them progress is told and checked.
_PIECES = 10
# Named sub-keys: update n takes fold-in n of the run's key, and shuffles by a fold-in of its own.
_BEGIN_KEY, _SHUFFLE_KEY = 0xFFFFFFFF, 0xFFFFFFFE


class Batch(NamedTuple):
    """What one update learns from."""

    samples: Any  # pytree of [N, ...], which minibatches divide
    shared: Any  # pytree that every minibatch sees whole


@dataclass(frozen=True)
class Training:
    """How to update: any optax optimiser that takes a learning rate, by name."""

    steps: int = 1200
    optimizer: str = "sign_sgd"
    rate: float = 0.01
    record_every: int = 10  # updates; divides `steps`
    max_norm: float = float("inf")  # gradients of larger global norm are scaled down to it


@dataclass(frozen=True)
class Method:
    """How to learn; a method adds one file that makes one of these.

    The task is the pytree of what differs between runs of one method: rewards, visits, sizes. It is
    traced, so that all tasks of one shape share a compilation.
    """

    # (task, params, state, key, share of the run that is done) → (batch, state)
    collect: Callable[[Task, Params, State, Array, Array], tuple[Batch, State]]
    loss: Callable[[Params, Batch], Array]  # (params, batch) → []
    begin: Callable[[Task, Array], State] = lambda task, key: ()  # what collecting carries on
    epochs: int = 1
    minibatches: int = 1  # divides the number of samples in a batch
    exact: bool = False  # float64 throughout, because the loss is computed exactly


def the_task(
    task: Task, params: Params, state: State, key: Array, share: Array
) -> tuple[Batch, State]:
    """Collect nothing: an exact method learns from its task as it is."""
    del params, key, share
    return Batch((), task), state


class Run(NamedTuple):
    """A finished training run, on the host."""

    params: Params
    loss: np.ndarray  # [records] of the last batch before each record
    history: Params  # [records+1, ...] parameters from the starting model on; None if not kept


class TrainingDivergedError(MazerlError):
    """A loss or parameter stopped being finite; `params` are the last good ones."""

    def __init__(self, step: int, params: Params) -> None:
        super().__init__(
            f"training diverged: loss or parameters not finite by update {step}; lower the rate"
        )
        self.step = step
        self.params = params


class _Carry(NamedTuple):
    params: Params
    optimizer: Any
    state: State
    step: Array  # [] updates done
    loss: Array  # [] of the last update's batch
    failed: Array  # [] first update whose loss was not finite; -1 if none


def train(
    method: Method,
    task: Task,
    params: Params,
    training: Training,
    key: Array | None = None,
    keep_history: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Run all updates.

    Args:
        method: the objective and where its batches come from.
        task: what the method learns from.
        params: the starting model.
        training: steps, optimiser and rate.
        key: one key for the whole run; methods that sample need it.
        keep_history: return the parameters at every record as well.
        progress: called with the number of updates done, now and then.

    Raises:
        MazerlError: steps below 1, an unknown optimiser, a rate that is not positive.
        TrainingDivergedError: the loss or the parameters are no longer finite.
    """
    _check(training)
    optimizer = _optimizer(training.optimizer)
    rule = _Rule(method, optimizer, training.max_norm)
    key = jax.random.key(0) if key is None else key
    every = training.record_every
    records = training.steps // every
    with jax.enable_x64(method.exact):
        dtype = jnp.float64 if method.exact else jnp.float32
        task, params = jax.tree.map(lambda x: _cast(x, dtype), (task, params))
        carry = _Carry(
            params=params,
            optimizer=rule.transform(training.rate).init(params),
            state=method.begin(task, jax.random.fold_in(key, _BEGIN_KEY)),
            step=jnp.int32(0),
            loss=jnp.zeros((), dtype),
            failed=jnp.int32(-1),
        )
        losses, history = [], [jax.tree.map(lambda x: np.asarray(x)[None], params)]
        good = params
        piece = -(-records // _PIECES)
        for begin in range(0, records, piece):
            length = min(piece, records - begin)
            sizes = (length, every, keep_history)
            after, (loss, seen) = _updates(
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
            losses.append(np.asarray(loss))
            history.append(jax.tree.map(np.asarray, seen))
            if progress is not None:
                progress((begin + length) * every)
        return Run(
            params=jax.tree.map(np.asarray, carry.params),
            loss=np.concatenate(losses),
            history=jax.tree.map(lambda *parts: np.concatenate(parts), *history)
            if keep_history
            else None,
        )


def _check(training: Training) -> None:
    steps = require_whole("the number of steps", training.steps)
    every = require_whole("record_every", training.record_every)
    if steps % every:
        raise MazerlError(f"record_every is {every}; give a divisor of the {steps} steps")
    if not training.rate > 0:
        raise MazerlError(f"the rate is {training.rate}; give a positive number")
    if not training.max_norm > 0:
        raise MazerlError(f"max_norm is {training.max_norm}; give a positive number")


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


@partial(jax.jit, static_argnums=(0, 1))
def _updates(
    rule: "_Rule",
    sizes: tuple[int, int, bool],
    rate: Array,
    steps: Array,
    key: Array,
    task: Task,
    carry: _Carry,
) -> tuple[_Carry, tuple[Array, Params]]:
    """Some records of some updates each: sizes are (records, updates a record, keep history)."""
    records, every, keep_history = sizes
    method, transform = rule.method, rule.transform(rate)

    def descend(carry: _Carry, batch: Batch) -> _Carry:
        loss, gradient = jax.value_and_grad(method.loss)(carry.params, batch)
        change, state = transform.update(gradient, carry.optimizer, carry.params)
        fails = (carry.failed < 0) & ~jnp.isfinite(loss)
        return carry._replace(
            params=optax.apply_updates(carry.params, change),
            optimizer=state,
            loss=loss,
            failed=jnp.where(fails, carry.step, carry.failed),
        )

    def update(_: Array, carry: _Carry) -> _Carry:
        sub_key = jax.random.fold_in(key, carry.step)
        share = carry.step / steps
        batch, state = method.collect(task, carry.params, carry.state, sub_key, share)
        carry = carry._replace(state=state)
        if method.epochs == method.minibatches == 1:
            carry = descend(carry, batch)
        else:
            shuffle = jax.random.fold_in(sub_key, _SHUFFLE_KEY)
            parts = _minibatches(shuffle, batch, method.epochs, method.minibatches)
            carry, _unused = jax.lax.scan(lambda c, part: (descend(c, part), None), carry, parts)
        return carry._replace(step=carry.step + 1)

    def record(carry: _Carry, _: None) -> tuple[_Carry, tuple[Array, Params]]:
        carry = jax.lax.fori_loop(0, every, update, carry)
        return carry, (carry.loss, carry.params if keep_history else None)

    return jax.lax.scan(record, carry, None, records)


@dataclass(frozen=True)
class _Rule:
    """What of an update is static."""

    method: Method
    optimizer: Callable[[Any], optax.GradientTransformation]
    max_norm: float

    def transform(self, rate: Array) -> optax.GradientTransformation:
        """The gradient transformation at a learning rate, which may be traced."""
        if self.max_norm == float("inf"):
            return self.optimizer(rate)
        return optax.chain(optax.clip_by_global_norm(self.max_norm), self.optimizer(rate))


def _minibatches(key: Array, batch: Batch, epochs: int, minibatches: int) -> Batch:
    """Every pass over the samples in an order of its own: leaves [epochs·minibatches, N/…, …]."""
    size = jax.tree.leaves(batch.samples)[0].shape[0]
    orders = jax.vmap(lambda k: jax.random.permutation(k, size))(jax.random.split(key, epochs))
    parts = orders.reshape(epochs * minibatches, size // minibatches)
    samples = jax.tree.map(lambda x: x[parts], batch.samples)
    shared = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(parts), *jnp.shape(x))), batch.shared)
    return Batch(samples, shared)


def _all_finite(params: Params) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
