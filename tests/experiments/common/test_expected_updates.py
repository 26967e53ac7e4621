"""Expected updates against all walks there are."""

import numpy as np
import pytest

from experiments.common.expected_updates import Worth, expect, scored, task_of
from mazerl import MazerlError, build, compile_maze
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of
from tests.support.enumeration import all_walks, scores

LIMIT = 5


@pytest.fixture(scope="module")
def maze() -> Maze:
    return compile_maze(build("path_star", arms=3, length=2, fork="learned"))


def test_worth_visits_and_updates_are_those_of_all_walks(maze: Maze) -> None:
    """A walker of its own, moves that cost, both ends worth something, scored otherwise."""
    goal, rows = int(maze.goals[0]), rows_of(maze)
    task, draw = task_of(maze, goal, LIMIT), np.random.default_rng(0)
    walked, policy, cost = (
        np.exp(task.log_softmax(draw.normal(size=(rows.size, 2)))) for _ in "abc"
    )
    arrival, time_out = np.array([1.0, -0.3]), np.array([0.2, 0.0])
    found = expect(task, walked, Worth(cost, arrival, time_out), policy)
    updates = scored(task, found.moves, policy)
    for x in range(2):
        worth, visits = 0.0, np.zeros(maze.num_arcs + 1)
        update, score = np.zeros(rows.size), scores(maze, policy[:, x])
        for walk in all_walks(maze, goal, LIMIT):
            taken = list(walk.entries)
            chance = walked[taken, x].prod()
            # What follows a move is worth; what came before has no part in it.
            ahead = cost[taken, x][::-1].cumsum()[::-1]
            ahead += arrival[x] if walk.reached else time_out[x]
            worth += chance * ahead[0]
            np.add.at(visits, rows.arrival[taken], chance)
            weight = policy[taken, x] / walked[taken, x]
            update += chance * (weight * ahead) @ score[taken]
        assert found.worth[x] == pytest.approx(worth, rel=1e-12)
        np.testing.assert_allclose(found.visits[:, x], visits, rtol=1e-12)
        np.testing.assert_allclose(updates[:, x], update, rtol=1e-10, atol=1e-14)


def test_what_is_missing_in_a_row_ends_a_walk_for_nothing(maze: Maze) -> None:
    goal = int(maze.goals[0])
    task = task_of(maze, goal, LIMIT)
    p = np.exp(task.log_softmax(np.zeros((rows_of(maze).size, 1)))) * 0.9
    by_hand = sum(
        p[list(walk.entries), 0].prod() for walk in all_walks(maze, goal, LIMIT) if walk.reached
    )
    assert expect(task, p, Worth()).worth[0] == pytest.approx(by_hand, rel=1e-12)


def test_rows_of_all_logits_add_up_to_1(maze: Maze) -> None:
    task = task_of(maze, int(maze.goals[0]), LIMIT)
    logits = np.random.default_rng(1).normal(size=(rows_of(maze).size, 3)) * 300
    p = np.exp(task.log_softmax(logits))
    np.testing.assert_allclose((task.of_row @ p)[np.unique(task.arrival)], 1, rtol=1e-12)


def test_chance_is_refused() -> None:
    maze = compile_maze(build("path_star", arms=3, length=1))
    with pytest.raises(MazerlError, match="chance moves in this maze"):
        task_of(maze, int(maze.goals[0]), LIMIT)
