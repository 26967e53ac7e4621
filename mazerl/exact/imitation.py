"""What imitation of successful walks ends at, exactly, however their tokens are weighed.

SFT with free rows ends where a row is in proportion to the weight of the moves shown there. Each
walk of L tokens has a weight φ(L) per token:

    φ = 1            mean over the tokens of all walks, as it should be
    φ = E 1/(L + S)  mean over microbatches of each one's mean over its own tokens, where S are the
                     tokens of the other m - 1 walks of its microbatch (the fault of arXiv
                     2604.23747, its second)

The second gives long walks less. With one walk a microbatch it is 1/L; as m grows it comes to be
the same for all.

Walks may also be named after where they led (`hindsight`), instead of being walked for a goal.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.exact.horizon import all_moves
from mazerl.maze import Maze
from mazerl.maze.problems import require_goals
from mazerl.policy.rows import require_rows, require_rows_of, rows_of

MOST_TOKENS = 2**15
"""Tokens of a microbatch, the limit times its walks, whose law is convolved."""


class Shown(NamedTuple):
    """Successful walks by their length."""

    law: np.ndarray  # [T+1] P(τ = L), goals drawn uniformly
    visits: np.ndarray  # [R, T+1] expected visits of walks of L steps, times that


def successes(
    maze: Maze, probabilities: np.ndarray, limit: int, goals: np.ndarray | None = None
) -> Shown:
    """All walks of a demonstrator with rows [R] or [X, R] that arrive within a limit.

    Raises:
        MazerlError: the probabilities are no rows of this maze, the limit is no whole number from 1
            to 2³¹ - 1, or the maze has vertices where chance moves: their moves are no tokens.
    """
    require_limit("the time limit", limit)
    _require_no_chance(maze)
    wanted = require_goals(maze, goals)
    p = np.broadcast_to(require_rows_of(maze, probabilities, len(wanted)),
                        (len(wanted), rows_of(maze).size))  # fmt: skip
    shown = [_to(maze, own, limit, int(goal)) for own, goal in zip(p, wanted, strict=True)]
    return Shown(*(np.mean(part, axis=0) for part in zip(*shown, strict=True)))


def _require_no_chance(maze: Maze) -> None:
    if np.asarray(maze.chance).any():
        raise MazerlError(
            "the maze has vertices where chance moves, which are no tokens, so that a walk's "
            'length is not its steps; give one whose policy moves everywhere, as fork="learned"'
        )


def _to(maze: Maze, p: np.ndarray, limit: int, goal: int) -> Shown:
    rows, size = rows_of(maze), maze.num_arcs + 1
    source, target, moved = all_moves(maze, p)
    there = np.append(np.asarray(maze.head) == goal, False)
    before, after = np.zeros((limit, size)), np.zeros((limit + 1, size))
    before[0, -1], after[0] = 1.0, there
    for t in range(1, limit + 1):
        if t < limit:
            before[t] = np.bincount(target, moved * before[t - 1, source], size)
            before[t, there] = 0.0
        after[t] = np.bincount(source, moved * after[t - 1, target], size)
        after[t, there] = 0.0
    visits = np.zeros((rows.size, limit + 1))
    for t in range(limit):
        visits[:, t + 1 :] += (before[t, rows.arrival] * p)[:, None] * (
            after[: limit - t, rows.arc].T
        )
    return Shown(after[:, -1], visits)


def microbatch_weights(law: np.ndarray, walks: int) -> np.ndarray:
    """φ(L) [T+1] of walks in microbatches of so many, whose lengths are of a law [T+1]; φ(0) is 0.

    Raises:
        MazerlError: the walks are no whole number of at least 1, the law is of no walk, or both
            together would take too many tokens.
    """
    require_whole("the number of walks a microbatch", walks)
    if not law[1:].sum() > 0:
        raise MazerlError("no walk arrives within the limit; give a longer one")
    if len(law) * walks > MOST_TOKENS:
        raise MazerlError(
            f"{walks} walks of up to {len(law) - 1} tokens are too many to convolve; at most "
            f"{MOST_TOKENS} tokens in all fit: give fewer, or shorten the limit"
        )
    share = law / law.sum()

    @cache
    def sum_of(count: int) -> np.ndarray:
        if count == 0:
            return np.ones(1)
        half = sum_of(count // 2)
        both = np.convolve(half, half)
        return np.convolve(both, share) if count % 2 else both

    others = sum_of(walks - 1)
    lengths, more = np.arange(1, len(law)), np.arange(len(others))
    return np.append(0.0, [float((others / (length + more)).sum()) for length in lengths])


class Named(NamedTuple):
    """Walks whose goal is named after they were walked: the vertex where they are."""

    share: np.ndarray  # [X] P(a walk is named so); walks that are at the start are named nothing
    visits: np.ndarray  # [X, R] expected visits of walks that are named so, times that


def hindsight(
    maze: Maze, probabilities: np.ndarray, length: int, goals: np.ndarray, cut: bool = False
) -> Named:
    """Walks of `length` steps of a demonstrator with rows [R], each named after where it ends.

    `cut`: each is shown only until it first came there.

    Raises:
        MazerlError: as `successes`.
    """
    require_limit("the length", length)
    _require_no_chance(maze)
    wanted = require_goals(maze, goals)
    p, rows = require_rows_of(maze, np.asarray(probabilities)[None], 1)[0], rows_of(maze)
    source, target, moved = all_moves(maze, p)
    size = maze.num_arcs + 1
    share, visits = np.zeros(len(wanted)), np.zeros((len(wanted), rows.size))
    for x, goal in enumerate(wanted):
        there = np.append(np.asarray(maze.head) == goal, False)
        before, ahead = np.zeros((length, size)), np.zeros((length, size))
        before[0, -1], ahead[0] = 1.0, there
        for t in range(1, length):
            before[t] = np.bincount(target, moved * before[t - 1, source], size)
            ahead[t] = np.bincount(source, moved * ahead[t - 1, target], size)
            if cut:
                # Past its first arrival a walk shows nothing, but has still to end there.
                before[t, there] = 0.0
        for t in range(length):
            visits[x] += before[t, rows.arrival] * p * ahead[length - 1 - t, rows.arc]
        share[x] = (p * ahead[-1, rows.arc])[rows.arrival == maze.num_arcs].sum()
    return Named(share, visits)


def imitated(
    maze: Maze,
    shown: Shown,
    weights: np.ndarray | None = None,
    base: np.ndarray | None = None,
) -> np.ndarray:
    """Rows [R] that imitation ends at, with weights φ [T+1]; 1 by default.

    Rows of arrivals that were never shown stay a base's [R], uniform by default.

    Raises:
        MazerlError: the weights are of another limit, or the base has no rows of this maze.
    """
    if weights is not None and np.shape(weights) != shown.law.shape:
        raise MazerlError(
            f"weights of shape {np.shape(weights)} for walks of up to {len(shown.law) - 1} steps; "
            f"give {len(shown.law)}"
        )
    moved = shown.visits.sum(1) if weights is None else shown.visits @ weights
    return rows_shown(maze, moved, base)


def rows_shown(maze: Maze, moved: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """Rows [R] in proportion to how often moves are shown [R]; the base's where none is."""
    arrival = rows_of(maze).arrival
    total = np.bincount(arrival, moved)[arrival]
    otherwise = 1 / np.bincount(arrival)[arrival] if base is None else require_rows(maze, base)
    return np.where(total > 0, moved / np.where(total > 0, total, 1.0), otherwise)
