from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.chain import plan_chain
from mazerl.exact.horizon import hit_probability
from mazerl.exact.markov import (
    entry_visits,
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


def uniform(maze: Maze) -> np.ndarray:
    return row_probabilities(maze, np.zeros(rows_of(maze).size))


@given(connected_multigraphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_every_arc_agrees_with_exact_rationals(graph: Graph, seed: int) -> None:
    maze = compile_maze(graph)
    rows = rational.random_rows(maze, np.random.default_rng(seed))
    p = np.array([float(x) for x in rows])
    computed = hitting_times_by_arc(maze, p)
    goal = int(maze.goals[0])
    exact = rational.hitting_times(rational.chain_of(maze, rows), rational.arcs_into(maze, goal))
    for arc in range(maze.num_arcs + 1):
        if arc in exact:
            assert computed[0, arc] == pytest.approx(float(exact[arc]), rel=1e-12)
    assert (computed[0, sorted(rational.arcs_into(maze, goal))] == 0).all()
    assert computed[0, maze.num_arcs] == pytest.approx(hitting_times(maze, p)[0], rel=1e-12)


def test_each_goal_of_a_corridor_agrees_with_exact_rationals(small: Maze) -> None:
    rows = rational.random_rows(small, np.random.default_rng(0))
    p = np.array([float(x) for x in rows])
    chain = rational.chain_of(small, rows)
    from_start = hitting_times(small, p)
    for number, goal in enumerate(small.goals):
        exact = rational.hitting_times(chain, rational.arcs_into(small, int(goal)))
        assert from_start[number] == pytest.approx(float(exact[small.num_arcs]), rel=1e-12)


@given(connected_multigraphs())
@settings(max_examples=40)
def test_uniform_walk_agrees_with_resistance_distance(graph: Graph) -> None:
    # Tetali 1991: H(s, g) = ½ Σ_w deg(w) (R(s, g) + R(g, w) - R(s, w)).
    start, goal = graph.graph["start"], graph.graph["goals"][0]
    simple: nx.Graph[Any] = nx.Graph()
    for u, v in graph.edges():
        old = simple.get_edge_data(u, v, {"weight": 0})["weight"]
        simple.add_edge(u, v, weight=old + 1)
    resistance: Any = nx.resistance_distance(simple, weight="weight", invert_weight=False)
    expected = 0.5 * sum(
        degree * (resistance[start][goal] + resistance[goal][w] - resistance[start][w])
        for w, degree in graph.degree()
    )
    maze = compile_maze(graph)
    assert hitting_times(maze, uniform(maze))[0] == pytest.approx(expected, rel=1e-9)


def test_hit_probability_sums_to_the_hitting_time(medium: Maze) -> None:
    p = uniform(medium)
    survival = 1 - hit_probability(medium, p, 30_000)
    assert survival.sum() == pytest.approx(hitting_times(medium, p).mean(), rel=1e-9)


def test_occupancy_sums_to_times_and_conserves_flow(small: Maze) -> None:
    p = np.array([float(x) for x in rational.random_rows(small, np.random.default_rng(2))])
    visits = occupancy(small, p)
    np.testing.assert_allclose(visits.sum(1), hitting_times(small, p), rtol=1e-12)
    tail = small.head[small.reverse]
    for goal, flow in zip(small.goals, visits, strict=True):
        inflow = np.bincount(small.head, flow, small.num_vertices)
        outflow = np.bincount(tail, flow, small.num_vertices)
        source = np.zeros(small.num_vertices)
        source[small.start], source[goal] = 1, -1
        np.testing.assert_allclose(outflow - inflow, source, atol=1e-10)


def test_entry_visits_are_what_arcs_out_of_decided_vertices_carry(small: Maze) -> None:
    p = uniform(small)
    rows = rows_of(small)
    by_arc = np.bincount(rows.arc, entry_visits(small, p), small.num_arcs)
    tail = small.head[small.reverse]
    expected = np.where(small.chance[tail], 0, occupancy(small, p).mean(0))
    np.testing.assert_allclose(by_arc, expected, rtol=1e-12, atol=1e-15)


def test_gradient_is_the_derivative_of_the_exact_time(small: Maze) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=rows_of(small).size)
    reward = Reward(arrival=2.0, penalty=0.01)

    def value(x: np.ndarray) -> float:
        time = hitting_times(small, row_probabilities(small, x)).mean()
        return reward.arrival - reward.penalty * float(time)

    exact = policy_gradient(small, row_probabilities(small, logits), reward)
    assert exact.value == pytest.approx(value(logits), rel=1e-12)
    for _ in range(5):
        direction = rng.normal(size=len(logits))
        step = 1e-5 * direction
        slope = (value(logits + step) - value(logits - step)) / 2e-5
        assert exact.logits @ direction == pytest.approx(slope, rel=1e-6)


def test_gradient_agrees_with_automatic_differentiation(medium: Maze) -> None:
    plan = plan_chain(medium)
    p = uniform(medium)
    with jax.enable_x64(True):
        solve = jax.jit(jax.value_and_grad(lambda q: mean_hitting_time(plan, q)))
        time, by_probability = solve(jnp.asarray(p))
    assert float(time) == pytest.approx(2261 / 3, rel=1e-12)
    # Chain rule through softmax, row by row.
    arrival = rows_of(medium).arrival
    weighted = p * np.asarray(by_probability)
    by_logit = weighted - p * np.bincount(arrival, weighted, medium.num_arcs + 1)[arrival]
    exact = policy_gradient(medium, p, Reward(0.0, 1.0), plan)
    np.testing.assert_allclose(exact.logits, -by_logit, rtol=1e-9, atol=1e-9)


def test_unreachable_goal_is_infinite_and_has_no_gradient(small: Maze) -> None:
    rows = rows_of(small)
    logits = np.zeros(rows.size)
    into_last = np.isin(rows.arc, np.flatnonzero(small.head == small.goals[0]))
    logits[into_last] = -np.inf  # branch 0's leaf is never entered
    p = row_probabilities(small, logits)
    times = hitting_times(small, p)
    assert times[0] == np.inf
    assert np.isfinite(times[1:]).all()
    by_arc = hitting_times_by_arc(small, p)
    assert not np.isnan(by_arc).any()
    assert hit_probability(small, p, 5000)[-1] == pytest.approx(2 / 3, rel=1e-6)
    with pytest.raises(MazerlError, match="expected reward is -inf"):
        policy_gradient(small, p, Reward())


def test_a_trap_makes_every_goal_infinite_but_nothing_negative() -> None:
    # a - s - g; once at a, a coin decides between bouncing a - b forever and returning.
    graph: Graph = nx.MultiGraph([("s", "a"), ("s", "g"), ("a", "b")], start="s", goals=["g"])
    maze = compile_maze(graph)
    rows = rows_of(maze)
    names = list(graph)
    back_to_s = (maze.head[rows.arc] == names.index("s")) & (
        np.append(maze.head, 0)[rows.arrival] == names.index("a")
    )
    p = row_probabilities(maze, np.where(back_to_s, -np.inf, 0.0))
    times = hitting_times_by_arc(maze, p)
    assert times[0, maze.num_arcs] == np.inf
    assert (times >= 0).all()


def test_overflow_is_an_error_not_infinity() -> None:
    maze = compile_maze(build("corridor", width=2, depth=400, lanes=5))
    rows = rows_of(maze)
    head = np.append(maze.head, 0)
    onward = maze.head[rows.arc] > head[rows.arrival]
    p = row_probabilities(maze, np.where(onward, 8.0, 0.0))
    with pytest.raises(MazerlError, match="finite but beyond 1e308"):
        hitting_times(maze, p)


@pytest.mark.parametrize("bad", ["shape", "negative", "sum", "nan"])
def test_what_is_no_distribution_is_refused(small: Maze, bad: str) -> None:
    p = uniform(small)
    if bad == "shape":
        p = p[:-1]
    elif bad == "negative":
        p[:2] = [-0.5, 1.5]
    elif bad == "sum":
        p[0] += 0.1
    else:
        p[0] = np.nan
    with pytest.raises(MazerlError, match=r"needs|not a probability"):
        hitting_times(small, p)
    with pytest.raises(MazerlError, match="time limit is 0"):
        hit_probability(small, uniform(small), 0)


def test_many_goals_share_the_work() -> None:
    maze = compile_maze(build("corridor", width=200, depth=1, lanes=2))
    times = hitting_times(maze, uniform(maze))
    np.testing.assert_allclose(times, times[0], rtol=1e-12)
    assert times[0] == pytest.approx(399 * 4 * 2.5, rel=1e-12)
    visits = occupancy(maze, uniform(maze))
    np.testing.assert_allclose(visits.sum(1), times, rtol=1e-12)
