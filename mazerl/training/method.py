"""What a training method is: where its batches come from, its loss, and how to update."""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl.errors import MazerlError, require_number, require_whole
from mazerl.maze import Array

World = Any
Task = Any
Params = Any
State = Any
Metrics = dict[str, Any]  # of one record, [] each
Columns = dict[str, np.ndarray]  # of all records so far, [records] each

OnCollapse = Literal["warn", "stop", "back"]
"""Of a run that a method warns of: say so, or end it, or go back to its best record and on from
there at half the rate."""


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
    on_collapse: OnCollapse = "warn"


class Monitor(NamedTuple):
    """What watches a run between its records, on the host."""

    # parameters → what their walks will take, which every record tells, [] each; {} if unknown
    clock: Callable[[Params], Metrics] = lambda params: {}
    # (metrics, the training) → what has gone wrong, told once; None as long as nothing has
    warning: Callable[[Columns, Training], str | None] = lambda metrics, training: None
    # metrics of a record → how good it was: the best record is gone back to
    merit: Callable[[Metrics], float] = lambda metrics: 0.0


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
    # share of the run that is done → what the rate is multiplied by; 1 where there is none
    schedule: Callable[[Array], Array] | None = None
    monitor: Callable[[World], Monitor] = lambda world: Monitor()
    world: World = None


def the_task(
    world: World, task: Task, params: Params, walked: Any, key: Array, share: Array
) -> Batch:
    """Collect nothing: an exact method learns from its task as it is."""
    del world, params, walked, key, share
    return Batch((), task, {})


def require_valid(training: Training) -> None:
    """Raise a MazerlError for steps below 1, or what is not positive or not known."""
    steps = require_whole("the number of steps", training.steps)
    every = require_whole("record_every", training.record_every)
    if steps % every:
        raise MazerlError(f"record_every is {every}; give a divisor of the {steps} steps")
    require_number("the rate", training.rate, 0.0, above=True)
    for name, value in (
        ("max_norm", training.max_norm),
        ("kl_stop", training.kl_stop),
    ):
        if not value > 0:
            raise MazerlError(f"{name} is {value}; give a positive number")
    if training.on_collapse not in get_args(OnCollapse):
        raise MazerlError(
            f"on_collapse is {training.on_collapse!r}; give {', '.join(get_args(OnCollapse))}"
        )


def optimizer_of(name: str) -> Callable[[Any], optax.GradientTransformation]:
    """Learning rate → gradient transformation, by a name of optax's.

    Raises:
        MazerlError: the name is unknown.
    """
    if _works(name):
        factory: Callable[[Any], optax.GradientTransformation] = getattr(optax, name)
        return factory
    known = ", ".join(other for other in dir(optax) if _works(other))
    raise MazerlError(f"{name!r} is no optimiser of optax that works here; known: {known}")


def _works(name: str) -> bool:
    """Whether a rate and gradients are all that an optimiser needs, and its state arrays alone."""
    factory = getattr(optax, name, None)
    if not inspect.isfunction(factory) or name.startswith("scale_by"):
        return False
    if "learning_rate" not in inspect.signature(factory).parameters:
        return False

    def once(weight: Array) -> tuple[Any, Any]:
        rule = factory(0.1)
        before = rule.init(weight)
        return before, rule.update(weight, before, weight)[1]

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before, after = jax.eval_shape(once, jnp.ones(2))
    except (TypeError, ValueError):
        return False
    typed = any(jnp.issubdtype(x.dtype, jax.dtypes.extended) for x in jax.tree.leaves(before))
    return not typed and before == after
