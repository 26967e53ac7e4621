import os

# A silently broadcast axis is a bug. Read when jax is first imported.
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

import pytest

from mazerl import Maze, build, compile_maze


@pytest.fixture(scope="session")
def small() -> Maze:
    """corridor(3, 2, 2): three branches, small enough for exact rational arithmetic."""
    return compile_maze(build("corridor", width=3, depth=2, lanes=2))


@pytest.fixture(scope="session")
def medium() -> Maze:
    """corridor(4, 4, 3), the size of science's reference numbers."""
    return compile_maze(build("corridor", width=4, depth=4, lanes=3))
