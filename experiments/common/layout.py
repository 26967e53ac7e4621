"""Where a corridor's vertices lie in a drawing, and how its lanes bend apart."""

import numpy as np
import pandas as pd

from mazerl import Maze
from mazerl.picture.layout import bends


def radial_positions(width: int, depth: int) -> np.ndarray:
    """[V, 2] positions of a corridor's vertices: branches as spokes around the fork."""
    length = 2 * depth + 1
    vertex = np.arange(width * length)
    angle = np.pi / 2 - 2 * np.pi * (vertex // length) / width
    radius = 1.0 + vertex % length
    spokes = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([np.zeros((1, 2)), spokes])


def row_positions(width: int, depth: int) -> np.ndarray:
    """[V, 2] positions of a corridor's vertices: branches as rows to the right of the fork."""
    length = 2 * depth + 1
    vertex = np.arange(width * length)
    rows = np.stack([1.0 + vertex % length, (width - 1) / 2 - vertex // length], axis=1)
    return np.concatenate([np.zeros((1, 2)), rows])


def arcs_frame(maze: Maze, positions: np.ndarray) -> pd.DataFrame:
    """One row an arc: ends, and the bend that keeps parallel edges apart (-1 … 1, 0 straight)."""
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    tail = head[reverse]
    frame = pd.DataFrame(
        {"arc": np.arange(maze.num_arcs), "tail": tail, "head": head,
         "x0": positions[tail, 0], "y0": positions[tail, 1],
         "x1": positions[head, 0], "y1": positions[head, 1]}
    )  # fmt: skip
    return frame.assign(bend=bends(maze))
