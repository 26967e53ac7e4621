"""Pools by strata of p, against the law of each goal."""

from typing import Any

import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.exact import pools
from mazerl.exact.horizon import arrival_law
from mazerl.exact.pools import EDGES, choose, strata_of, success_of
from mazerl.maze.problems import ProblemSet, every_goal, problems_of
from mazerl.policy.bases import opinionated_rows, straight_rows


def everything() -> tuple[ProblemSet, np.ndarray]:
    maze = compile_maze(build("caves", junctions=40, spine=4))
    problems = problems_of(maze, 100, every_goal(maze, 100))
    return problems, success_of(problems, opinionated_rows(maze, 0.02, 1.0, 0))


def test_success_is_that_of_the_law_goal_by_goal() -> None:
    maze = compile_maze(build("hops", forks=3))
    problems = problems_of(maze, 20, every_goal(maze, 20))
    rows = straight_rows(maze, 0.1)
    for goal, p in zip(problems.goals, success_of(problems, rows), strict=True):
        alone = arrival_law(maze, rows, 20, np.asarray([goal]))
        assert p == pytest.approx(alone.sum(), rel=1e-12)


@pytest.mark.parametrize("sees", [False, True])
def test_long_laws_are_held_of_some_goals_at_a_time(
    monkeypatch: pytest.MonkeyPatch, sees: bool
) -> None:
    problems, _ = everything()
    problems = problems.take(np.arange(0, len(problems), 9))
    rows = opinionated_rows(problems.maze, 0.02, 1.0, 0)
    if sees:
        others = (opinionated_rows(problems.maze, 0.02, 1.0, n) for n in range(len(problems)))
        rows = np.stack(list(others))
    whole = success_of(problems, rows)
    monkeypatch.setattr(pools, "_MOST_ENTRIES", 7 * 101)
    held: list[int] = []

    def watched(*args: Any) -> np.ndarray:
        law = arrival_law(*args)
        held.append(law.size)
        return law

    monkeypatch.setattr(pools, "arrival_law", watched)
    np.testing.assert_array_equal(success_of(problems, rows), whole)
    assert len(held) == -(-len(problems) // 7)
    assert max(held) == 7 * 101
    with pytest.raises(MazerlError, match="rows for 3 goals"):
        success_of(problems, np.stack([np.atleast_2d(rows)[0]] * 3))


def test_what_would_take_hours_is_told_before() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    with pytest.raises(MazerlError, match=r"would take about .* hours; ask for fewer goals"):
        success_of(problems_of(maze, 2**31 - 1), straight_rows(maze, 0.1))


def test_a_pool_has_its_shares_and_a_maze_alone_does_not() -> None:
    problems, success = everything()
    pool = choose(problems, success, 120, seed=0)
    p = success[np.isin(problems.goals, pool.goals)]
    assert len(pool) == len(np.unique(pool.goals)) == 120
    # What issue 14 asks of a pool.
    assert (p < 1 / 64).mean() >= 0.10
    assert (p > 0.8).mean() >= 0.10
    assert ((p > 0.2) & (p < 0.8)).mean() >= 0.20
    assert [each.problems for each in strata_of(p)] == [6, 18, 54, 28, 14]
    assert ((success > 0.2) & (success < 0.8)).mean() < 0.20
    again, other = (choose(problems, success, 120, seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.goals, pool.goals)
    assert (other.goals != pool.goals).any()
    with pytest.raises(MazerlError, match=r"problems have p above .* but the pool needs"):
        choose(problems, success, len(problems), seed=0)
    with pytest.raises(MazerlError, match="give 5 that add up to 1"):
        choose(problems, success, 10, seed=0, shares=(0.5, 0.5))


def test_strata_hold_their_upper_edges() -> None:
    found = strata_of(np.asarray([0.0, 1 / 256, 1 / 64, 0.2, 0.8, 0.80001, 1.0]))
    assert [each.problems for each in found] == [2, 1, 1, 1, 2]
    assert [each.high for each in found] == list(EDGES[1:])
