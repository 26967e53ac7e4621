"""Mazes of different sizes side by side: one world, one batch, one compilation, no padding.

Walk b of a batch is in maze b mod M, and stays there. Vertices and arcs of the m-th maze follow
those of the mazes before it; the arc number that stands for "the walk begins" there is A + m.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze, World


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mazes(World):
    """M mazes side by side: the arrays of a `World`, and whose they are."""

    first_goal: Array  # [M] where in `goals` those of each maze begin
    goal_count: Array  # [M]
    vertex_begin: Array  # [M+1] the vertices of maze m are vertex_begin[m] … vertex_begin[m+1] - 1
    arc_begin: Array  # [M+1] likewise

    def goal_ranges(self) -> tuple[Array, Array]:
        """Walk b draws from those of maze b mod M."""
        return self.first_goal, self.goal_count

    def goal_mazes(self) -> Array:
        """The maze in whose range each goal is [G]."""
        number = np.arange(self.num_mazes, dtype=np.int32)
        return jnp.repeat(number, self.goal_count, total_repeat_length=self.num_goals)


def side_by_side(mazes: Sequence[Maze]) -> Mazes:
    """Put mazes of any sizes into one world.

    Raises:
        MazerlError: there is none.
    """
    if not mazes:
        raise MazerlError("no maze to put side by side; give at least one")
    vertices = _offsets([maze.num_vertices for maze in mazes])
    arcs = _offsets([maze.num_arcs for maze in mazes])
    goals = _offsets([maze.num_goals for maze in mazes])

    def joined(name: str, offsets: np.ndarray | None = None) -> np.ndarray:
        columns = [np.asarray(getattr(maze, name)) for maze in mazes]
        if offsets is not None:
            columns = [x + shift for x, shift in zip(columns, offsets[:-1], strict=True)]
        return np.concatenate([np.atleast_1d(x) for x in columns])

    return Mazes(
        head=joined("head", vertices),
        reverse=joined("reverse", arcs),
        first_arc=joined("first_arc", arcs),
        degree=joined("degree"),
        chance=joined("chance"),
        start=joined("start", vertices),
        goals=joined("goals", vertices),
        ports=max((maze.ports for maze in mazes), key=len),
        first_goal=goals[:-1],
        goal_count=np.diff(goals),
        vertex_begin=vertices,
        arc_begin=arcs,
    )


def _offsets(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
