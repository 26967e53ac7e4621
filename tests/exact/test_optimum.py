"""The best blind policy against closed forms, tours and enumeration; dead ends against paths."""

import json
from itertools import pairwise, product
from typing import Any

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.exact import plans
from mazerl.exact.chain import plan_chain
from mazerl.exact.corridor import memory_optimum, rlvr_optimum
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import best_blind, goal_known_time
from mazerl.maze.paths import retreat
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph


@pytest.mark.parametrize(("W", "K", "L"), [(2, 1, 1), (3, 2, 3), (4, 4, 3)])
def test_descents_reach_the_closed_forms_of_corridors(W: int, K: int, L: int) -> None:
    size = {"width": W, "depth": K, "lanes": L}
    best = best_blind(compile_maze(build("corridor", **size)))
    assert best.time == pytest.approx(float(rlvr_optimum(W, K)), rel=1e-9)
    assert (best.times >= best.time).all()
    learned = best_blind(compile_maze(build("corridor", fork="learned", **size)))
    assert learned.time == pytest.approx(float(memory_optimum(W, K)), rel=1e-9)


def test_the_best_way_through_a_tree_is_a_tour() -> None:
    graph = build("tree", branching=2, depth=3, fork="learned")
    maze = compile_maze(graph)
    labeled = [e for e in nx.dfs_labeled_edges(nx.Graph(graph), 0) if e[0] != e[1]]
    tour = [v if way == "forward" else u for u, v, way in labeled if way != "nontree"]
    arrival = [tour.index(goal) + 1 for goal in graph.graph["goals"]]
    assert best_blind(maze).time == pytest.approx(np.mean(arrival), rel=1e-9)
    assert goal_known_time(maze) == 3


def test_no_deterministic_policy_is_better_than_the_best_found() -> None:
    graph: Graph = nx.MultiGraph([(0, 1), (0, 2), (1, 2), (1, 3), (2, 4)], start=0, goals=[3, 4])
    maze = compile_maze(graph)
    rows, best = rows_of(maze), best_blind(maze, restarts=4)
    widths = np.diff(rows.start)
    times = []
    for choice in product(*(range(w) for w in widths)):
        p = np.zeros(rows.size)
        p[rows.start[:-1] + np.array(choice)] = 1.0
        times.append(hitting_times(maze, p).mean())
    assert np.isfinite(times).any()
    assert best.time <= min(times) * (1 + 1e-9)
    assert goal_known_time(maze) <= best.time
    uniform = hitting_times(maze, row_probabilities(maze, np.zeros(rows.size))).mean()
    assert best.time < uniform


def test_the_probabilities_have_the_time_that_is_told() -> None:
    maze = compile_maze(build("grid", height=4, width=4, loops=0.3))
    best = best_blind(maze, restarts=2)
    assert hitting_times(maze, best.probabilities).mean() == pytest.approx(best.time, rel=1e-12)
    again = best_blind(maze, restarts=2)
    np.testing.assert_array_equal(again.probabilities, best.probabilities)
    with pytest.raises(MazerlError, match="restarts is 0"):
        best_blind(maze, restarts=0)


@given(W=st.integers(2, 5), K=st.integers(1, 5), L=st.integers(1, 4))
@settings(max_examples=20)
def test_the_cost_of_retreat_is_the_log_of_the_corridors_base(W: int, K: int, L: int) -> None:
    ways = retreat(compile_maze(build("corridor", width=W, depth=K, lanes=L)))
    assert ways.cost == pytest.approx(K * np.log((L + 1) ** 2 / L))
    assert ways.depth == 2 * K + 1
    assert ways.turning == pytest.approx(0.5)  # L/(L+1) and 1/(L+1) in turn


@given(n=st.integers(3, 12), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_on_trees_the_cost_is_that_of_the_paths_between_goals(n: int, seed: int) -> None:
    tree: Any = nx.random_labeled_tree(n, seed=seed)
    leaves = [v for v, d in tree.degree() if d == 1 and v != 0]
    graph: Graph = nx.MultiGraph(tree)
    graph.graph.update(start=0, goals=leaves)
    above = nx.predecessor(tree, 0)
    costs, depths = [], []
    for goal, other in product(leaves, leaves):
        if goal == other:
            continue
        path = nx.shortest_path(tree, goal, other)
        # Up from the wrong goal as far as the next vertex is its parent; the turn is not a retreat.
        up = [v for v, following in pairwise(path) if above[v] == [following] and v != goal]
        costs.append(sum(np.log(tree.degree(v)) for v in up))
        depths.append(len(up))
    ways = retreat(compile_maze(graph))
    assert ways.cost == pytest.approx(np.mean(costs) if costs else 0.0)
    if sum(depths):
        assert ways.depth == pytest.approx(np.mean(depths) + 1)


@pytest.mark.parametrize("name", ["ladder", "rooms"])
def test_where_there_is_a_way_round_nothing_is_undone(name: str) -> None:
    assert retreat(compile_maze(build(name))) == (0.0, 0.0, 0.0)


def test_a_graph_that_fills_in_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    maze = compile_maze(build("random_regular", vertices=40, degree=4))
    plan_chain(maze)
    monkeypatch.setattr(plans, "_MOST_PRODUCTS", 1000)
    monkeypatch.setattr(plans, "_MOST_BYTES", 1000)
    with pytest.raises(MazerlError, match="no small separators is too large"):
        plan_chain(maze)
    graph = ["random_regular", "--vertices", "40", "--degree", "4"]
    with pytest.raises(SystemExit) as stop:
        main(["solve", *graph])
    assert stop.value.code == 2
    assert "use walks (`mazerl sample`)" in capsys.readouterr().err
    main(["sample", *graph, "--walks", "100", "--json"])  # the remedy must work
    told = json.loads(capsys.readouterr().out)
    assert told["arrivals"] == 100
    assert "exact_hitting_time" not in told


def test_a_goal_on_the_way_is_no_wrong_goal_behind_itself() -> None:
    graph: Graph = nx.MultiGraph([(0, "a"), ("a", "b"), (0, "c")], start=0, goals=["a", "b", "c"])
    # Of six pairs only b → c goes back through a vertex with a choice, and that is a.
    assert retreat(compile_maze(graph)).cost == pytest.approx(np.log(2) / 6)
