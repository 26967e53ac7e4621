"""Pools: problems chosen by how likely a base model is to solve them.

The goals of a maze are mostly very hard, so that a pool on which methods differ has to be chosen:
some problems out of reach, some open, some solved already.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.exact.horizon import arrival_law
from mazerl.exact.long_limits import STEP_RATE
from mazerl.maze.problems import ProblemSet
from mazerl.policy.rows import require_rows_of, rows_of

EDGES = (0.0, 1 / 256, 1 / 64, 0.2, 0.8, 1.0)
"""Strata of p: out of reach, very hard, hard, open, easy; each holds its upper edge."""

SHARES = (0.05, 0.15, 0.45, 0.23, 0.12)
"""Of the strata in a pool, where nothing else is asked for."""


class Stratum(NamedTuple):
    """Problems whose p is above `low` and up to `high`."""

    low: float
    high: float
    problems: int


# A step of a chain however small costs as much as so many moves.
_LEAST_MOVES = 4000
# Of arrival laws, which are held of some problems at a time: entries, and seconds in all.
_MOST_ENTRIES, _MOST_SECONDS = 2**26, 3600.0


def success_of(problems: ProblemSet, probabilities: np.ndarray) -> np.ndarray:
    """p [X] of each problem, by a policy's rows [R], or [X, R] where it sees the goal.

    Raises:
        MazerlError: the rows are none of this maze, or it would take hours.
    """
    maze, limit, goals = problems.maze, problems.limit, problems.goals
    moves = max(len(goals) * rows_of(maze).size, _LEAST_MOVES)
    seconds = float(limit) * moves / STEP_RATE
    if seconds > _MOST_SECONDS:
        raise MazerlError(
            f"{len(goals)} problems of {limit} steps on {maze.num_arcs} arcs would take about "
            f"{seconds / 3600:.3g} hours; ask for fewer goals, a shorter limit or a smaller maze"
        )
    rows = require_rows_of(maze, probabilities, len(goals))
    size, found = max(1, _MOST_ENTRIES // (limit + 1)), []
    for begin in range(0, len(goals), size):
        here = slice(begin, begin + size)
        own = rows[here] if len(rows) > 1 else rows
        found.append(arrival_law(maze, own, limit, goals[here]).sum(1))
    # Sums of probabilities may pass 1 by a rounding.
    return np.minimum(np.concatenate(found), 1.0)


def strata_of(success: np.ndarray) -> list[Stratum]:
    """How many problems each stratum has; p = 0 is in the first."""
    number = _stratum(success)
    return [Stratum(low, high, int((number == n).sum())) for n, (low, high) in _all()]


def choose(
    problems: ProblemSet,
    success: np.ndarray,
    count: int,
    seed: int,
    shares: tuple[float, ...] = SHARES,
) -> ProblemSet:
    """A pool of `count` problems in which each stratum has its share, drawn by the seed.

    Raises:
        MazerlError: the shares are not one for each stratum that add up to 1, or a stratum has
            fewer problems than it should give.
    """
    return choose_each([problems], [success], count, seed, shares)[0]


def choose_each(
    sets: Sequence[ProblemSet],
    success: Sequence[np.ndarray],
    count: int,
    seed: int,
    shares: tuple[float, ...] = SHARES,
) -> list[ProblemSet]:
    """`choose` from several mazes at once: what is chosen of each, which may be nothing.

    Raises:
        MazerlError: as `choose`.
    """
    require_whole("the number of problems", count)
    draw = np.random.default_rng(require_seed("the seed", seed))
    if len(shares) != len(EDGES) - 1 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise MazerlError(f"shares are {shares}; give {len(EDGES) - 1} that add up to 1")
    # What is rounded away in one stratum is made up for in the next.
    ends = np.round(np.cumsum(shares) * count).astype(int)
    number = _stratum(np.concatenate(success))
    chosen = np.zeros(len(number), bool)
    for n, (low, high) in _all():
        wanted = int(ends[n] - (ends[n - 1] if n else 0))
        mine = np.flatnonzero(number == n)
        if len(mine) < wanted:
            raise MazerlError(
                f"{len(mine)} of {len(number)} problems have p above {low:.3g} and up to "
                f"{high:.3g}, but the pool needs {wanted}; give a smaller pool, another limit or "
                "maze, or other shares"
            )
        chosen[draw.choice(mine, wanted, replace=False)] = True
    begin = np.cumsum([len(each) for each in sets])[:-1]
    return [each.take(mine) for each, mine in zip(sets, np.split(chosen, begin), strict=True)]


def _all() -> list[tuple[int, tuple[float, float]]]:
    return list(enumerate(pairwise(EDGES)))


def _stratum(success: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(EDGES, success, "left") - 1, 0, len(EDGES) - 2)
