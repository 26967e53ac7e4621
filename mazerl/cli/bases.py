"""The base models that commands name, and their options."""

from typing import Literal

import numpy as np

from mazerl.cli.parsing import Options
from mazerl.maze import Maze
from mazerl.policy.bases import opinionated_rows, straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of

BASE: Options = {
    "base": (
        Literal["uniform", "straight", "opinionated"], "opinionated",
        "the base model: the random walk; one that goes on; one with preferences at forks",
    ),
    "turning": (float, 0.02, "probability to go back by the port that it came by"),
    "spread": (float, 1.0, "how strong preferences are"),
    "base_seed": (int, 0, "of the preferences"),
}  # fmt: skip


def base_rows(maze: Maze, base: str, turning: float, spread: float, base_seed: int) -> np.ndarray:
    """Rows [R] of a base model."""
    if base == "uniform":
        return row_probabilities(maze, np.zeros(rows_of(maze).size))
    if base == "straight":
        return straight_rows(maze, turning)
    return opinionated_rows(maze, turning, spread, base_seed)
