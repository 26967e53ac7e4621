"""Cheapest ways against networkx, traps against fractions and the corridor's closed forms."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.corridor import sft_limit
from mazerl.exact.limits import policy_logits
from mazerl.exact.markov import hitting_times
from mazerl.exact.quasi_potential import bounds, cheapest_ways, deepest_traps
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph
from tests.maze.test_maze import connected_multigraphs
from tests.support import rational
from tests.support.random_bounds import count, random_policy


def sft(maze: Maze, **size: int) -> np.ndarray:
    return row_probabilities(maze, policy_logits("corridor", size, maze, "sft"))


def uniform(maze: Maze) -> np.ndarray:
    return row_probabilities(maze, np.zeros(rows_of(maze).size))


def names(maze: Maze, lumped: bool) -> list[tuple[Any, int]]:
    """Where each arrival is from, or by which arc, and where it is."""
    head, reverse = np.asarray(maze.head).tolist(), np.asarray(maze.reverse).tolist()
    told = [(head[reverse[arc]] if lumped else f"arc {arc}", head[arc]) for arc in range(len(head))]
    told.append(("begin", int(maze.start)))
    return [("chance", v) if maze.chance[v] else (u, v) for u, v in told]


def costs(maze: Maze, chain: rational.Chain, told: list[tuple[Any, int]]) -> "nx.DiGraph[Any]":
    """Nats of each step: a sum over the arcs that have one name, the least over the arrivals."""
    least: dict[tuple[Any, Any], Fraction] = {}
    for arrival in range(maze.num_arcs + 1):
        taken: dict[Any, Fraction] = {}
        for arc, chance in chain[arrival].items():
            name = told[int(str(arc))]
            taken[name] = taken.get(name, Fraction(0)) + chance
        for name, chance in taken.items():
            step = told[arrival], name
            least[step] = min(least.get(step, Fraction(1)), chance)
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_weighted_edges_from((u, v, -np.log(float(p))) for (u, v), p in least.items())
    return graph


@given(connected_multigraphs(), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60)
def test_cheapest_ways_are_those_of_networkx(graph: Graph, seed: int, lumped: bool) -> None:
    maze = compile_maze(graph)
    rows = rational.random_rows(maze, np.random.default_rng(seed))
    p = np.array([float(x) for x in rows])
    told = names(maze, lumped)
    ways = costs(maze, rational.chain_of(maze, rows), told)
    ends = {told[arc] for arc in rational.arcs_into(maze, int(maze.goals[0]))}
    away = nx.multi_source_dijkstra_path_length(ways.reverse(), ends)
    expected = [away.get(name, np.inf) for name in told]
    found = cheapest_ways(maze, p, lumped)
    np.testing.assert_allclose(found, [expected], rtol=1e-12, atol=1e-12)
    # Every state can be got into, but for the goal and where nothing but the goal leads to.
    ways.remove_nodes_from(ends)
    inside = nx.descendants(ways, told[-1]) | {told[-1]}
    bound = bounds(maze, p, lumped)
    assert bound.nats[0] == pytest.approx(max(away[name] for name in inside), rel=1e-12)
    assert away[told[int(bound.arrival[0])]] == pytest.approx(bound.nats[0], rel=1e-12)
    assert bound.states[0] == len(inside)


@given(connected_multigraphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_no_time_is_above_its_bound(graph: Graph, seed: int) -> None:
    maze = compile_maze(graph)
    p = random_policy(maze, np.random.default_rng(seed))
    log_time = np.log(hitting_times(maze, p))
    for lumped in (True, False):
        assert (log_time <= bounds(maze, p, lumped).log_time + 1e-9).all()


def test_bounds_hold_on_random_cases_and_what_is_no_bound_does_not() -> None:
    told = count(600)
    for kept in ("below n exp V", "below n exp V, lanes apart"):
        assert told[kept] == told["cases"] == 600
    assert told["between N and n N"] == told["cases of traps"] > 20
    assert told["above exp V"] > 100
    assert told["below exp V"] > 10


@given(connected_multigraphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_the_energy_is_that_of_leaving_in_fractions(graph: Graph, seed: int) -> None:
    simple: Graph = nx.MultiGraph(nx.Graph(graph))
    maze = compile_maze(simple)
    rows = rational.random_rows(maze, np.random.default_rng(seed))
    told = names(maze, lumped=True)
    chain: rational.Chain = {
        told[int(str(e))]: {told[int(str(f))]: p for f, p in out.items()}
        for e, out in rational.chain_of(maze, rows).items()
    }
    goal = {told[arc] for arc in rational.arcs_into(maze, int(maze.goals[0]))}
    traps = deepest_traps(maze, np.array([float(x) for x in rows]))
    bottom = told[int(traps.bottom[0])]
    before = rational.chances(chain, goal, {bottom})
    leave = sum(
        (p * (Fraction(s in goal) or before.get(s, Fraction())) for s, p in chain[bottom].items()),
        Fraction(),
    )
    assert traps.energy[0] == pytest.approx(-np.log(float(leave)), rel=1e-9, abs=1e-12)
    into = 1 - before[told[-1]] if told[-1] != bottom else Fraction(1)
    assert traps.fall[0] == pytest.approx(-np.log(float(into)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("W", "K", "L"), [(2, 3, 1), (3, 2, 3), (4, 6, 3), (3, 40, 5)])
def test_corridors_after_sft(W: int, K: int, L: int) -> None:
    """Going back takes both moves of each diamond; where it fails the walk is at the leaf again."""
    maze = compile_maze(build("corridor", width=W, depth=K, lanes=L))
    p, base = sft(maze, width=W, depth=K, lanes=L), K * np.log((L + 1) ** 2 / L)
    assert bounds(maze, p).nats == pytest.approx(np.full(W, base + np.log(W)))
    # From the fork the right leaf comes before the first wrong one in half of the cases.
    traps = deepest_traps(maze, p)
    assert traps.energy == pytest.approx(np.full(W, base + np.log(2)))
    assert traps.fall == pytest.approx(np.full(W, np.log(2)))
    leaves = np.asarray(maze.goals).tolist()
    assert np.asarray(maze.head)[traps.bottom].tolist() == [leaves[1]] + [leaves[0]] * (W - 1)
    apart = cheapest_ways(maze, p, lumped=False)[0]
    back = apart[np.flatnonzero(np.asarray(maze.head) == leaves[1])[0]] - apart[maze.num_arcs]
    assert back == pytest.approx(2 * K * np.log(L + 1))
    if K < 20:
        log_time = np.log(float(sft_limit(W, K, L)))
        assert traps.log_visits[0] < log_time < bounds(maze, p).log_time[0]


def test_a_policy_without_traps_has_no_energy() -> None:
    maze = compile_maze(build("corridor", width=4, depth=4, lanes=3))
    p = row_probabilities(maze, policy_logits("corridor", {"depth": 4}, maze, "rlvr"))
    assert bounds(maze, p).nats == pytest.approx(np.full(4, np.log(4)))
    # The fork is passed four times in the mean, whatever the depth.
    assert deepest_traps(maze, p).log_visits == pytest.approx(np.full(4, np.log(4)))


@pytest.mark.parametrize("name", ["corridor", "tree", "rooms"])
def test_goals_do_not_touch_each_other(name: str) -> None:
    maze = compile_maze(build(name))
    p = random_policy(maze, np.random.default_rng(0))
    together, traps = bounds(maze, p), deepest_traps(maze, p)
    for number, goal in enumerate(np.asarray(maze.goals)):
        alone = replace(maze, goals=np.array([goal], np.int32))
        here, trap = bounds(alone, p), deepest_traps(alone, p)
        assert (here.states[0], here.nats[0]) == (together.states[number], together.nats[number])
        assert trap.bottom[0] == traps.bottom[number]
        assert trap.energy[0] == pytest.approx(traps.energy[number], rel=1e-9)
        assert trap.fall[0] == pytest.approx(traps.fall[number], rel=1e-9, abs=1e-9)


def test_lanes_that_differ_cost_the_dearest() -> None:
    graph: Graph = nx.MultiGraph([(0, 1), (0, 1), (1, 2)], start=0, goals=[2])
    maze = compile_maze(graph)
    p = uniform(maze)
    rows = rows_of(maze)
    # After the first lane the goal has 0.8, after the second 0.1.
    onward = np.asarray(maze.head)[rows.arc] == 2
    lanes = np.flatnonzero(np.asarray(maze.head) == 1)[:2]
    for arrival, chance in zip(lanes, (0.8, 0.1), strict=True):
        mine = rows.arrival == arrival
        p[mine] = np.where(onward[mine], chance, (1 - chance) / 2)
    assert bounds(maze, p).nats[0] == pytest.approx(-np.log(0.1))
    # From the second lane back, and over the first.
    assert bounds(maze, p, lumped=False).nats[0] == pytest.approx(-np.log(0.45 * 0.5 * 0.8))


def test_where_no_way_leads_on_the_bound_is_infinite() -> None:
    graph: Graph = nx.MultiGraph([(0, 1), (0, 2), (2, 3)], start=0, goals=[1])
    maze = compile_maze(graph)
    rows, p = rows_of(maze), uniform(maze)
    head = np.asarray(maze.head)
    stays = (head[rows.arc] == 3) & (np.append(head, 0)[rows.arrival] == 2)
    at_two = np.append(head, 0)[rows.arrival] == 2
    p = np.where(at_two, stays, p).astype(float)
    assert hitting_times(maze, p)[0] == np.inf
    assert bounds(maze, p).log_time[0] == np.inf
    with pytest.raises(MazerlError, match="never reaches its goal"):
        deepest_traps(maze, p)
    with pytest.raises(MazerlError, match="this maze needs"):
        bounds(maze, p[1:])
