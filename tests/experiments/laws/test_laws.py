"""Leaks against closed forms; mazes that are filled up are walked on as they were."""

import jax
import numpy as np
import pytest

from experiments.common.leaks import leaky_log_times, shown_by_golden_paths
from experiments.common.trap_mazes import (
    FORMED,
    HELD_OUT,
    LARGER,
    Named,
    filled,
    golden_corpus,
    maze_of,
    real_rows,
    told,
)
from experiments.laws import trap_depth, traps
from mazerl import MazerlError, build, compile_maze
from mazerl.exact.chain import plan_chain
from mazerl.exact.corridor import sft_limit
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import UNIFORM
from mazerl.walk.corpora import golden_visits
from mazerl.walk.rollouts import rollout

CORRIDOR = Named("corridor", (("width", 3), ("depth", 2), ("lanes", 3)), "formed")


def test_without_a_leak_the_law_is_the_limit_of_free_rows() -> None:
    maze = maze_of(CORRIDOR, 0)
    found = leaky_log_times(maze, plan_chain(maze), (0.0, 2.0), draws=8)
    assert found[0] == pytest.approx(np.full(8, np.log(float(sft_limit(3, 2, 3)))))
    assert found[1].std() > 0.1
    everywhere = leaky_log_times(maze, plan_chain(maze), (0.0,), draws=1, everywhere=True)
    uniform = hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size)))
    assert everywhere[0, 0] == pytest.approx(np.log(uniform.mean()))


def test_the_spread_of_leaks_is_counted_from_the_graph() -> None:
    star = compile_maze(build("path_star", arms=3, length=4))
    # Three rows an arm lead on by one port of two; the fork is chance's, the end has no choice.
    assert shown_by_golden_paths(star).spread == pytest.approx(0.5**0.5 * 9**0.25)
    corridor = compile_maze(build("corridor", width=2, depth=1, lanes=3))
    # Forward at a left vertex three ports of four are shown, after each lane one of four.
    assert shown_by_golden_paths(corridor).spread == pytest.approx(0.25**0.5 * 8**0.25)


def test_leaks_change_nothing_where_all_is_shown() -> None:
    maze = compile_maze(build("path_star", arms=1, length=5))
    found = leaky_log_times(maze, plan_chain(maze), (2.0,), draws=3)
    assert found == pytest.approx(np.full((1, 3), np.log(5)))


@pytest.mark.parametrize("named", [FORMED[0], FORMED[-1], HELD_OUT[6], LARGER[5]], ids=str)
def test_a_filled_maze_is_walked_on_as_it_was(named: Named) -> None:
    maze = maze_of(named, 3)
    full = filled(maze)
    kept = real_rows(maze, full)
    p = extract_rows(UNIFORM, full, ())[kept]
    uniform = row_probabilities(maze, np.zeros(rows_of(maze).size))
    np.testing.assert_allclose(p, uniform, rtol=1e-12)
    walks = rollout(UNIFORM, (), full, jax.random.key(0), 64, 50)
    arc = np.asarray(walks.arc)
    assert ((arc < maze.num_arcs) | (arc == full.num_arcs)).all()
    assert set(np.asarray(walks.goal).tolist()) <= set(np.asarray(maze.goals).tolist())


def test_golden_paths_on_a_filled_maze_are_those_of_the_maze() -> None:
    maze = maze_of(CORRIDOR, 1)
    full, rows = filled(maze), rows_of(maze)
    shown = golden_corpus(maze, full, 4000, seed=0)
    took = shown.decided > 0
    arrival = np.where(shown.arc == full.num_arcs, maze.num_arcs, shown.arc)[took]
    counted = np.bincount(rows.start[arrival] + shown.port[took], minlength=rows.size) / 4000
    np.testing.assert_allclose(counted, golden_visits(maze), atol=5 * 0.5 / 4000**0.5)


def test_a_maze_that_is_too_large_is_refused() -> None:
    large = Named("corridor", (("width", 9), ("depth", 9), ("lanes", 3)), "larger")
    with pytest.raises(MazerlError, match="does not fit into 256"):
        filled(maze_of(large, 0))
    long = Named("path_star", (("arms", 1), ("length", 70)), "larger")
    with pytest.raises(MazerlError, match="more than 64 steps"):
        golden_corpus(maze_of(long, 0), filled(maze_of(long, 0)), 2, 0)


def test_the_law_is_tried_on_nothing_that_it_was_formed_on() -> None:
    formed = {(m.topology, m.parameters) for m in FORMED}
    assert formed.isdisjoint({(m.topology, m.parameters) for m in (*HELD_OUT, *LARGER)})
    assert {m.topology for m in FORMED}.isdisjoint({m.topology for m in HELD_OUT})
    assert {m.topology for m in LARGER} <= {m.topology for m in FORMED}
    for cell in trap_depth.GRID:
        assert (cell.seed < 1000) == (cell.role == "formed")
    mazes = [(c.topology, told(c.parameters)) for c in traps.GRID]
    assert mazes == [(c.topology, told(c.parameters)) for c in trap_depth.GRID]
