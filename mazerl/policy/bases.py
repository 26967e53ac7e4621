"""Base models that are opinionated without having learned anything: rows of tabular policies.

Both have full support, and at every fork the way back is unlikely: the walks of a model that goes
on rather than round.
"""

import numpy as np

from mazerl.errors import MazerlError, require_number, require_seed
from mazerl.maze import Maze, World
from mazerl.policy.preferences import row_sums
from mazerl.policy.rows import rows_of

_SPREADS = (0.3, 1.0, 3.0)


def straight_rows(maze: World, turning: float) -> np.ndarray:
    """Probabilities [R]: the port that it came by with probability `turning`, others alike.

    Where there is one port it is taken; the walk begins with all ports alike.

    Raises:
        MazerlError: `turning` is not between 0 and 1, both excluded.
    """
    return _turn(maze, np.ones(rows_of(maze).size), turning)


def opinionated_rows(maze: Maze, turning: float, spread: float, seed: int) -> np.ndarray:
    """As `straight_rows`, but the other ports softmax of logits drawn once an arrival.

    They are normal with a standard deviation of `spread` times 0.3, 1 or 3, drawn once a vertex, so
    that some forks are open questions and others are settled.

    Raises:
        MazerlError: `turning` or the seed is out of range, or `spread` is not above 0.
    """
    rows, draw = rows_of(maze), np.random.default_rng(require_seed("the seed", seed))
    require_number("spread", spread, 0.0, above=True)
    vertex = np.append(np.asarray(maze.head), maze.start)[rows.arrival]
    scale = spread * draw.choice(_SPREADS, maze.num_vertices)[vertex]
    return _turn(maze, np.exp(scale * draw.standard_normal(rows.size)), turning)


def turn_at_junctions(maze: Maze, probabilities: np.ndarray) -> np.ndarray:
    """Rows [..., R] that never turn round in a passage, where turning has probability 0 now.

    A property of the policy's support, not of the maze: whatever is trained from these rows by
    their logits (`extraction.row_logits`) cannot learn to turn there. Dead ends turn.

    Raises:
        MazerlError: somewhere in a passage nothing but turning has probability.
    """
    rows = rows_of(maze)
    vertex = np.append(np.asarray(maze.head), maze.start)[rows.arrival]
    came_by = np.append(np.asarray(maze.reverse), -1)[rows.arrival] == rows.arc
    back = came_by & (np.asarray(maze.degree)[vertex] == 2)
    ahead = np.where(back, 0.0, probabilities)
    total = row_sums(maze, ahead)[..., rows.arrival]
    if not (total > 0).all():
        raise MazerlError("in a passage nothing but turning round has probability; give other rows")
    return ahead / total


def _turn(maze: World, weight: np.ndarray, turning: float) -> np.ndarray:
    if not 0 < turning < 1:
        raise MazerlError(f"turning is {turning}; give a number above 0 and below 1")
    rows, arrivals = rows_of(maze), maze.num_arrivals
    none = np.full(maze.num_mazes, -1)
    came_by = np.append(np.asarray(maze.reverse), none)[rows.arrival] == rows.arc
    ahead = np.where(came_by, 0.0, weight)
    total = np.bincount(rows.arrival, ahead, arrivals)[rows.arrival]
    begins = rows.arrival >= maze.num_arcs
    others = np.divide(ahead, total, out=np.zeros_like(ahead), where=total > 0)
    others *= np.where(begins, 1.0, 1.0 - turning)
    return np.where(came_by, np.where(total > 0, turning, 1.0), others)
