"""A pool with demonstrations, and what SFT, RL and mixtures of both make of it in expectation."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from experiments.rollouts.tree_training import LIMIT, Pool, pool_of
from mazerl.exact.horizon import arrival_law, success_gradient
from mazerl.exact.pools import success_of
from mazerl.maze.paths import shortest_paths
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.measure.outcome_weights import by_count, demonstrated_weights, outcome_weight
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import greedy_rows
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import advantage_of
from mazerl.walk.corpora import arrived_only
from mazerl.walk.rollouts import Walks, rollout

KNOWS, EACH = 0.7, 16
"""How often the demonstrator knows the way; demonstrations of each goal."""

_WALKED = 4096  # by the demonstrator


class Shown(NamedTuple):
    """What is to be learned, and from which demonstrations."""

    pool: Pool
    world: Prompts
    walks: Walks  # EACH a goal
    alike: Walks  # as many, of the commonest length; not every goal has some


@lru_cache
def shown_of(seed: int, problems: int) -> Shown:
    """The pool of a seed, and its demonstrations."""
    pool = pool_of(seed, problems)
    world, rows = prompts_of(pool.asked), demonstrator(pool)
    logits = join_rows(world, np.log(rows)).astype(np.float32)
    walks = arrived_only(rollout(TABULAR, logits, world, seeded_key(seed), _WALKED, LIMIT))
    goal, length = np.asarray(walks.goal), np.asarray(walks.length)
    each = [np.resize(np.flatnonzero(goal == own), EACH) for own in np.asarray(world.goals)]
    alike = np.flatnonzero(length == np.bincount(length).argmax())
    return Shown(pool, world, _take(walks, np.concatenate(each)),
                 _take(walks, np.resize(alike, EACH * problems)))  # fmt: skip


def _take(walks: Walks, which: np.ndarray) -> Walks:
    return Walks(*(np.asarray(field)[which] for field in walks))


def demonstrator(pool: Pool) -> np.ndarray:
    """Rows [X, R] of one who takes the shortest way where they know it, and else moves as the base.

    They come back from wrong ways, so that demonstrations are of unequal lengths.
    """
    maze, head = pool.asked.maze, np.asarray(pool.asked.maze.head)
    arc, told = rows_of(maze).arc, []
    for goal in pool.asked.goals:
        left = shortest_paths(replace(maze, start=np.int32(goal))).distance
        nearer = -np.array([left[int(v)] for v in head], float)[arc]
        told.append(greedy_rows(maze, row_probabilities(maze, nearer)))
    return KNOWS * np.stack(told) + (1 - KNOWS) * pool.base


def visits(shown: Shown, walks: Walks, means: bool = False) -> np.ndarray:
    """Mean visits [X, R] a demonstration, times the number of problems; of mean weight 1 a token.

    `means`: each walk counts alike, as in microbatches of one walk, not each token.
    """
    layout, length = rows_of(shown.world), np.asarray(walks.length)
    real = np.arange(walks.port.shape[1]) < length[:, None]
    each = np.broadcast_to((length.mean() / length if means else np.ones(len(length)))[:, None],
                           real.shape)  # fmt: skip
    entry = layout.start[np.asarray(walks.arc)[:, :-1][real]] + np.asarray(walks.port)[real]
    moved = np.bincount(entry, each[real], layout.size) / len(length)
    return len(shown.pool.asked) * separate_rows(shown.world, moved)


@dataclass(frozen=True)
class Plan:
    """What is done in expectation, by plain steps."""

    budget: int  # steps of the environment
    groups: int  # an update
    group: int  # walks of one
    sft_rate: float = 0.0
    sft_updates: int = 0  # before RL
    rl_rate: float = 0.0  # 0: no RL follows
    weight: float = 0.0  # λ of imitation
    in_turn: bool = False  # imitation has an update of its own after each of RL
    among: bool = False  # a demonstration stands in each group
    means: bool = False  # imitation is by means of microbatches of one walk
    scale: float = 1.0  # of the gradient of imitation


def expected_success(shown: Shown, plan: Plan, walks: Walks) -> float:
    """Mean p after plain steps on expected updates, to which walks and demonstrations are samples.

    A mean over tokens is taken to be the mean of sums over that of tokens.
    """
    asked, moved = shown.pool.asked, visits(shown, walks, plan.means)
    length, logits = float(np.mean(walks.length)), np.tile(np.log(shown.pool.base), (len(asked), 1))

    def copied() -> np.ndarray:
        return plan.scale * _scored(shown, moved, logits) / length

    for _ in range(plan.sft_updates):
        logits = logits + plan.sft_rate / len(asked) * copied()
    rate, spent = plan.rl_rate / len(asked), 0.0
    while plan.rl_rate:
        ascent, used = _reinforced(shown, plan, logits, moved, length)
        if spent + used / 2 > plan.budget:
            break
        spent += used
        if plan.weight and not plan.in_turn:
            ascent = ascent + plan.weight * copied()
        logits = logits + rate * ascent
        if plan.in_turn:
            logits = logits + rate * plan.weight * copied()
    return float(success_of(asked, _probabilities(shown, logits)).mean())


def _reinforced(
    shown: Shown, plan: Plan, logits: np.ndarray, moved: np.ndarray, length: float
) -> tuple[np.ndarray, float]:
    """The mean update of each problem [X, R], by token; steps of an update."""
    asked, p = shown.pool.asked, _probabilities(shown, logits)
    worth = by_count(advantage_of("spread", plan.group), plan.group)
    found = success_gradient(asked.maze, p, asked.limit, asked.goals)
    success = np.clip(found.success, 1e-12, 1 - 1e-12)
    law = np.cumsum(arrival_law(asked.maze, p, asked.limit, asked.goals), axis=1)
    mean, own = float((1 - law[:, :-1]).sum(1).mean()), plan.group - plan.among
    steps = plan.groups * own * mean
    if not plan.among:
        return outcome_weight(worth, success)[:, None] * found.logits / mean, steps
    weights = demonstrated_weights(worth, success)
    ascent = weights.own[:, None] * found.logits
    ascent = ascent + weights.shown[:, None] * _scored(shown, moved, logits)
    return ascent / ((own * mean + length) / plan.group), steps


def _probabilities(shown: Shown, logits: np.ndarray) -> np.ndarray:
    maze = shown.pool.asked.maze
    return np.stack([row_probabilities(maze, each) for each in logits])


def _scored(shown: Shown, moved: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Visits times ∇log π [X, R]."""
    arrival = rows_of(shown.pool.asked.maze).arrival
    total = np.stack([np.bincount(arrival, each)[arrival] for each in moved])
    return moved - _probabilities(shown, logits) * total
