"""What the successes of two policies have in common, exactly: mass, and what looks new in samples.

Laws are P(success by each way) over ways of one kind, walks or routes (`measure.routes`); their sum
is P(success). Novelty counted from samples is not about support: of a policy's own second sample,
too, a part is missing from its first (the missing mass; Good 1953).
"""

import numpy as np

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows, rows_of

_MOST_WALKS = 1_000_000


def walk_laws(maze: Maze, probabilities: np.ndarray, limit: int) -> np.ndarray:
    """P(walk) [N, walks] of all walks that arrive within `limit` steps, by enumeration.

    Args:
        maze: without chance.
        probabilities: rows [N, R] of N policies; walks that none of them can take are left out.
        limit: T.

    Raises:
        MazerlError: the maze has chance vertices, rows are none of it, the limit is out of range,
            or walks are too many to be enumerated.
    """
    require_limit("the time limit", limit)
    if np.asarray(maze.chance).any():
        raise MazerlError("walks are enumerated where chance never moves; give such a maze")
    p = np.stack([require_rows(maze, row) for row in np.atleast_2d(probabilities)])
    rows, is_goal = rows_of(maze), np.isin(np.asarray(maze.head), np.asarray(maze.goals))
    arrival, mass, found = np.array([maze.num_arcs]), np.ones((len(p), 1)), []
    for _ in range(limit):
        begin, degree = rows.start[arrival], np.diff(rows.start)[arrival]
        total = int(degree.sum())
        if total > _MOST_WALKS:
            raise MazerlError(
                f"over {_MOST_WALKS} walks are under way; give a smaller maze or a shorter limit"
            )
        first = np.repeat(begin - np.cumsum(degree) + degree, degree)
        entry = first + np.arange(total)
        arrival, mass = rows.arc[entry], np.repeat(mass, degree, axis=1) * p[:, entry]
        possible, arrived = mass.any(0), is_goal[arrival]
        found.append(mass[:, possible & arrived])
        arrival, mass = arrival[possible & ~arrived], mass[:, possible & ~arrived]
    return np.concatenate(found, 1)


def law_entropy(law: np.ndarray) -> float:
    """Entropy in nats of the way that a success takes, given P(success by each) [ways]."""
    share = _shares(law)
    return float(-(share * np.log(np.where(share > 0, share, 1.0))).sum())


def overlap(law: np.ndarray, base: np.ndarray) -> float:
    """Σ min over ways of two policies' successes, each as shares of its own; 1 if they are alike.

    One minus it is the total variation between the laws of successful ways.
    """
    return float(np.minimum(_shares(law), _shares(base)).sum())


def unseen_share(law: np.ndarray, base: np.ndarray, samples: int) -> float:
    """Expected share of a policy's successes whose way is in none of so many tries of the base.

    Σ share(way) · (1 - base(way))^samples. Tries of the base that fail count among them.
    """
    require_whole("the number of samples", samples, 0)
    with np.errstate(divide="ignore"):
        missed = np.exp(samples * np.log1p(-np.minimum(base, 1.0))) if samples else np.ones(1)
    return float((_shares(law) * missed).sum())


def rare_share(law: np.ndarray, base: np.ndarray, tries: float) -> float:
    """Share of a policy's successes by ways that the base takes with a probability below 1/k."""
    return float(_shares(law)[np.asarray(base) < 1 / tries].sum())


def _shares(law: np.ndarray) -> np.ndarray:
    total = float(np.sum(law))
    if not total > 0:
        raise MazerlError("a policy never succeeds; there are no ways to compare")
    return np.asarray(np.asarray(law, float) / total)
