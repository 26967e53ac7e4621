"""What a KL to the base pulls by k1, k2, k3, in the loss or the reward, and where it leads."""

from functools import cache
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common.expected_updates import Task, Worth, expect, scored
from mazerl.maze import Array
from mazerl.training.reference import Estimator, Place, divergence

PLACES: tuple[tuple[Estimator, Place], ...] = tuple(
    (kl, place) for place in get_args(Place) for kl in get_args(Estimator)
)
"""The loss's k1, k2, k3, then the reward's."""

OPTIMUM = PLACES.index(("k1", "reward"))
"""Its expected update is the gradient of p - β KL."""

_FLOOR = -40.0


@cache
def _estimated() -> Any:
    """(value, slope) of the estimators that columns want, given log-probabilities [R, X]."""

    def chosen(now: Array, base: Array, which: Array) -> tuple[Array, Array]:
        def value(now: Array) -> Array:
            each = [divergence(kl, now, base) for kl in get_args(Estimator)]
            return jnp.select([which == n for n in range(len(each))], each)

        return jax.jvp(value, (now,), (jnp.ones_like(now),))

    return jax.jit(chosen)


def penalties(now: np.ndarray, base: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The estimators of columns [X] that are of `PLACES`: values and slopes [R, X] of each move."""
    with jax.enable_x64(True):
        value, slope = _estimated()(now, base, kind[None] % len(get_args(Estimator)))
    return np.asarray(value), np.asarray(slope)


def expected_update(
    task: Task, now: np.ndarray, base: np.ndarray, kind: np.ndarray, beta: np.ndarray,
    success: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """What GRPO's switches move on average [R, X], by logits, and visits of each entry [R, X].

    Advantages are unbiased (RLOO), and sums are divided by a constant. In the reward an estimator
    is a number that is paid; in the loss it is differentiated where the walks went.
    """
    p, (value, slope) = np.exp(now), penalties(now, base, kind)
    in_loss = np.asarray([PLACES[k][1] == "loss" for k in kind])
    paid = expect(task, p, Worth(np.where(in_loss, 0.0, -beta * value), success))
    visits = paid.visits[task.arrival]
    pull = np.where(in_loss, beta * visits * p * slope, 0.0)
    return scored(task, paid.moves - pull, p), visits


def objective(task: Task, now: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and the KL of whole walks from the base in nats, exactly: [X] each."""
    p = np.exp(now)
    return (
        expect(task, p, Worth()).worth,
        expect(task, p, Worth(now - base, 0.0)).worth,
    )


def ascend(
    task: Task, start: np.ndarray, base: np.ndarray, kind: np.ndarray, beta: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Expected updates until nothing moves: log-probabilities [R, X], and the last step [X].

    Steps are natural (Kakade 2001), which leaves where they vanish as it is. A move whose
    probability falls to e⁻⁴⁰ is held there.
    """
    now, last = start, np.zeros(len(beta))
    free = (beta == 0) | (kind == PLACES.index(("k1", "loss")))
    most = np.where(kind == OPTIMUM, 2.0, 0.7)
    rate = np.where(free, 0.7, np.minimum(most, 0.1 / np.maximum(beta, 0.05)))
    for _ in range(steps):
        update, visits = expected_update(task, now, base, kind, beta)
        weight = visits * np.exp(now)
        step = np.divide(update, weight, out=np.zeros_like(update), where=weight > 0)
        moved = task.log_softmax(np.maximum(now + rate * np.clip(step, -5, 5), _FLOOR))
        last, now = np.abs(moved - now).max(0), moved
    return now, last


def tilted(task: Task, base: np.ndarray, beta: float) -> float:
    """The best p - β KL of policies that know the time, step by step from the last."""
    value = task.there.astype(float)
    p = np.exp(base[:, 0])
    for _ in range(task.limit):
        ahead = value[task.arc] / beta
        most = ahead.max()
        value = beta * (most + np.log(np.maximum(task.of_row @ (p * np.exp(ahead - most)), 1e-300)))
        value = np.where(task.there, 1.0, value)
    return float(value[-1])
