"""P(τ ≤ T) however long the limit.

Short limits are stepped through; long ones are doubled: the chain of 2T steps is the square of that
of T steps. Nothing is subtracted: what has arrived is a state of the chain.
"""

import numpy as np
from scipy.sparse import csr_array

from mazerl.errors import MazerlError, require_limit
from mazerl.exact.chain import ChainPlan, move_probabilities, plan_chain
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows

STEP_RATE = 2e8
"""Moves a second, at least, by which a chain is stepped through, goals times moves each."""

_SQUARE_RATE = 2e10  # operations of dense products
_MOST_SECONDS = 60.0


class LimitTooLongError(MazerlError):
    """A time limit that a chain cannot be followed up to in a minute."""


def success_within(
    maze: Maze, probabilities: np.ndarray, limit: int, plan: ChainPlan | None = None
) -> np.ndarray:
    """P(arrive within `limit` steps) for each goal [G], of row probabilities [R].

    Raises:
        MazerlError: the limit is no whole number from 1 to 2³¹ - 1.
        LimitTooLongError: it is too long to be followed.
    """
    plan = plan or plan_chain(maze)
    if not _is_better_doubled(maze, limit, plan):
        found = arrival_law(maze, probabilities, limit, plan=plan).sum(1)
    else:
        moves, n = plan.moves, plan.moves.num_states
        p = move_probabilities(plan, require_rows(maze, probabilities))
        onward = csr_array((p, (moves.target, moves.source)), shape=(n, n)).toarray()
        here, start = np.asarray(maze.head)[:, None] == np.asarray(maze.goals), moves.state_of[-1]
        absorbing = np.zeros((n, maze.num_goals), bool)
        absorbing[moves.state_of[:-1]] = here
        found = np.asarray([_doubled(onward, goal, int(start), limit) for goal in absorbing.T])
    # Sums of probabilities may pass 1 by a rounding.
    return np.minimum(found, 1.0)


def _is_better_doubled(maze: Maze, limit: int, plan: ChainPlan) -> bool:
    require_limit("the time limit", limit)
    n, entries = plan.moves.num_states, len(plan.moves.source)
    stepping = maze.num_goals * float(entries) * limit / STEP_RATE
    doubling = maze.num_goals * 2.0 * (n + 1) ** 3 * np.log2(limit + 1) / _SQUARE_RATE
    if min(stepping, doubling) > _MOST_SECONDS:
        most = int(_MOST_SECONDS * STEP_RATE / entries / maze.num_goals)
        raise LimitTooLongError(
            f"a time limit of {limit} steps cannot be followed through {n} states to "
            f"{maze.num_goals} goals; give at most {most}"
        )
    return doubling < stepping


def _doubled(onward: np.ndarray, absorbing: np.ndarray, start: int, limit: int) -> float:
    n = len(absorbing)
    power = np.zeros((n + 1, n + 1))  # [to, from]; the last state has arrived
    power[:n, :n] = onward
    power[n, :n] = power[:n][absorbing, :n].sum(0)
    power[:n][absorbing] = 0.0
    power[n, n] = 1.0
    rest, mass = limit, np.zeros(n + 1)
    mass[start] = 1.0
    while rest:
        if rest & 1:
            mass = power @ mass
        rest >>= 1
        if rest:
            power = power @ power
    return float(mass[n])
