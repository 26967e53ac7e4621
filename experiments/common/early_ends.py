"""Walks that may fail before the time limit, exactly: mazes themselves know no failure."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import networkx as nx
import numpy as np

from mazerl import compile_maze
from mazerl.maze import Array, Maze
from mazerl.policy.rows import rows_of
from mazerl.walk.rollouts import Walks


def fork(arms: Sequence[int]) -> tuple[list[int], Maze]:
    """Arms of these lengths on one fork of the policy's; their ends, the first of them the goal."""
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0)
    graph.add_node(0)
    ends = []
    for length in arms:
        way = [0, *range(len(graph), len(graph) + length)]
        nx.add_path(graph, way)
        ends.append(way[-1])
    graph.graph["goals"] = ends[:1]
    return ends, compile_maze(graph)


class Ends(NamedTuple):
    """How walks end, and where they are before."""

    law: np.ndarray  # [2, T] P(outcome, length), failures first, of lengths 1 … T
    occupancy: np.ndarray  # [T, A+1] P(after arrival e at time t, not ended)


def follow_ends(maze: Maze, wrong: np.ndarray, p: np.ndarray, limit: int) -> Ends:
    """Follow walks that end at the goal, after a wrong arrival [A+1], or after `limit` steps."""
    rows, there = rows_of(maze), arrived(maze)
    law, occupancy = np.zeros((2, limit)), np.zeros((limit, len(wrong)))
    mass = np.eye(len(wrong))[-1]
    for t in range(limit):
        occupancy[t] = mass
        mass = np.bincount(rows.arc, p * mass[rows.arrival], len(wrong))
        law[:, t] = mass[wrong].sum(), mass[there].sum()
        mass[there | wrong] = 0.0
    law[0, -1] += mass.sum()
    return Ends(law, occupancy)


def pulled(
    maze: Maze, wrong: np.ndarray, p: np.ndarray, occupancy: np.ndarray, worth: np.ndarray
) -> np.ndarray:
    """Σ over outcomes and lengths of worth [2, T] times ∇P(outcome, length), by the logits [R].

    By values to go, where a walk that ends with an outcome at a length is paid its worth.
    """
    rows, there = rows_of(maze), arrived(maze)
    value, gradient = np.full(len(wrong), worth[0, -1]), np.zeros(rows.size)
    for here, (failed, reached) in zip(occupancy[::-1], worth.T[::-1], strict=True):
        ahead = np.where(there, reached, np.where(wrong, failed, value))[rows.arc]
        value = np.bincount(rows.arrival, p * ahead, len(wrong))
        gradient += here[rows.arrival] * p * (ahead - value[rows.arrival])
    return gradient


def arrived(maze: Maze) -> np.ndarray:
    """Arrivals at a goal [A+1] bool."""
    return np.append(np.isin(np.asarray(maze.head), np.asarray(maze.goals)), False)


def ended(walks: Walks, wrong: Array) -> Walks:
    """The same walks, ended in failure at their first wrong arrival [A+1]."""
    limit = walks.port.shape[1]
    lost = wrong[walks.arc[:, 1:]]
    first = jnp.where(lost.any(1), lost.argmax(1) + 1, limit)
    length = jnp.minimum(walks.length, first)
    return walks._replace(length=length, reached=walks.reached & (length == walks.length))
