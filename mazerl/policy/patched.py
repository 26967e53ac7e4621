"""One policy patched with another's moves at some arrivals, and ways to choose these.

A place is a pair of a goal and an arrival; a set S of places is a mask bool [X, A+1]. Results are
plain rows [X, R], so that whatever is exact for rows is exact for them:

    π_S(port|e, x)  = teacher's where (x, e) ∈ S, else the base's        (is S sufficient?)
    its converse    = `patched(maze, teacher, base, S)`                  (is S necessary?)

Interventions of Gai et al. (arXiv 2605.06241 §3) and of arXiv 2603.22446, on rows.
"""

import numpy as np

from mazerl.errors import MazerlError, require_number, require_seed
from mazerl.maze import Maze, World, arrival_vertex
from mazerl.policy.preferences import (
    greedy_rows,
    ranks,
    require_seeing,
    row_sums,
)
from mazerl.policy.rows import rows_of


def patched(maze: Maze, base: np.ndarray, teacher: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The teacher's rows on S, the base's elsewhere: [X, R] for S of bool [X, A+1].

    Raises:
        MazerlError: S has another shape, or rows are none of this maze or of other goals.
    """
    chosen = _require_places(maze, places)
    before, after = (require_seeing(maze, rows, len(chosen)) for rows in (base, teacher))
    return np.where(chosen[:, rows_of(maze).arrival], after, before)


def differing(maze: Maze, base: np.ndarray, teacher: np.ndarray, goals: int) -> np.ndarray:
    """Where the greedy choices of two policies differ, S of bool [X, A+1].

    In a draw the lowest port is chosen, so that S may hold places at which `measure.edits` sees no
    change: there the teacher's choice is one of the base's first.
    """
    before, after = (greedy_rows(maze, require_seeing(maze, p, goals)) for p in (base, teacher))
    return row_sums(maze, np.abs(after - before)) > 0


def greedily_patched(
    maze: Maze, base: np.ndarray, teacher: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Greedy throughout: the teacher's first choice on S, the base's elsewhere [X, R].

    With S = `differing` it is the greedy teacher, whatever the two are.
    """
    return patched(maze, greedy_rows(maze, base), greedy_rows(maze, teacher), places)


def without_first_choice(maze: Maze, base: np.ndarray, goals: int) -> np.ndarray:
    """The base's rows without its first choices [X, R]: what random substitution draws from.

    Where it has no other move, that one stays.
    """
    before = require_seeing(maze, base, goals)
    rest = np.where(greedy_rows(maze, before) > 0, 0.0, before)
    total = row_sums(maze, rest)[:, rows_of(maze).arrival]
    return np.where(total > 0, rest / np.where(total > 0, total, 1.0), before)


def rank_matched(
    maze: Maze, base: np.ndarray, teacher: np.ndarray, places: np.ndarray, seed: int
) -> np.ndarray:
    """Certain rows [X, R] whose moves on S have base ranks as the teacher's, elsewhere at random.

    Ranks of the teacher's first choices on S are dealt out anew among places of equal degree.
    Off S they are the base's rows.
    """
    chosen = _require_places(maze, places)
    before, after = (require_seeing(maze, rows, len(chosen)) for rows in (base, teacher))
    draw, rows = np.random.default_rng(require_seed("the seed", seed)), rows_of(maze)
    # By the order of the row, so that every rank is some one port's.
    order = ranks(maze, before, apart=True)
    rank = row_sums(maze, np.where(greedy_rows(maze, after) > 0, order, 0))
    degree = np.diff(rows.start)
    for ports in np.unique(degree[degree > 1]):
        mine = chosen & (degree == ports)
        rank[mine] = draw.permutation(rank[mine])
    dealt = (order == rank[:, rows.arrival]).astype(float)
    return np.where(chosen[:, rows.arrival], dealt, before)


def gate(
    scores: np.ndarray, occupancy: np.ndarray, share: float, among: np.ndarray | None = None
) -> np.ndarray:
    """S of the highest scores, as few as have a share of the visits: bool [X, A+1].

    Args:
        scores: [X, A+1], or [A+1] alike for all goals; of equal ones the earlier place comes first.
        occupancy: [X, A+1] visits to each place, as of `measure.edits.visits`.
        share: of the visits to places that may be chosen, above 0 and up to 1.
        among: the places that may be chosen, bool of the same shape; all by default.

    Raises:
        MazerlError: the share is out of range, or no place that may be chosen is visited.
    """
    require_number("the share", share, 0.0, 1.0, above=True)
    may = (occupancy > 0) & (True if among is None else among)
    if not may.any():
        raise MazerlError(
            f"a gate opens nowhere: none of {occupancy.sum():.4g} visits is at a place that may be "
            "chosen; give others"
        )
    score = np.where(may, np.broadcast_to(scores, occupancy.shape), -np.inf)
    order = np.argsort(-score, axis=None, kind="stable")[: int(may.sum())]
    taken = np.cumsum(occupancy.ravel()[order])
    many = int(np.searchsorted(taken, share * taken[-1] * (1 - 1e-12))) + 1
    places = np.zeros(occupancy.size, bool)
    places[order[:many]] = True
    return places.reshape(occupancy.shape)


def above(scores: np.ndarray, occupancy: np.ndarray, threshold: float) -> np.ndarray:
    """S of the visited places whose score is above a threshold: bool [X, A+1].

    Raises:
        MazerlError: it opens nowhere, or at every visit.
    """
    places = (np.broadcast_to(scores, occupancy.shape) > threshold) & (occupancy > 0)
    opened, visits = float(occupancy[places].sum()), float(occupancy.sum())
    if not places.any() or opened >= visits:
        raise MazerlError(
            f"a gate above {threshold:g} opens at {opened:.4g} of {visits:.4g} visits, "
            f"{'everywhere' if places.any() else 'nowhere'}; give another threshold"
        )
    return places


def ways_out(maze: World) -> np.ndarray:
    """Degree of the vertex after each arrival [A+M]; 0 at chance. The gate "degree ≥ 3"."""
    vertex = np.asarray(arrival_vertex(maze))
    return np.where(np.asarray(maze.chance), 0, np.asarray(maze.degree))[vertex]


def chance_scores(goals: int, maze: Maze, seed: int) -> np.ndarray:
    """Uniform scores [X, A+1]: with them `gate` chooses by chance, at the occupancy it is given."""
    draw = np.random.default_rng(require_seed("the seed", seed))
    return draw.random((goals, maze.num_arcs + 1))


def _require_places(maze: Maze, places: np.ndarray) -> np.ndarray:
    chosen = np.asarray(places)
    if chosen.dtype != bool or chosen.ndim != 2 or chosen.shape[1] != maze.num_arcs + 1:
        raise MazerlError(
            f"places are {chosen.dtype} {chosen.shape}; this maze needs bool [goals, "
            f"{maze.num_arcs + 1}]"
        )
    return chosen
