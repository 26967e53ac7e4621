from itertools import pairwise
from typing import Any

import jax
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import Maze, build, compile_maze
from mazerl.exact.markov import entry_visits
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.topology import Graph
from mazerl.walk import rollouts
from mazerl.walk.corpora import erase_loops, golden_visits, visits_of
from mazerl.walk.rollouts import rollout, run_walks
from tests.maze.test_maze import connected_multigraphs


@given(connected_multigraphs())
@settings(max_examples=40)
def test_golden_visits_agree_with_listing_all_shortest_paths(graph: Graph) -> None:
    maze = compile_maze(graph)
    rows, names = rows_of(maze), list(graph)
    start, goal = graph.graph["start"], graph.graph["goals"][0]
    simple: nx.Graph[Any] = nx.Graph(graph)
    # Every choice of parallel edges is a path of its own.
    counted: dict[tuple[str, str], float] = {}
    total = 0
    for path in nx.all_shortest_paths(simple, start, goal):
        edges = list(pairwise(path))
        ways = int(np.prod([graph.number_of_edges(u, v) for u, v in edges]))
        total += ways
        for edge in edges:
            counted[edge] = counted.get(edge, 0) + ways
    visits = golden_visits(maze)
    taken: dict[tuple[str, str], float] = {}
    vertex = np.append(maze.head, maze.start)
    for entry in range(rows.size):
        edge = (names[vertex[rows.arrival[entry]]], names[maze.head[rows.arc[entry]]])
        taken[edge] = taken.get(edge, 0) + visits[entry]
    for edge, count in counted.items():
        if not graph.nodes[edge[0]].get("chance"):
            assert taken[edge] == pytest.approx(count / total)
    assert visits.sum() <= nx.shortest_path_length(simple, start, goal) + 1e-9


def test_golden_visits_of_a_corridor(medium: Maze) -> None:
    visits, rows = golden_visits(medium), rows_of(medium)
    head = np.append(medium.head, medium.start)
    assert visits.sum() == pytest.approx(8)  # 2K+1 steps, the first by chance
    forward = medium.head[rows.arc] > head[rows.arrival]
    assert (visits[~forward] == 0).all()
    assert set(np.round(visits[visits > 0], 12)) == {round(1 / 12, 12)}


def test_golden_paths_are_counted_beyond_floating_point() -> None:
    maze = compile_maze(build("corridor", width=1, depth=700, lanes=5))  # 5^700 paths
    assert golden_visits(maze).sum() == pytest.approx(1400)


def test_sampled_visits_agree_with_exact_ones(medium: Maze) -> None:
    logits = np.random.default_rng(0).normal(size=rows_of(medium).size)
    exact = entry_visits(medium, row_probabilities(medium, logits))
    params = logits.astype(np.float32)
    parts = [
        visits_of(medium, rollout(TABULAR, params, medium, jax.random.key(k), 100, 40_000))
        for k in range(20)
    ]
    error = np.std(parts, axis=0) / np.sqrt(len(parts) - 1)
    assert (np.abs(np.mean(parts, axis=0) - exact) < 6 * error + 1e-3).all()
    assert np.mean(parts) == pytest.approx(exact.mean(), rel=0.1)


def test_erasing_loops_leaves_simple_paths_to_the_goal(medium: Maze) -> None:
    walks = rollout(UNIFORM, (), medium, jax.random.key(0), 100, 5000)
    cut = erase_loops(medium, walks)
    head = np.append(medium.head, medium.start)
    for b in np.flatnonzero(walks.reached):
        arcs = cut.arc[b, : cut.length[b] + 1]
        visited = head[arcs]
        assert len(set(visited.tolist())) == len(visited)
        assert visited[-1] == walks.goal[b]
        assert cut.length[b] == 9
        np.testing.assert_array_equal(medium.head[medium.reverse[arcs[1:]]], visited[:-1])
        ports = cut.port[b, : cut.length[b]]
        np.testing.assert_array_equal(medium.first_arc[visited[:-1]] + ports, arcs[1:])
    # Loop-erased uniform walks to a leaf are golden paths with every lane equally likely.
    reached = np.asarray(walks.reached)
    kept = type(cut)(*(np.asarray(field)[reached] for field in cut))
    sampled = visits_of(medium, kept)
    assert ((sampled > 0) <= (golden_visits(medium) > 0)).all()


@pytest.mark.parametrize("most", [0, 2**14])
def test_bits_are_the_same_whether_drawn_ahead_or_step_by_step(
    small: Maze, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rollouts, "_FEW_WALKS", most)
    # A number of walks that is compiled here alone.
    walks = 97 + (most > 0)
    key = jax.random.key(3)
    recorded = rollout(UNIFORM, (), small, key, walks, 75)
    ended = run_walks(UNIFORM, (), small, key, walks, 75)
    assert (np.asarray(ended.steps) == np.asarray(recorded.length)).all()
    assert (np.asarray(ended.reached) == np.asarray(recorded.reached)).all()
