"""Contrast of a base's successes with its failures over infinitely many groups, exactly.

Of N walks of a policy with success p each walk that arrives is worth A₊(K), others A₋(K), where K
of the group do. With N(e, a) how often a walk makes a move,

    m(e, a) = E[A · N(e, a)] = Ā₊ E[N 1(τ ≤ T)] + Ā₋ E[N 1(τ > T)]
    Ā₊ = E A₊(1 + K'),  Ā₋ = E A₋(K'),  K' ~ Bin(N-1, p)

and -Σ m log π is the contrastive loss at the moves of a gate. Its slope at the policy itself is
(Ā₊ - Ā₋) ∇p, the policy gradient. Walked at another temperature, m is of that walk.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from mazerl.errors import MazerlError
from mazerl.exact.horizon import follow
from mazerl.maze import Maze
from mazerl.maze.problems import require_goals
from mazerl.policy.preferences import require_seeing, row_sums
from mazerl.policy.rows import rows_of


class Made(NamedTuple):
    """How often moves are made, a walk."""

    success: np.ndarray  # [X] P(τ ≤ T)
    moves: np.ndarray  # [X, R] E[N(e, a)]
    arriving: np.ndarray  # [X, R] E[N(e, a) 1(τ ≤ T)]


def moves_made(
    maze: Maze, probabilities: np.ndarray, limit: int, goals: np.ndarray | None = None
) -> Made:
    """Count the moves of a policy with rows [R] or [X, R], to each goal, the maze's by default.

    Raises:
        MazerlError: as of `exact.horizon.follow`, or rows of another number of goals.
    """
    wanted = require_goals(maze, goals)
    p = require_seeing(maze, probabilities, len(wanted))
    success, moves, arriving = np.empty(len(p)), np.empty(p.shape), np.empty(p.shape)
    for x, goal in enumerate(wanted):
        each = moves_in_time(maze, p[x], limit, int(goal))
        success[x], moves[x], arriving[x] = each.success[0], each.moves.sum(0), each.arriving.sum(0)
    return Made(success, moves, arriving)


def moves_in_time(maze: Maze, probabilities: np.ndarray, limit: int, goal: int) -> Made:
    """The same of one problem, step by step: success [1], moves and arriving [T, R]."""
    rows, p = rows_of(maze), np.asarray(probabilities, np.float64)
    seen = follow(maze, p, limit, goal)
    here = seen.occupancy[:limit][:, rows.arrival] * p
    ahead = seen.to_go[limit - 1 :: -1][:, rows.arc]
    return Made(np.minimum(seen.law.sum(keepdims=True), 1.0), here, here * ahead)


def mean_worth(
    success: np.ndarray, right: np.ndarray, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ā₊ and Ā₋ [X], of walks worth `right` and `wrong` [N+1] where K of N arrive.

    Raises:
        MazerlError: the two are not of one length of at least 3.
    """
    if right.shape != wrong.shape or right.ndim != 1 or len(right) < 3:
        raise MazerlError(
            f"worths of shapes {right.shape} and {wrong.shape}; give both for K = 0 … N, N ≥ 2"
        )
    others = np.arange(len(right) - 1)
    law = binom.pmf(others, len(right) - 2, np.asarray(success)[:, None])
    return law @ right[1:], law @ wrong[:-1]


def contrast_moves(
    made: Made, right: np.ndarray, wrong: np.ndarray, gate: np.ndarray | None = None
) -> np.ndarray:
    """m [X, R], 0 off a gate of bool [X, R]; open everywhere by default."""
    won, lost = mean_worth(made.success, right, wrong)
    moves = won[:, None] * made.arriving + lost[:, None] * (made.moves - made.arriving)
    return moves if gate is None else np.where(gate, moves, 0.0)


def shown_rows(maze: Maze, moves: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Rows [..., R] in proportion to moves that are not negative, `otherwise` where none is made.

    What imitation of these moves ends at with free rows.
    """
    total = row_sums(maze, moves)[..., rows_of(maze).arrival]
    return np.where(total > 0, moves / np.where(total > 0, total, 1.0), otherwise)
