"""Expected updates on small mazes, exactly, of many policies side by side.

    update(e, a) = U(e, a) - π(a|e) Σ_b U(e, b),   U(e, a) = Σ_t d_t(e) · made(a|e) · Q_{T-t}(e, a)

is the mean of Σ_t worth · ∇log π over walks: d_t is where they are after t steps, `made` is how
often a move is made and scored there, Q what the move and all that follows it are worth. On policy
all three are of π, and the update is the policy gradient (Sutton et al. 2000).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from mazerl.errors import MazerlError
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of


@dataclass(frozen=True)
class Task:
    """A small maze without chance, one goal and a time limit, as matrices."""

    arrival: np.ndarray  # [R] arrival that an entry belongs to
    arc: np.ndarray  # [R] arrival that it leads to
    from_entry: np.ndarray | csr_array  # [A+1, R] 1 where an entry leads to an arrival
    of_row: np.ndarray | csr_array  # [A+1, R] 1 where an entry belongs to an arrival
    there: np.ndarray  # [A+1] bool, or [A+1, X] each its own: the goal is reached
    limit: int

    def rows(self) -> list[tuple[int, int]]:
        """Where each row of entries begins and ends."""
        begin = np.flatnonzero(np.diff(self.arrival, prepend=-1))
        return list(zip(begin, np.append(begin[1:], len(self.arrival)), strict=True))

    def log_softmax(self, logits: np.ndarray) -> np.ndarray:
        """Log-probabilities [R, X] of logits [R, X]."""
        begin = np.flatnonzero(np.diff(self.arrival, prepend=-1))
        row = np.cumsum(np.diff(self.arrival, prepend=self.arrival[0]) != 0)
        shifted = logits - np.maximum.reduceat(logits, begin, 0)[row]
        return np.asarray(shifted - np.log(np.add.reduceat(np.exp(shifted), begin, 0))[row])


def task_of(maze: Maze, goal: int, limit: int) -> Task:
    """The task of a maze's goal.

    Raises:
        MazerlError: chance moves somewhere in the maze.
    """
    if np.asarray(maze.chance).any():
        raise MazerlError("chance moves in this maze; expected updates are of mazes without it")
    rows, arrivals = rows_of(maze), np.arange(maze.num_arcs + 1)[:, None]
    return Task(
        arrival=rows.arrival,
        arc=rows.arc,
        from_entry=(rows.arc == arrivals).astype(float),
        of_row=(rows.arrival == arrivals).astype(float),
        there=np.append(np.asarray(maze.head) == goal, False),
        limit=limit,
    )


class Worth(NamedTuple):
    """What is paid: for each move, and at the end."""

    move: np.ndarray | float = 0.0  # [R, X]
    arrival: np.ndarray | float = 1.0  # [X] or one for all
    time_out: np.ndarray | float = 0.0  # likewise


class Expected(NamedTuple):
    """Means over walks."""

    worth: np.ndarray  # [X] of whole walks
    visits: np.ndarray  # [A+1, X] decisions after each arrival
    moves: np.ndarray  # [R, X] U: worth from here on, summed over the times that a move is made


def expect(
    task: Task, walked: np.ndarray, worth: Worth, made: np.ndarray | None = None
) -> Expected:
    """Follow policies forward and backward.

    Args:
        task: where they walk.
        walked: [R, X] probabilities; a row may add up to less than 1, what is missing ends a walk.
        worth: what is paid.
        made: [R, X] how often a move is scored, a visit; as often as it is walked by default.
    """
    shape = (len(task.there), walked.shape[1])
    there = task.there.reshape(len(task.there), -1)
    made = walked if made is None else made
    mass = np.zeros(shape)
    mass[-1] = 1.0
    occupancy = [mass]
    for _ in range(task.limit - 1):
        mass = np.where(there, 0.0, task.from_entry @ (walked * mass[task.arrival]))
        occupancy.append(mass)
    value = np.where(there, worth.arrival, np.broadcast_to(worth.time_out, shape))
    total = np.zeros_like(walked)
    for mass in reversed(occupancy):
        ahead = worth.move + value[task.arc]
        total += mass[task.arrival] * made * ahead
        value = np.where(there, worth.arrival, task.of_row @ (walked * ahead))
    return Expected(value[-1], np.sum(occupancy, axis=0), total)


def scored(task: Task, moves: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Σ over entries of U times ∇log π [R, X], by the logits."""
    return np.asarray(moves - probability * (task.of_row @ moves)[task.arrival])
