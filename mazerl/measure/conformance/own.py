"""The library's own PPO, as an adapter."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from mazerl.bridges.conformance import Learned, Rollout, Task
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.training import ppo
from mazerl.training.ends import Progress, TrainingDivergedError
from mazerl.training.loop import Watch, train
from mazerl.training.method import Batch, Method, Monitor, Training, World
from mazerl.training.objectives import generalized_advantages

# Samples that what the critic knows counts for: its noise is that of so many.
_INERTIA = 300.0


class _Last:
    """Keeps the last progress, in which the critic's values are; goes on from nothing."""

    progress: Progress

    def restore(self, fresh: Progress) -> Progress:
        return fresh

    def save(self, progress: Progress) -> None:
        self.progress = progress


def own_ppo(task: Task) -> Learned:
    """What it learns; NaN where training is no longer finite."""
    maze, s = task.maze, task.settings
    sizes = ppo.Sizes(s.walkers, s.horizon, s.epochs, s.minibatches)
    method = ppo.ppo(maze, sizes=sizes)
    told = ppo.PPOTask(task.reward, s.gamma, s.lam, s.clip, s.entropy, task.limit, inertia=_INERTIA)
    training = Training(s.updates, "adam", s.rate, record_every=1, max_norm=s.max_norm)
    kept = _Last()
    rows = np.full((task.observations, task.actions), 1 / task.actions)
    try:
        run = train(
            _bare(method), told, ppo.tabular_start(maze), training, seeded_key(s.seed),
            watch=Watch(checkpoints=kept),
        )  # fmt: skip
    except TrainingDivergedError:
        return np.full(task.observations, np.nan), rows
    entries = rows_of(maze)
    rows[np.unique(entries.arrival)] = 0.0
    port = np.arange(entries.size) - entries.start[entries.arrival]
    rows[entries.arrival, port] = row_probabilities(maze, run.params)
    return np.asarray(kept.progress.carry.state.values, np.float64).reshape(-1), rows


def _bare(method: Method) -> Method:
    """Without what watches a run, and with an entropy bonus that does not fall."""
    return replace(method, collect=_steady(method.collect), monitor=_unwatched)


def _unwatched(world: World) -> Monitor:
    del world
    return Monitor()


@lru_cache
def _steady(collect: Callable[..., Batch]) -> Callable[..., Batch]:
    """The same function for each, so that it is compiled once."""

    def steadily(*given: Any) -> Batch:
        *others, share = given
        return collect(*others, 0.0 * share)

    return steadily


def own_advantages(rollout: Rollout) -> np.ndarray:
    """Its advantages [T, B], with a closing row after every time-out, as its walks have them."""
    found, cut_off = np.zeros_like(rollout.reward), rollout.truncated & ~rollout.terminated
    for b in range(rollout.reward.shape[1]):
        after = np.flatnonzero(cut_off[:, b]) + 1
        beyond = rollout.onward[after - 1, b]
        value = np.append(np.insert(rollout.value[:, b], after, beyond), rollout.fresh[-1, b])
        advantage = generalized_advantages(
            np.insert(rollout.reward[:, b], after, 0.0)[:, None],
            value[:, None],
            np.insert(rollout.terminated[:, b], after, False)[:, None],
            (closing := np.insert(np.zeros(len(found), bool), after, True))[:, None],
            rollout.gamma,
            rollout.lam,
        )
        found[:, b] = np.asarray(advantage)[~closing, 0]
    return found
