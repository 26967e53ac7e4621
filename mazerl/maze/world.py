"""The `Maze` record: a graph compiled to arrays, checked once, before any computation.

Shapes, everywhere in the package: M mazes, S seeds, B walks, T time, V vertices, A arcs (edges with
a direction), G goals, D ports (choices at a vertex), R entries of a policy's rows, K depth.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A NumPy array on the host or a JAX array (traced or not): a Maze may hold either.
Array = Any


@dataclass(frozen=True)
class World(ABC):
    """What can be walked on: one maze, or several side by side (`mazerl.maze.side_by_side`).

    Arcs are sorted by tail: the arcs out of v are `first_arc[v] … first_arc[v] + degree[v] - 1`,
    and port p of v is arc `first_arc[v] + p`. Numbers past the last arc stand for "the walk
    begins": A in a maze, which leads to its `start`; A + m in the m-th of M mazes.
    """

    head: Array  # [A] vertex that an arc leads to
    reverse: Array  # [A] the same edge in the other direction
    first_arc: Array  # [V]
    degree: Array  # [V] number of ports
    chance: Array  # [V] bool: the environment moves here, uniformly
    start: Array  # [], or [M] for several mazes
    goals: Array  # [G] vertices; an episode draws one of its maze's uniformly
    ports: Array  # [D] 0 … D-1, as many as the widest vertex at which the policy moves

    @property
    def num_vertices(self) -> int:
        """V."""
        return int(self.degree.shape[0])

    @property
    def num_arcs(self) -> int:
        """A, twice the number of edges."""
        return int(self.head.shape[0])

    @property
    def num_goals(self) -> int:
        """G."""
        return int(self.goals.shape[0])

    @property
    def num_ports(self) -> int:
        """D."""
        return int(self.ports.shape[0])

    @property
    def num_mazes(self) -> int:
        """M."""
        return int(np.prod(self.start.shape))

    @property
    def num_arrivals(self) -> int:
        """A + M: arcs, and one more in each maze for the walk that begins."""
        return self.num_arcs + self.num_mazes

    @abstractmethod
    def goal_ranges(self) -> tuple[Array, Array]:
        """Ranges of `goals` that walks draw from in turn: where each begins, how long it is."""

    @abstractmethod
    def goal_mazes(self) -> Array:
        """The maze that each of the goals belongs to [G]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Maze(World):
    """A path-finding problem as a pytree of int32 arrays, without padding.

    Vertex v is the v-th node of the compiled graph.
    """

    def goal_ranges(self) -> tuple[Array, Array]:
        """All goals are of the one maze."""
        return np.zeros(1, np.int32), np.full(1, self.num_goals, np.int32)

    def goal_mazes(self) -> Array:
        """The one maze."""
        return np.zeros(self.num_goals, np.int32)


def arrival_vertex(maze: World) -> Array:
    """The vertex that each arrival arc leads to [A+M]; a start where the walk begins."""
    return jnp.append(maze.head, maze.start)
