"""What a training method is: where its batches come from, its loss, and how to update."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mazerl.maze import Array

World = Any
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

    The world is what is walked on, and the task the pytree of what else differs between runs of one
    method: rewards, visits, sizes. Both are traced, so that all of one shape share a compilation;
    for that the functions are made once for each choice of what is static.
    """

    # (world, task, params, what was walked, key, share of the run that is done) → batch
    collect: Callable[[World, Task, Params, Any, Array, Array], Batch]
    # (world, params, batch) → (loss [], what else it has to tell, [] each)
    loss: Callable[[World, Params, Batch], tuple[Array, Metrics]]
    # (world, task, key) → what walking carries on
    begin: Callable[[World, Task, Array], State] = lambda world, task, key: ()
    # (world, task, params, state, key) → (what was walked, state)
    walk: Callable[[World, Task, Params, State, Array], tuple[Any, State]] = (
        lambda world, task, params, state, key: ((), state)
    )
    epochs: int = 1
    minibatches: int = 1  # divides the number of samples in a batch
    microbatches: int = 1  # divides a minibatch; for losses whose parts add up to the whole
    exact: bool = False  # float64 throughout, because the loss is computed exactly
    # (metrics [records] so far, updates a record) → what has gone wrong; told once, as a warning
    warning: Callable[[dict[str, np.ndarray], int], str | None] = lambda metrics, every: None
    world: World = None


def the_task(
    world: World, task: Task, params: Params, walked: Any, key: Array, share: Array
) -> Batch:
    """Collect nothing: an exact method learns from its task as it is."""
    del world, params, walked, key, share
    return Batch((), task, {})
