"""Tabular PPO on corridors, any number of seeds at once: H along the run beside the optimum."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common.networks import along, exact_time, numbered, timer
from mazerl import Maze
from mazerl.exact.corridor import rlvr_optimum
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.sweep.work import Work
from mazerl.training import Training, TrainingDivergedError, TrainingWarning, train, train_seeds
from mazerl.training.critic import Sees
from mazerl.training.method import Method
from mazerl.training.ppo import TRAINING, PPOTask, Sizes, ppo, tabular_start
from mazerl.training.rlvr import rlvr_tabular
from mazerl.walk.env import Reward

Corridor = tuple[tuple[int, ...], tuple[int, ...]]
"""The depths and the lanes of a corridor's branches."""

SMALL: Corridor = (4, 4, 4, 4), (3,)
LARGE: Corridor = (6, 6, 6, 6, 6, 6), (4,)
LARGEST: Corridor = (8, 8, 8, 8, 8, 8, 8, 8), (3,)
UNEVEN: Corridor = (2, 4, 6), (2, 3, 4)


@dataclass(frozen=True)
class Config:
    """A corridor by the depths and lanes of its branches, settings, and a seed."""

    depths: tuple[int, ...]
    lanes: tuple[int, ...]
    seed: int
    steps: int = TRAINING.steps
    rate: float = TRAINING.rate
    walkers: int = Sizes().walkers
    horizon: int = Sizes().horizon
    epochs: int = Sizes().epochs
    minibatches: int = Sizes().minibatches
    critic: Sees = Sizes().critic
    gamma: float = PPOTask().gamma
    lam: float = PPOTask().lam
    entropy: float = PPOTask().entropy
    limit: int = PPOTask().limit
    inertia: float = PPOTask().inertia


HASTY: dict[str, Any] = {
    "critic": "nothing", "inertia": 1.0, "gamma": 0.99, "limit": 1000, "horizon": 128, "epochs": 4,
    "minibatches": 4, "rate": 0.05, "entropy": 0.03, "steps": 400,
}  # fmt: skip
"""A critic that sees what the policy does and follows the last update, a discount that sees 100
steps ahead, few steps an update, and large ones."""


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """One cell of `run_seeds`."""
    (end,) = run_seeds((config,), work)
    if isinstance(end, TrainingDivergedError):
        raise end
    return end


def run_seeds(
    configs: Sequence[Config], work: Work
) -> list[dict[str, np.ndarray] | TrainingDivergedError]:
    """H [records+1] along the run, its metrics [records], and the exact optimum [], each seed's.

    The configs differ in nothing but their seed.
    """
    maze, method, task, training = learner(configs[0])
    time = timer(TABULAR, maze)
    with warnings.catch_warnings():
        # The tables say from the stored metrics which runs were warned of.
        warnings.simplefilter("ignore", TrainingWarning)
        runs = train_seeds(
            method, task,
            jax.tree.map(lambda x: np.stack([x] * len(configs)), tabular_start(maze)), training,
            jnp.stack([seeded_key(config.seed) for config in configs]), keep_history=True,
            watch=work.watch("ppo", lambda params: _times(time, params)),
        )  # fmt: skip
    optimum = np.asarray(exact_optimum(configs[0].depths, configs[0].lanes))
    return [
        run
        if isinstance(run, TrainingDivergedError)
        else {"time": along(run.history, time), "optimum": optimum, **run.metrics}
        for run in runs
    ]


class Learner(NamedTuple):
    """What a config trains, but for its seed."""

    maze: Maze
    method: Method
    task: PPOTask
    training: Training


def learner(config: Config) -> Learner:
    """A corridor and PPO on it, as a config says."""
    parameters = {"depths": config.depths, "lanes": config.lanes}
    maze = numbered("asymmetric_corridor", parameters, "ordered", 0)
    sizes = Sizes(
        config.walkers, config.horizon, config.epochs, config.minibatches, config.critic
    )  # fmt: skip
    task = PPOTask(
        gamma=config.gamma, lam=config.lam, entropy=config.entropy, limit=config.limit,
        inertia=config.inertia,
    )  # fmt: skip
    training = replace(TRAINING, steps=config.steps, rate=config.rate)
    return Learner(maze, ppo(maze, sizes=sizes), task, training)


def _times(time: Callable[[Any], float], params: Any) -> np.ndarray:
    """H [S] of parameters with an axis of seeds in front."""
    seeds = len(jax.tree.leaves(params)[0])
    return np.array([time(jax.tree.map(lambda x, n=n: x[n], params)) for n in range(seeds)])


@lru_cache
def exact_optimum(depths: tuple[int, ...], lanes: tuple[int, ...]) -> float:
    """H of the best edge-state policy, by exact gradients from the uniform walk."""
    maze = numbered("asymmetric_corridor", {"depths": depths, "lanes": lanes}, "ordered", 0)
    best = train(rlvr_tabular(maze), Reward(), np.zeros(rows_of(maze).size), Training()).params
    return exact_time(TABULAR, maze, best)


def closed_form(depths: Sequence[int], lanes: Sequence[int]) -> float | None:
    """The optimum where all branches are alike; else None."""
    if len(set(depths)) == len(set(lanes)) == 1:
        return float(rlvr_optimum(len(depths), depths[0]))
    return None


def maze_name(depths: Sequence[int], lanes: Sequence[int]) -> str:
    """W=4 K=4 L=3, or the depths and lanes of branches that differ."""
    if closed_form(depths, lanes) is not None:
        return f"W={len(depths)} K={depths[0]} L={lanes[0]}"
    return f"depths {', '.join(map(str, depths))}, lanes {', '.join(map(str, lanes))}"
