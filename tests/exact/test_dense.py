from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import spsolve

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.exact import dense, plans
from mazerl.exact.chain import arrival_moves, goal_blocks, plan_chain, times_from_start
from mazerl.exact.markov import (
    hitting_times,
    hitting_times_by_arc,
    mean_hitting_time,
    occupancy,
    policy_gradient,
)
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph
from mazerl.walk.env import Reward
from tests.maze.test_maze import connected_multigraphs
from tests.support import rational


@contextmanager
def densely(block: int = 3) -> Iterator[None]:
    """All states are eliminated densely, in small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "_FULL_STATES", 1)
        patch.setattr(plans, "_FULL_ENTRIES", 0)
        patch.setattr(plans, "_ENTRY_SECONDS", np.inf)
        patch.setattr(dense, "_BLOCK", block)
        yield


def random_policy(maze: Maze, seed: int, scale: float = 1.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(scale=scale, size=rows_of(maze).size)
    return row_probabilities(maze, logits)


@given(connected_multigraphs(), st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=40)
def test_every_arc_agrees_with_exact_rationals(graph: Graph, seed: int, block: int) -> None:
    maze = compile_maze(graph)
    rows = rational.random_rows(maze, np.random.default_rng(seed))
    p = np.array([float(x) for x in rows])
    with densely(block=block):
        computed = hitting_times_by_arc(maze, p)
    goal = int(maze.goals[0])
    exact = rational.hitting_times(rational.chain_of(maze, rows), rational.arcs_into(maze, goal))
    for arc in range(maze.num_arcs + 1):
        if arc in exact:
            assert computed[0, arc] == pytest.approx(float(exact[arc]), rel=1e-12)


@pytest.mark.parametrize("block", [5, 128])
def test_times_of_e50_keep_their_digits(block: int) -> None:
    maze = compile_maze(build("corridor", width=2, depth=16, lanes=2))
    rows = rows_of(maze)
    head = np.append(maze.head, 0)
    # Nearly always back to the fork.
    p = row_probabilities(maze, np.where(maze.head[rows.arc] > head[rows.arrival], -8.0, 0.0))
    sparse = hitting_times(maze, p)
    assert sparse.min() > 1e50
    with densely(block=block):
        plan = plan_chain(maze)
        assert plan.tree.plan.rest is not None
        assert not plan.tree.plan.rounds
        np.testing.assert_allclose(hitting_times(maze, p, plan), sparse, rtol=1e-12)
        np.testing.assert_allclose(
            hitting_times_by_arc(maze, p, plan), hitting_times_by_arc(maze, p), rtol=1e-12
        )


def test_a_large_random_graph_agrees_with_a_sparse_solve() -> None:
    maze = compile_maze(build("random_regular", vertices=500, degree=3, goals=2))
    plan, p = plan_chain(maze), random_policy(maze, 0)
    assert plan.tree.plan.rest is not None
    assert plan.tree.plan.rounds
    moves, n = arrival_moves(maze), plan.moves.num_states
    onward = csr_array((p, (moves.source, moves.target)), shape=(n, n))
    found = hitting_times_by_arc(maze, p, plan)
    for goal, times in zip(maze.goals, found, strict=True):
        inside = np.append(maze.head != goal, True)
        system = (eye_array(n) - onward)[inside][:, inside]
        expected = spsolve(system.tocsc(), np.ones(inside.sum()))
        np.testing.assert_allclose(times[inside], expected, rtol=1e-9)
    np.testing.assert_allclose(occupancy(maze, p, plan).sum(1), found[:, -1], rtol=1e-9)


@pytest.mark.parametrize(
    ("topology", "sizes"),
    [
        ("corridor", {"width": 3, "depth": 2, "lanes": 2}),
        ("random_regular", {"vertices": 24, "degree": 3, "goals": 5}),
        ("rooms", {"rooms": 2, "size": 5}),
    ],
)
def test_gradients_and_visits_are_those_of_sparse_elimination(
    topology: str, sizes: dict[str, int]
) -> None:
    maze = compile_maze(build(topology, **sizes))
    p, reward = random_policy(maze, 1), Reward(0.0, 1.0)
    sparse = policy_gradient(maze, p, reward)
    visits = occupancy(maze, p)
    with densely():
        plan = plan_chain(maze)
        assert plan.tree.plan.rest is not None
        found = policy_gradient(maze, p, reward, plan)
        np.testing.assert_allclose(occupancy(maze, p, plan), visits, rtol=1e-11)
    assert found.value == pytest.approx(sparse.value, rel=1e-12)
    np.testing.assert_allclose(found.logits, sparse.logits, rtol=1e-9, atol=1e-10)


def test_traced_times_and_their_derivative_are_those_of_sparse_elimination(small: Maze) -> None:
    p = random_policy(small, 2)
    with jax.enable_x64(True):
        sparse = plan_chain(small)
        solve = jax.jit(jax.value_and_grad(lambda q: mean_hitting_time(sparse, q)))
        value, slope = solve(jnp.asarray(p))
        with densely(block=40):
            plan = plan_chain(small)
            assert plan.tree.plan.rest is not None
            solve = jax.jit(jax.value_and_grad(lambda q: mean_hitting_time(plan, q)))
            found, by_probability = solve(jnp.asarray(p))
    assert float(found) == pytest.approx(float(value), rel=1e-12)
    assert float(found) == pytest.approx(hitting_times(small, p).mean(), rel=1e-12)
    np.testing.assert_allclose(by_probability, slope, rtol=1e-9)


def forbidden(maze: Maze, arcs: np.ndarray) -> np.ndarray:
    """A uniform policy that never takes some arcs."""
    return row_probabilities(maze, np.where(np.isin(rows_of(maze).arc, arcs), -np.inf, 0.0))


@pytest.mark.parametrize("block", [1, 3])
def test_what_may_never_end_is_infinite_as_in_sparse_elimination(small: Maze, block: int) -> None:
    trap: Graph = nx.MultiGraph(
        [("s", "a"), ("s", "g"), ("a", "b"), ("b", "c"), ("s", "d"), ("d", "g")],
        start="s", goals=["g", "d"],
    )  # fmt: skip
    maze = compile_maze(trap)
    names = list(trap)
    back = np.flatnonzero(maze.head == names.index("s"))  # from a, d or g: none goes back
    for where, arcs in (
        (small, np.flatnonzero(small.head == small.goals[0])),
        (maze, back),
        (maze, back[:1]),
        (maze, np.flatnonzero(maze.head == names.index("g"))),
    ):
        p = forbidden(where, arcs)
        sparse = plan_chain(where)
        with densely(block=block):
            plan = plan_chain(where)
            assert plan.tree.plan.rest is not None
            found = list(goal_blocks(plan, p))
        times = np.concatenate([times for times, _ in found], 1)
        for (mine, visits), (theirs, seen) in zip(found, goal_blocks(sparse, p), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)
            # Visits say something where the goal is surely reached.
            sure = np.isfinite(theirs[plan.moves.state_of[-1]])
            np.testing.assert_allclose(visits[:, sure], seen[:, sure], rtol=1e-12)
            assert not np.isnan(visits).any()
        assert np.isinf(times).any()
    with densely(), jax.enable_x64(True):
        solve = jax.jit(partial(times_from_start, plan))
        for arcs in (back, back[:1]):
            p = forbidden(maze, arcs)
            np.testing.assert_allclose(solve(jnp.asarray(p)), hitting_times(maze, p), rtol=1e-12)


@pytest.mark.parametrize(
    ("topology", "sizes"),
    [
        ("corridor", {"width": 15, "depth": 15, "lanes": 5}),
        ("random_regular", {"vertices": 128, "degree": 3}),
        ("grid", {"height": 10, "width": 10, "loops": 0.5}),
    ],
)
def test_mazes_that_do_not_fill_in_are_eliminated_sparsely(
    topology: str, sizes: dict[str, int]
) -> None:
    trees = [plan_chain(compile_maze(build(topology, **sizes))).tree]
    while trees:
        tree = trees.pop()
        assert tree.plan.rest is None
        trees += tree.halves


@pytest.mark.parametrize(
    ("name", "most", "told"),
    [
        ("_MOST_BYTES", 2**20, "at most 0.000977 GiB and 300 seconds are given"),
        ("_MOST_SECONDS", 1e-4, "at most 4 GiB and 0.0001 seconds are given"),
    ],
)
def test_what_a_chain_would_take_is_told_before_it_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, most: float, told: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(plans, name, most)
    monkeypatch.setattr(plans, "_FULL_STATES", 100)
    words = ["solve", "random_regular", "--vertices", "300", "--degree", "4"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "it would take 0." in error
    assert told in error
    assert error.count("\n") == 1
    maze = compile_maze(build("random_regular", vertices=300, degree=4))
    with pytest.raises(MazerlError, match="too large to solve exactly"):
        plan_chain(maze)
