"""Mazes so small that everything about a walk on them is a product of dense matrices."""

from dataclasses import replace
from typing import Any, NamedTuple

from experiments.common.expected_updates import Task, task_of
from mazerl import build, compile_maze
from mazerl.maze import Maze

MAZES: dict[str, tuple[str, dict[str, Any]]] = {
    "corridor": ("corridor", {"width": 3, "depth": 1, "lanes": 2, "fork": "learned"}),
    "tree": ("tree", {"branching": 2, "depth": 3, "fork": "learned"}),
    "grid": ("grid", {"width": 3, "height": 3, "loops": 0.5}),
    "star": ("path_star", {"arms": 4, "length": 1, "fork": "learned"}),
}


class SmallMaze(NamedTuple):
    """A maze with one goal, and the same as matrices."""

    maze: Maze
    task: Task


def small_maze(name: str, limit: int) -> SmallMaze:
    """One of `MAZES`, its first goal, and a time limit."""
    topology, parameters = MAZES[name]
    whole = compile_maze(build(topology, **parameters))
    maze = replace(whole, goals=whole.goals[:1])
    return SmallMaze(maze, task_of(maze, int(maze.goals[0]), limit))
