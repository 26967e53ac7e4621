"""What the rows of tabular policies prefer: first choices, ranks, entropy.

Rows come as probabilities [R], or [X, R] of a policy that sees which of X goals it is to find; what
is said of a row has an entry per arrival, [A+1] or [X, A+1], 0 where there is no row.
"""

import numpy as np

from mazerl.maze import Maze
from mazerl.policy.rows import require_rows_of, rows_of

# Probabilities that differ by less than this share are a draw.
_DRAW = 1e-9


def require_seeing(maze: Maze, probabilities: np.ndarray, goals: int) -> np.ndarray:
    """Rows [X, R] in float64 for X goals, those of a blind policy repeated.

    Raises:
        MazerlError: they are no rows of this maze, or of another number of goals.
    """
    rows = require_rows_of(maze, probabilities, goals)
    return np.broadcast_to(rows, (goals, rows.shape[1]))


def row_sums(maze: Maze, values: np.ndarray) -> np.ndarray:
    """Σ over each row of values [..., R]."""
    return _by_row(maze, values, np.add)


def row_peaks(maze: Maze, values: np.ndarray) -> np.ndarray:
    """The largest of each row of values [..., R]."""
    return _by_row(maze, values, np.maximum)


def row_entropy(maze: Maze, probabilities: np.ndarray) -> np.ndarray:
    """Nats of each row."""
    p = np.asarray(probabilities, np.float64)
    return row_sums(maze, -p * np.log(np.where(p > 0, p, 1.0)))


def first_choices(maze: Maze, probabilities: np.ndarray) -> np.ndarray:
    """Whether each entry is the likeliest of its row, bool [..., R]; several are in a draw."""
    p = np.asarray(probabilities, np.float64)
    peak = row_peaks(maze, p)[..., rows_of(maze).arrival]
    return np.asarray(p >= peak * (1 - _DRAW))


def ranks(maze: Maze, probabilities: np.ndarray, apart: bool = False) -> np.ndarray:
    """Rank of each entry in its row [..., R]: 1 + how many are likelier.

    In a draw all share the best rank or, `apart`, the lower port comes first.
    """
    p, rows = np.asarray(probabilities, np.float64), rows_of(maze)
    rank = np.ones(p.shape, np.int64)
    length = np.diff(rows.start)[rows.arrival]
    place = np.arange(rows.size) - rows.start[rows.arrival]
    for shift in range(1, int(length.max(initial=1))):
        # Each entry against the one so many places on in its row, round its end.
        there = (place + shift) % np.maximum(length, 1)
        other = p[..., rows.start[rows.arrival] + there]
        ahead = other * (1 - _DRAW) > p
        if apart:
            ahead |= (there < place) & (other >= p * (1 - _DRAW))
        rank += (shift < length) & ahead
    return rank


def greedy_rows(maze: Maze, probabilities: np.ndarray) -> np.ndarray:
    """Certain rows [..., R]: the first choice, of several in a draw that of the lowest port."""
    return (ranks(maze, probabilities, apart=True) == 1).astype(float)


def _by_row(maze: Maze, values: np.ndarray, reduce: np.ufunc) -> np.ndarray:
    rows = rows_of(maze)
    has_row = np.diff(rows.start) > 0
    total = np.zeros((*values.shape[:-1], len(has_row)))
    if rows.size:
        total[..., has_row] = reduce.reduceat(values, rows.start[:-1][has_row], axis=-1)
    return total
