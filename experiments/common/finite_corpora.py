"""What finite corpora show of a maze's rows, exactly: no walk is drawn.

A walk of a policy that never doubts shows some rows and no others. Of N walks each is the policy's
with probability ρ, else it shows nothing that is not known already (a golden path, where all are
shown besides). Free rows that are trained to the end become what was shown; which rows that is, is
random, with

    P(shown within S) = (1 - ρ (1 - P(one walk's within S)))^N

and P(just S) by Möbius inversion over all unions of what single walks show.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from mazerl import Maze, MazerlError
from mazerl.exact.chain import arrival_moves
from mazerl.policy.rows import rows_of

_REST = 1e-16  # of walks that have not arrived
_MOST_SETS = 2000


class Corpora(NamedTuple):
    """All that corpora may show, smaller sets first."""

    shown: np.ndarray  # [S, A+1] bool: arrivals
    within: np.ndarray  # [S] chance that one walk shows no more
    part: np.ndarray  # [S, S] bool: the second is part of the first, or the same


def corpora_of(maze: Maze, probabilities: np.ndarray, known: np.ndarray) -> Corpora:
    """What walks of a policy [R] show beyond the arrivals that are known [A+1] bool.

    Raises:
        MazerlError: there are too many sets to go through.
    """
    single = _one_walk(maze, probabilities, known)
    unions = {0}
    for each in single:
        unions |= {each | other for other in unions}
        if len(unions) > _MOST_SETS:
            raise MazerlError(
                f"walks show more than {_MOST_SETS} different sets of rows; take fewer arms"
            )
    order = sorted(unions, key=lambda mask: (mask.bit_count(), mask))
    within = [sum(p for mask, p in single.items() if mask | s == s) for s in order]
    shown = [[bool(s >> arrival & 1) for arrival in range(maze.num_arcs + 1)] for s in order]
    part = [[t | s == s for t in order] for s in order]
    return Corpora(np.array(shown), np.minimum(within, 1.0), np.array(part))


def _one_walk(maze: Maze, probabilities: np.ndarray, known: np.ndarray) -> dict[int, float]:
    """Chances of the sets of arrivals, as bits, that one walk to a goal drawn uniformly shows."""
    moves, rows = arrival_moves(maze), rows_of(maze)
    choices = np.bincount(rows.arrival, minlength=maze.num_arcs + 1)
    counts = (choices > 1) & ~known
    p = np.concatenate([probabilities, moves.by_chance])
    onward: list[list[tuple[int, float]]] = [[] for _ in range(moves.num_states)]
    for move in np.flatnonzero(p > 0).tolist():
        onward[moves.source[move]].append((int(moves.arc[move]), float(p[move])))
    head = np.asarray(maze.head).tolist()
    found: dict[int, float] = {}
    for goal in np.asarray(maze.goals).tolist():
        now, left = {(maze.num_arcs, 0): 1 / maze.num_goals}, 1.0
        while left > _REST:
            after: dict[tuple[int, int], float] = {}
            for (arrival, mask), mass in now.items():
                mask |= int(counts[arrival]) << arrival
                for arc, chance in onward[moves.state_of[arrival]]:
                    if head[arc] == goal:
                        found[mask] = found.get(mask, 0.0) + mass * chance
                    else:
                        key = (arc, mask)
                        after[key] = after.get(key, 0.0) + mass * chance
            now, left = after, sum(after.values())
    return found


def corpus_chances(corpora: Corpora, share: float, walks: int) -> np.ndarray:
    """Probabilities [S] of what a corpus of so many walks shows."""
    within = (1 - share * (1 - corpora.within)) ** walks
    found: np.ndarray = solve_triangular(corpora.part.astype(float), within, lower=True)
    return found
