"""How the rows of a tabular policy are laid out.

Its parameters are one flat vector of logits [R]: the rows of all arrival arcs one after the other,
each as long as its vertex has ports, none at chance vertices. Nothing is padded.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, World

# Each entry takes some 50 bytes while a chain is planned.
_MOST_ENTRIES = 50_000_000


class Rows(NamedTuple):
    """Where the rows of a tabular policy lie in its flat vector, on the host."""

    start: np.ndarray  # [A+M+1] the row of arrival arc e is start[e] … start[e+1] - 1
    arrival: np.ndarray  # [R] arrival arc that an entry belongs to; from A on, walks begin
    arc: np.ndarray  # [R] arc that an entry takes

    @property
    def size(self) -> int:
        """R."""
        return len(self.arc)


def rows_of(maze: World) -> Rows:
    """Lay out one row per arrival arc at whose head the policy moves (arc A: the walk begins).

    Raises:
        MazerlError: they would not fit into memory.
    """
    vertex = np.append(np.asarray(maze.head), maze.start)
    degree, first_arc = np.asarray(maze.degree), np.asarray(maze.first_arc)
    length = np.where(np.asarray(maze.chance)[vertex], 0, degree[vertex]).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(length)])
    if start[-1] > _MOST_ENTRIES:
        raise MazerlError(
            f"a row for every arrival has {start[-1]} entries in all, with up to {length.max()} "
            f"ports at a vertex; at most {_MOST_ENTRIES} fit: use a graph with fewer edges at a "
            "vertex"
        )
    arrival = np.repeat(np.arange(len(vertex)), length)
    port = np.arange(start[-1]) - start[arrival]
    return Rows(start, arrival, first_arc[vertex[arrival]] + port)


def require_rows(maze: World, probabilities: Array) -> np.ndarray:
    """Return row probabilities [R] in float64, or raise `MazerlError` if they are none."""
    p = np.asarray(probabilities, np.float64)
    _check(maze, p[None])
    return p


def require_rows_of(maze: World, probabilities: Array, goals: int) -> np.ndarray:
    """Rows [1, R] of a blind policy, [X, R] of one that sees X goals, in float64.

    Raises:
        MazerlError: they are no rows of this maze, or of another number of goals.
    """
    p = np.atleast_2d(np.asarray(probabilities, np.float64))
    if len(p) not in (1, goals):
        raise MazerlError(
            f"rows for {len(p)} goals, but {goals} goals; give one set of rows for each"
        )
    _check(maze, p)
    return p


def _check(maze: World, p: np.ndarray) -> None:
    """Raise a `MazerlError` unless all of [X, R] are rows of a maze."""
    rows = rows_of(maze)
    if p.shape[1:] != (rows.size,):
        raise MazerlError(f"probabilities have shape {p.shape[1:]}; this maze needs ({rows.size},)")
    begin = rows.start[:-1][np.diff(rows.start) > 0]
    wrong = ~(np.abs(np.add.reduceat(p, begin, axis=1) - 1) < 1e-9).all(0)
    if wrong.any() or not (p >= 0).all():
        arrival = int(rows.arrival[begin[wrong.argmax()]])
        raise MazerlError(
            f"the row of arrival arc {arrival} is not a probability distribution; "
            "make rows with row_probabilities or extract_rows"
        )


def row_log_softmax(logits: Array, arrival: Array, num_rows: int) -> Array:
    """Log-probabilities [R] of ragged rows; `arrival` [R] must be sorted."""
    peak = jax.ops.segment_max(logits, arrival, num_rows, indices_are_sorted=True)
    shifted = logits - jax.lax.stop_gradient(peak)[arrival]
    total = jax.ops.segment_sum(jnp.exp(shifted), arrival, num_rows, indices_are_sorted=True)
    return shifted - jnp.log(total)[arrival]
