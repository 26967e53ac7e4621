"""Mixtures of two policies by a set S of places, and p along sizes of S."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mazerl.exact.chain import plan_chain
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.measure.edits import Differences, Visits
from mazerl.policy.patched import gate, patched

SHARES = np.geomspace(0.02, 1.0, 20)
"""Of the base's tokens that are decisions, in S."""


def success(maze: Maze, rows: Sequence[np.ndarray], limit: int) -> np.ndarray:
    """Mean p of each policy's rows [X, R]: P(τ ≤ T), mean over the maze's goals."""
    plan = plan_chain(maze)
    laws = (arrival_law(maze, each, limit, plan=plan) for each in rows)
    return np.asarray([law.sum(1).mean() for law in laws])


def scores(found: Differences, base: Visits) -> dict[str, np.ndarray]:
    """Ways to rank places [X, A+1] that need the two policies, or the base and exact values."""
    per_visit = base.pivotality / np.where(base.occupancy > 0, base.occupancy, 1.0)
    return {
        "kl": found.kl, "entropy": found.entropy, "pivotality": base.pivotality,
        "per_visit": per_visit,
    }  # fmt: skip


def sets(
    ranked: np.ndarray, weight: np.ndarray, among: np.ndarray, shares: np.ndarray = SHARES
) -> list[np.ndarray]:
    """S of the highest scores, one of each share of the weight of places that may be chosen."""
    return [gate(ranked, weight, float(share), among) for share in shares]


def curve(
    maze: Maze,
    policies: tuple[np.ndarray, np.ndarray],
    limit: int,
    occupancy: np.ndarray,
    places: Sequence[np.ndarray],
) -> np.ndarray:
    """Of each S: its share of the base's tokens, p of π_S, p of its converse [size, 3].

    Args:
        maze: its goals are the X problems.
        policies: rows [X, R] of the base, and of the teacher.
        limit: T.
        occupancy: the base's, [X, A+1].
        places: sets S, each bool [X, A+1].
    """
    base, teacher = policies
    patch = partial(patched, maze)
    enough = success(maze, [patch(base, teacher, each) for each in places], limit)
    needed = success(maze, [patch(teacher, base, each) for each in places], limit)
    share = [occupancy[each].sum() / occupancy.sum() for each in places]
    return np.stack([share, enough, needed], 1)
