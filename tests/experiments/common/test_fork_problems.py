"""Problems of forks in series, and walks that look into wrong arms."""

import numpy as np
import pytest

from experiments.common.fork_problems import (
    CATEGORIES,
    DISTANCE,
    draw_problems,
    with_retreats,
)
from mazerl.maze.compiling import fingerprint, to_networkx
from mazerl.maze.paths import shortest_paths


@pytest.mark.parametrize("name", list(CATEGORIES))
def test_problems_differ_and_are_equally_far(name: str) -> None:
    problems = draw_problems(name, 30, 3)
    assert len({fingerprint(maze) for maze in problems}) == 30
    for maze in problems:
        (goal,) = np.asarray(maze.goals).tolist()
        assert shortest_paths(maze).distance[goal] == DISTANCE
        forks = int((np.asarray(maze.degree) > 2).sum())
        fewest, most = CATEGORIES[name].forks
        assert fewest <= forks <= most
    again = draw_problems(name, 30, 3)
    assert [fingerprint(maze) for maze in again] == [fingerprint(maze) for maze in problems]
    assert fingerprint(draw_problems(name, 1, 4)[0]) != fingerprint(problems[0])


@pytest.mark.parametrize("name", ["B", "C"])
def test_walks_that_retreat_take_one_step_into_wrong_arms(name: str) -> None:
    (maze,) = draw_problems(name, 1, 0)
    walks, head = with_retreats(maze, 200, 0), np.asarray(maze.head)
    reverse, first = np.asarray(maze.reverse), np.asarray(maze.first_arc)
    seen: set[int] = set()
    for arc, port, length in zip(walks.arc, walks.port, walks.length, strict=True):
        walk = arc[1 : length + 1]
        tails = np.append(int(maze.start), head[walk[:-1]])
        np.testing.assert_array_equal(head[reverse[walk]], tails)
        np.testing.assert_array_equal(first[tails] + port[:length], walk)
        assert head[walk[-1]] == np.asarray(maze.goals)[0]
        assert (length - DISTANCE) % 2 == 0
        turned = np.flatnonzero(walk[1:] == reverse[walk[:-1]])
        assert len(turned) == (length - DISTANCE) / 2
        seen |= set(walk[turned].tolist())
    # Every wrong arm is looked into by some walk, and no other place is turned round in.
    graph = to_networkx(maze)
    forks = [v for v in graph if graph.degree(v) > 2]
    assert len(seen) == sum(graph.degree(v) - 2 for v in forks)
    # Half of them in the mean: 4 standard errors of 200 fair coins an arm.
    visits = (np.asarray(walks.length).mean() - DISTANCE) / 2 / len(seen)
    assert abs(visits - 0.5) < 4 * 0.5 / np.sqrt(200 * len(seen))
