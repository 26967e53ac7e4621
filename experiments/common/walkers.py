"""Walking otherwise than the policy would: colder, hotter, by chance, greedily, from the top.

A walker turns log-probabilities [R, X] into the probabilities [R, X] that walks are drawn from.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.common.expected_updates import Task

Walker = Callable[[Task, np.ndarray], np.ndarray]


def at_temperature(temperature: float, task: Task, now: np.ndarray) -> np.ndarray:
    """Logits divided by a temperature."""
    return np.exp(task.log_softmax(now / temperature))


def mixed(share: float, task: Task, now: np.ndarray) -> np.ndarray:
    """A share of all moves is drawn from all ports alike."""
    return (1 - share) * np.exp(now) + share * _alike(task)


def greedy(share: float, task: Task, now: np.ndarray) -> np.ndarray:
    """The likeliest port, the first of them, but for a share drawn from all ports alike."""
    return (1 - share) * (_ranks(task, now) == 0) + share * _alike(task)


def nucleus(mass: float, task: Task, now: np.ndarray) -> np.ndarray:
    """The fewest likeliest ports whose probabilities reach `mass` (Holtzman et al. 2020)."""
    p, ranks = np.exp(now), _ranks(task, now)
    kept = np.zeros_like(p)
    for rank in range(int(task.of_row.sum(1).max())):
        before = (task.of_row @ np.where(ranks < rank, p, 0.0))[task.arrival]
        kept = np.where((ranks == rank) & (before < mass), p, kept)
    return np.asarray(kept / (task.of_row @ kept)[task.arrival])


WALKERS: dict[str, Walker] = {
    "as scored": partial(at_temperature, 1.0),
    "temperature 0.5": partial(at_temperature, 0.5),
    "temperature 0.7": partial(at_temperature, 0.7),
    "temperature 1.5": partial(at_temperature, 1.5),
    "mixed 0.1": partial(mixed, 0.1),
    "ε-greedy 0.3": partial(greedy, 0.3),
    "top-p 0.9": partial(nucleus, 0.9),
    "top-p 0.7": partial(nucleus, 0.7),
}


def _alike(task: Task) -> np.ndarray:
    return (1 / task.of_row.sum(1)[task.arrival])[:, None]


def _ranks(task: Task, now: np.ndarray) -> np.ndarray:
    """How many ports of the same row are likelier, or as likely and before it [R, X]."""
    ranks = np.zeros(now.shape, int)
    for begin, end in task.rows():
        # Stable in both sorts, so that ranks are a permutation.
        order = np.argsort(-now[begin:end], axis=0, kind="stable")
        ranks[begin:end] = np.argsort(order, axis=0, kind="stable")
    return ranks
