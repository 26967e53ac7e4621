"""What a training method is: where its batches come from, its loss, and how to update."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mazerl.maze import Array

Task = Any
Params = Any
State = Any
Metrics = dict[str, Any]


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
