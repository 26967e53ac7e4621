"""A step that any action is allowed to take."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze, arrival_vertex
from mazerl.walk.env import State, step


def move(maze: Maze, state: State, port: Array, bits: Array) -> tuple[State, Array]:
    """Take a port, or waste the step if the vertex has no such port: (state, goal reached)."""
    vertex = arrival_vertex(maze)[state.arc]
    within = (port >= 0) & (port < jnp.asarray(maze.degree)[vertex])
    real = within | jnp.asarray(maze.chance)[vertex]
    after = step(maze, state, port, bits)
    arc = jnp.where(real, after.arc, state.arc)
    reached = real & after.reached
    return after._replace(arc=arc, reached=reached), reached


def require_ports(actions: Any, shape: tuple[int, ...]) -> None:
    """Actions are whole numbers, one for each walk; traced arrays are told by their type.

    Raises:
        MazerlError: they are not, or have another shape.
    """
    if not hasattr(actions, "dtype"):
        actions = np.asarray(actions)
    if actions.dtype.kind not in "iub":
        raise MazerlError(f"an action of type {actions.dtype}; give the number of a port")
    if tuple(actions.shape) != shape:
        raise MazerlError(f"actions of shape {tuple(actions.shape)}; this takes {shape}")
