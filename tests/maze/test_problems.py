"""Problem sets: which goals there are, how they are split, and what is refused."""

from typing import Any

import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.maze.problems import every_goal, problems_of, split


def caves() -> Maze:
    return compile_maze(build("caves", junctions=40, spine=4))


def test_every_goal_is_every_vertex_within_the_limit() -> None:
    maze = caves()
    distance = shortest_paths(maze).distance
    for limit in (1, 10, 100):
        goals = every_goal(maze, limit)
        assert set(goals.tolist()) == {v for v, d in distance.items() if 1 <= d <= limit}
    assert len(problems_of(maze, 100, every_goal(maze, 100))) > 300


def test_splits_are_disjoint_and_by_the_seed() -> None:
    maze = caves()
    problems = problems_of(maze, 100, every_goal(maze, 100))
    training, test = split(problems, 0.25, 3)
    assert len(test) == round(len(problems) * 0.25)
    assert not set(training.goals.tolist()) & set(test.goals.tolist())
    assert len(training) + len(test) == len(problems)
    assert (split(problems, 0.25, 4)[0].goals != training.goals).any()
    for share in (0.0, 1.0, 0.0001):
        with pytest.raises(MazerlError, match="leaves one of the two sets empty"):
            split(problems, share, 0)


@pytest.mark.parametrize(
    ("limit", "goals", "says"),
    [
        (2, None, r"too short for \d+ of \d+ goals, whose p = 0"),
        (100, [3, 3], "a goal is given twice"),
        (100, [0], "goal 0 is the start"),
        (100, [], "no list of vertices"),
    ],
)
def test_problems_that_are_none(limit: int, goals: Any, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        problems_of(caves(), limit, None if goals is None else np.asarray(goals))
