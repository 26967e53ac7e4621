"""What all trainers share: the jitted update loop, the optimiser, records and the guard.

for each of `steps` updates:
    batch  = method.collect(params, sub-key of this update)
    params = params + optimiser(∇ method.loss(params, batch))
    record method.observe(params)
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
Batch = Any

# The run goes to the device in this many pieces, between which progress is told and checked.
_PIECES = 10


@dataclass(frozen=True)
class Training:
    """How to update: any optax optimiser that takes a learning rate, by name."""

    steps: int = 1200
    optimizer: str = "sign_sgd"
    rate: float = 0.01


@dataclass(frozen=True)
class Method:
    """How to learn; a method adds one file that makes one of these.

    The task is the pytree of what differs between runs of one method: rewards, visits, sizes. It is
    traced, so that all tasks of one shape share a compilation.
    """

    collect: Callable[[Task, Params, Array], Batch]  # (task, params, key) → batch
    loss: Callable[[Params, Batch], Array]  # (params, batch) → []
    exact: bool = False  # float64 throughout, because the loss is computed exactly


def the_task(task: Task, params: Params, key: Array) -> Batch:
    """Collect nothing: the batch of an exact method is its task."""
    del params, key
    return task


class Run(NamedTuple):
    """A finished training run, on the host."""

    params: Params
    loss: np.ndarray  # [steps] before each update
    history: Params  # parameters [steps+1, ...] from the starting model on; None if not kept


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
    step: Array


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
        keep_history: return the parameters after every update as well.
        progress: called with the number of updates done, now and then.

    Raises:
        MazerlError: steps below 1, an unknown optimiser, a rate that is not positive.
        TrainingDivergedError: the loss or the parameters are no longer finite.
    """
    require_whole("the number of steps", training.steps)
    if not training.rate > 0:
        raise MazerlError(f"the rate is {training.rate}; give a positive number")
    optimizer = _optimizer(training.optimizer)
    key = jax.random.key(0) if key is None else key
    with jax.enable_x64(method.exact):
        dtype = jnp.float64 if method.exact else jnp.float32
        task, params = jax.tree.map(lambda x: _cast(x, dtype), (task, params))
        carry = _Carry(params, optimizer(training.rate).init(params), jnp.int32(0))
        losses, history = [], [jax.tree.map(lambda x: np.asarray(x)[None], params)]
        good = carry.params
        piece = -(-training.steps // _PIECES)
        for begin in range(0, training.steps, piece):
            length = min(piece, training.steps - begin)
            after, (loss, seen) = _updates(
                method, optimizer, length, keep_history, training.rate, key, task, carry
            )
            loss = np.asarray(loss)
            if np.isfinite(loss[0]):
                good = carry.params  # good are parameters whose own loss is finite
            if not (np.isfinite(loss).all() and _all_finite(after.params)):
                bad = np.flatnonzero(~np.isfinite(loss))
                step = begin + (int(bad[0]) if len(bad) else length)
                raise TrainingDivergedError(step, jax.tree.map(np.asarray, good))
            carry = after
            losses.append(loss)
            history.append(jax.tree.map(np.asarray, seen))
            if progress is not None:
                progress(begin + length)
        return Run(
            params=jax.tree.map(np.asarray, carry.params),
            loss=np.concatenate(losses),
            history=jax.tree.map(lambda *parts: np.concatenate(parts), *history)
            if keep_history
            else None,
        )


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


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _updates(
    method: Method,
    optimizer: Callable[[Any], optax.GradientTransformation],
    length: int,
    keep_history: bool,
    rate: Array,
    key: Array,
    task: Task,
    carry: _Carry,
) -> tuple[_Carry, tuple[Array, Params]]:
    transform = optimizer(rate)

    def update(carry: _Carry, _: None) -> tuple[_Carry, tuple[Array, Params]]:
        batch = method.collect(task, carry.params, jax.random.fold_in(key, carry.step))
        loss, gradient = jax.value_and_grad(method.loss)(carry.params, batch)
        change, state = transform.update(gradient, carry.optimizer, carry.params)
        params = optax.apply_updates(carry.params, change)
        return _Carry(params, state, carry.step + 1), (loss, params if keep_history else None)

    return jax.lax.scan(update, carry, None, length)


def _all_finite(params: Params) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
