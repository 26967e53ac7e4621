"""What separates two policies that are Markov once the goal is fixed, place by place, exactly.

A place is a pair of a goal and an arrival. It is *unshifted* where the teacher's first choice is
the base's, *reranked* where it is another of the base's top k, else *shifted* (Gai et al., arXiv
2605.06241, eq. 3). Shares are of tokens: of all steps of walks that end at the goal or after T
steps, pooled over goals,

    share(S) = Σ_x Σ_{t<T} d_t(x, e) 1[(x, e) ∈ S] / Σ_x E min(τ_x, T)
"""

from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.horizon import follow
from mazerl.maze import Maze
from mazerl.maze.problems import require_goals
from mazerl.policy.preferences import (
    first_choices,
    ranks,
    require_seeing,
    row_entropy,
    row_peaks,
    row_sums,
)
from mazerl.policy.rows import rows_of


class Visits(NamedTuple):
    """Where one policy goes, and how much hangs on its moves there."""

    success: np.ndarray  # [X] P(τ ≤ T)
    occupancy: np.ndarray  # [X, A+1] Σ_{t<T} d_t(e): steps taken from each arrival
    pivotality: np.ndarray  # [X, A+1] Σ_{t<T} d_t(e) Var_{port ~ π(e)} Q_{T-t}(e, port)


def visits(
    maze: Maze, probabilities: np.ndarray, limit: int, goals: np.ndarray | None = None
) -> Visits:
    """Follow a policy's rows [R] or [X, R] to each goal, the maze's by default.

    Raises:
        MazerlError: as of `exact.horizon.follow`, or rows of another number of goals.
    """
    wanted = require_goals(maze, goals)
    p, rows = require_seeing(maze, probabilities, len(wanted)), rows_of(maze)
    success, occupancy = np.empty(len(wanted)), np.empty((len(wanted), maze.num_arcs + 1))
    pivotality = np.empty_like(occupancy)
    for x, goal in enumerate(wanted):
        seen = follow(maze, p[x], limit, int(goal))
        here, ahead = seen.occupancy[:limit], seen.to_go[limit - 1 :: -1]
        success[x], occupancy[x] = min(float(seen.law.sum()), 1.0), here.sum(0)
        # Centred at V before they are squared: differences of values are small.
        value = row_sums(maze, p[x] * ahead[:, rows.arc])
        away = ahead[:, rows.arc] - value[:, rows.arrival]
        pivotality[x] = (here * row_sums(maze, p[x] * away**2)).sum(0)
    return Visits(success, occupancy, pivotality)


class Differences(NamedTuple):
    """Two policies, row by row [X, A+1]; nats; 0 at arrivals without a row."""

    options: np.ndarray  # ports that the base does not rule out
    rank: np.ndarray  # of the teacher's first choice in the base; 1 is unshifted
    entropy: np.ndarray  # of the base
    kl: np.ndarray  # KL(teacher ‖ base); inf where the base rules out what the teacher does
    kl_reverse: np.ndarray  # KL(base ‖ teacher)
    js: np.ndarray  # Jensen and Shannon's, at most log 2
    variation: np.ndarray  # ½ Σ |p - q|


def differences(
    maze: Maze, base: np.ndarray, teacher: np.ndarray, goals: int | None = None
) -> Differences:
    """Compare rows [R] or [X, R] of a maze; X is the number of its goals by default.

    In a draw the teacher's first choice is the one that the base ranks best.

    Raises:
        MazerlError: they are no rows of this maze, or of other numbers of goals.
    """
    number = maze.num_goals if goals is None else goals
    p, q = (require_seeing(maze, rows, number) for rows in (base, teacher))
    middle = (p + q) / 2
    # Least rank of what the teacher may choose; other entries are no candidates.
    rank = np.where(first_choices(maze, q), ranks(maze, p), p.shape[1])
    return Differences(
        options=row_sums(maze, p > 0).astype(np.int64),
        rank=-row_peaks(maze, -rank).astype(np.int64),
        entropy=row_entropy(maze, p),
        kl=_divergence(maze, q, p),
        kl_reverse=_divergence(maze, p, q),
        js=(_divergence(maze, p, middle) + _divergence(maze, q, middle)) / 2,
        variation=row_sums(maze, np.abs(p - q)) / 2,
    )


