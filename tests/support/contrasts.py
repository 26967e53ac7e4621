"""A cave and how it is walked on for contrasts, which tests of their corpora and losses share."""

import numpy as np
import pytest

from mazerl import Maze, build, compile_maze
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.training.contrast import Contrasting

KEY, LIMIT = seeded_key(5), 12
HOW = Contrasting(walks=20, limit=LIMIT, gate="degree")


@pytest.fixture(scope="module")
def cave() -> Maze:
    return compile_maze(build("caves", junctions=4, fewest=3, most=4, passage=1, spine=1))


@pytest.fixture(scope="module")
def logits(cave: Maze) -> np.ndarray:
    return np.random.default_rng(1).normal(size=rows_of(cave).size).astype(np.float32)


@pytest.fixture(scope="module")
def prompts(cave: Maze) -> Prompts:
    return prompts_of(problems_of(cave, LIMIT))
