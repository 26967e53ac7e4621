"""A step that any action is allowed to take."""

import jax.numpy as jnp

from mazerl.maze import Array, Maze, arrival_vertex
from mazerl.walk.env import State, step


def move(maze: Maze, state: State, port: Array, bits: Array) -> tuple[State, Array]:
    """Take a port, or waste the step if the vertex has no such port: (state, goal reached)."""
    vertex = arrival_vertex(maze)[state.arc]
    real = (port < jnp.asarray(maze.degree)[vertex]) | jnp.asarray(maze.chance)[vertex]
    after = step(maze, state, port, bits)
    arc = jnp.where(real, after.arc, state.arc)
    reached = real & after.reached
    return after._replace(arc=arc, reached=reached), reached
