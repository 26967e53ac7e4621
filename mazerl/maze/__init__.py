"""Graphs compiled to arrays."""

from mazerl.maze.compiling import compile_maze, fingerprint, scramble_ports, to_networkx
from mazerl.maze.world import Array, Maze, World, arrival_vertex

__all__ = [
    "Array",
    "Maze",
    "World",
    "arrival_vertex",
    "compile_maze",
    "fingerprint",
    "scramble_ports",
    "to_networkx",
]