class Edits(NamedTuple):
    """Shares of tokens, and means over tokens, along the walks of one of the two policies."""

    tokens: float  # Σ_x E min(τ_x, T)
    decisions: float  # share of tokens at which the base has two ports or more
    unshifted: float
    reranked: float
    shifted: float
    rank: float  # mean base rank of the new choice; NaN where nothing is edited
    entropy: float  # of the base, mean over all tokens, nats
    entropy_edited: float  # mean over edited tokens; NaN where there are none
    entropy_ratio: float  # of the two
    kl: float  # means over tokens
    kl_reverse: float
    js: float
    variation: float


def edits(found: Differences, occupancy: np.ndarray, top: int | None = 5) -> Edits:
    """Pool differences over the places that a policy visits, `occupancy` [X, A+1].

    Args:
        found: the two policies.
        occupancy: of the one whose walks are meant (`visits`).
        top: ranks up to it are reranked, not shifted; None for half of a row's ports, rounded up.

    Raises:
        MazerlError: the occupancy is of another maze or other goals.
    """
    if occupancy.shape != found.rank.shape:
        raise MazerlError(
            f"occupancy {occupancy.shape} beside differences {found.rank.shape}; compare policies "
            "on one maze with the same goals"
        )
    tokens = float(occupancy.sum())

    def mean(values: np.ndarray, where: np.ndarray | None = None) -> float:
        weight = occupancy if where is None else occupancy * where
        # What is never visited may be infinite.
        total = float(np.where(weight > 0, values, 0.0).ravel() @ weight.ravel())
        return total / float(weight.sum()) if weight.sum() > 0 else float("nan")

    edited = found.rank > 1
    near = found.rank <= (-(-found.options // 2) if top is None else top)
    entropy, entropy_edited = mean(found.entropy), mean(found.entropy, edited)
    return Edits(
        tokens=tokens, decisions=mean(found.options > 1), unshifted=mean(~edited),
        reranked=mean(edited & near), shifted=mean(edited & ~near),
        rank=mean(found.rank, edited), entropy=entropy, entropy_edited=entropy_edited,
        entropy_ratio=entropy_edited / entropy if entropy > 0 else float("nan"),
        kl=mean(found.kl), kl_reverse=mean(found.kl_reverse), js=mean(found.js),
        variation=mean(found.variation),
    )  # fmt: skip


class ByChance(NamedTuple):
    """What a teacher of random preferences would show, in expectation."""

    edited: float  # share of tokens: 1 - 1/m at a place of m ports
    rank: float  # of the new choice: (m + 2)/2


def by_chance(options: np.ndarray, occupancy: np.ndarray) -> ByChance:
    """Of a teacher whose first choice is any of a place's m ports alike; `options` is m."""
    m = np.maximum(options, 1)
    changed = occupancy * (1 - 1 / m)
    total = float(changed.sum())
    rank = float((changed * (m + 2) / 2).sum()) / total if total > 0 else float("nan")
    return ByChance(total / float(occupancy.sum()), rank)


def found_by(scores: np.ndarray, edited: np.ndarray, occupancy: np.ndarray) -> float:
    """Area under the curve of a score that is to find edited tokens; 1/2 is chance.

    P(score of an edited token > that of another) + half of P(equal), tokens drawn by occupancy.
    NaN where all are edited, or none.
    """
    score = np.broadcast_to(scores, occupancy.shape).ravel()
    values, place = np.unique(score, return_inverse=True)
    yes, no = (
        np.bincount(place.ravel(), (occupancy * where).ravel(), len(values))
        for where in (edited, ~edited)
    )
    total = yes.sum() * no.sum()
    below = np.cumsum(no) - no / 2
    return float(yes @ below / total) if total > 0 else float("nan")


def _divergence(maze: Maze, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """KL(p ‖ q) of each row, nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0)
    return np.maximum(row_sums(maze, terms), 0.0)
