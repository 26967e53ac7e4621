"""Coverage: the expected share of checkpoints that a walk comes to within T, and its gradient.

    coverage = mean over checkpoints c of P(τ_c ≤ T)

of walks that nothing ends (exploration checkpoint coverage; arXiv 2605.16143, from its abstract).
An expectation adds up, so that it is the mean of hitting probabilities and exact, and its gradient
is the mean of theirs.
"""

from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.exact.horizon import success_gradient
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows


class Coverage(NamedTuple):
    """Of a policy that is blind to goals."""

    share: float  # expected share of checkpoints
    each: np.ndarray  # [C] P(τ_c ≤ T)
    gradient: np.ndarray  # [R] of the share, by every logit


def coverage(
    maze: Maze, probabilities: np.ndarray, limit: int, checkpoints: np.ndarray
) -> Coverage:
    """The share of checkpoints [C] that a walk of `limit` steps comes to, by rows [R].

    Raises:
        MazerlError: a checkpoint is no vertex, the start, or given twice; there is none; the
            probabilities are no rows of this maze, or the limit is out of range.
    """
    require_limit("the time limit", limit)
    p = require_rows(maze, probabilities)
    found = success_gradient(maze, p, limit, require_checkpoints(maze, checkpoints))
    return Coverage(float(found.success.mean()), found.success, found.logits.mean(0))


def require_checkpoints(maze: Maze, checkpoints: np.ndarray) -> np.ndarray:
    """Checkpoints [C]; a `MazerlError` if one is no vertex, the start, or given twice."""
    found = np.asarray(checkpoints)
    if found.ndim != 1 or not len(found) or not np.issubdtype(found.dtype, np.integer):
        raise MazerlError("checkpoints are no list of vertices; give their numbers")
    wrong = (found < 0) | (found >= maze.num_vertices) | (found == int(maze.start))
    if wrong.any():
        raise MazerlError(
            f"checkpoint {found[wrong][0]} is the start or none of the {maze.num_vertices} "
            "vertices; give others"
        )
    if len(np.unique(found)) < len(found):
        raise MazerlError("a checkpoint is given twice; give each once")
    return found


def coverage_turns(updates: int, every: int) -> np.ndarray:
    """Which of so many updates are for coverage, bool: the last of `every`; 0 for none.

    Raises:
        MazerlError: a number is out of range, or no update is left for the task.
    """
    require_whole("the number of updates", updates)
    if require_whole("every", every, 0) == 1:
        raise MazerlError(
            "with one update in 1 for coverage the task is never trained; let every be 0, for "
            "none, or above 1"
        )
    turn = np.arange(1, updates + 1)
    return turn % every == 0 if every else np.zeros(updates, bool)
