"""Base models by name, for commands that begin with one."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from mazerl.cli.parsing import Options
from mazerl.errors import MazerlError
from mazerl.maze import Maze
from mazerl.policy.bases import opinionated_rows, straight_rows, turn_at_junctions
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of

BASES = ("uniform", "straight", "opinionated")


def base_options(default: str) -> Options:
    """The flags of a base model."""
    return {
        "base": (
            Literal["uniform", "straight", "opinionated"], default,
            "the base model: the random walk; one that goes on; one with preferences at forks",
        ),
        "turning": (float, 0.02, "probability to go back by the port that it came by"),
        "spread": (float, 1.0, "how strong preferences are"),
        "base_seed": (int, 0, "of the preferences"),
        "turns": (
            Literal["anywhere", "junctions"], "anywhere",
            "whether it turns round in passages; nothing trained from it can where it cannot",
        ),
    }  # fmt: skip


def base_rows(maze: Maze, chosen: Mapping[str, Any]) -> np.ndarray:
    """Row probabilities [R] of the base model that flags name.

    Raises:
        MazerlError: it is unknown, or a number out of range.
    """
    rows = _rows(maze, chosen)
    return turn_at_junctions(maze, rows) if chosen.get("turns") == "junctions" else rows


def _rows(maze: Maze, chosen: Mapping[str, Any]) -> np.ndarray:
    base = chosen["base"]
    if base == "uniform":
        return row_probabilities(maze, np.zeros(rows_of(maze).size))
    if base == "straight":
        return straight_rows(maze, chosen["turning"])
    if base == "opinionated":
        return opinionated_rows(maze, chosen["turning"], chosen["spread"], chosen["base_seed"])
    raise MazerlError(f"unknown base {base!r}; known: {', '.join(BASES)}")
