"""mazerl: exactly checkable claims about how reinforcement learning teaches reasoning."""

from mazerl.errors import MazerlError
from mazerl.maze import Maze, compile_maze, to_networkx
from mazerl.topology import build, register

__all__ = ["Maze", "MazerlError", "build", "compile_maze", "register", "to_networkx"]
