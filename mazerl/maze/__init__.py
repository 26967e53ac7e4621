"""Graphs compiled to arrays."""

from mazerl.maze.world import Array, Maze, World, compile_maze, scramble_ports, to_networkx

__all__ = ["Array", "Maze", "World", "compile_maze", "scramble_ports", "to_networkx"]
