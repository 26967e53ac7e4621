"""Difficulty in one pass against the exact chain, problem by problem."""

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze, hitting_times, row_probabilities, rows_of
from mazerl.exact.difficulty import difficulty_of
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.policy.bases import opinionated_rows
from mazerl.topology import Graph

MAZES: dict[str, dict[str, Any]] = {
    "rooms": {}, "grid": {"loops": 0.2}, "corridor": {"width": 3}, "caves": {"parallel": 0.5},
    "random_regular": {}, "tree": {"fork": "learned"},
}  # fmt: skip


@pytest.mark.parametrize("topology", MAZES)
def test_one_inverse_gives_the_times_that_elimination_gives(topology: str) -> None:
    maze = compile_maze(build(topology, **MAZES[topology]))
    problems = problems_of(maze, 60, every_goal(maze, 60))
    for rows in (
        row_probabilities(maze, np.zeros(rows_of(maze).size)),
        opinionated_rows(maze, 0.05, 1.0, 3),
    ):
        found = difficulty_of(problems, rows)
        asked = replace(maze, goals=problems.goals)
        np.testing.assert_allclose(found.hitting_time, hitting_times(asked, rows), rtol=1e-7)
        law = arrival_law(maze, rows, 60, problems.goals)
        np.testing.assert_allclose(found.success, law.sum(1), rtol=1e-12)
        first = [int(np.flatnonzero(row)[0]) for row in law]
        assert found.shortest.tolist() == first


def test_times_too_long_for_the_inverse_are_eliminated() -> None:
    maze = compile_maze(build("corridor", width=4, depth=12, lanes=3))
    rows = opinionated_rows(maze, 1e-4, 3.0, 0)
    found = difficulty_of(problems_of(maze, 100), rows).hitting_time
    np.testing.assert_allclose(found, hitting_times(maze, rows), rtol=1e-12)
    assert found.max() > 1e7


def two_parts() -> Maze:
    graph: Graph = nx.MultiGraph(start=0, goals=[2])
    graph.add_edges_from([(0, 1), (1, 2), (3, 4)])
    return compile_maze(graph)


def test_rooms_out_of_reach_and_moves_that_are_ruled_out() -> None:
    maze = two_parts()
    rows = row_probabilities(maze, np.zeros(rows_of(maze).size))
    assert difficulty_of(problems_of(maze, 5), rows).hitting_time == pytest.approx([4.0])
    star = compile_maze(build("path_star", arms=2, length=2, fork="learned"))
    layout = rows_of(star)
    onward = np.where(star.reverse[layout.arrival % star.num_arcs] == layout.arc, -np.inf, 0.0)
    alone = np.diff(layout.start)[layout.arrival] == 1  # at an end there is one way
    rows = row_probabilities(star, np.where(alone, 0.0, onward))
    # Two steps down an arm, four more if it was the wrong one.
    assert difficulty_of(problems_of(star, 9), rows).hitting_time == pytest.approx([4.0, 4.0])


def test_rows_of_another_maze_are_refused(small: Maze) -> None:
    with pytest.raises(MazerlError, match="probabilities have shape"):
        difficulty_of(problems_of(small, 100), np.ones(3))
