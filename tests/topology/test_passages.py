"""Hops, caves and subdivided graphs, and the opinionated walks on them."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.stats import nbinom

from mazerl import MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.bases import opinionated_rows, straight_rows
from mazerl.policy.rows import require_rows, rows_of
from mazerl.topology import Graph, subdivide


def never_back(maze: Maze) -> np.ndarray:
    """At forks all arms alike and never back, in passages straight on; dead ends turn."""
    rows, head = rows_of(maze), np.asarray(maze.head)
    vertex = np.append(head, maze.start)[rows.arrival]
    came = np.append(np.asarray(maze.reverse), -1)[rows.arrival] == rows.arc
    forward = head[rows.arc] > vertex
    degree = np.asarray(maze.degree)[vertex]
    fork = (degree > 2) | (vertex == int(maze.start))
    weight = np.where(fork, forward, np.where(degree == 1, True, ~came)).astype(float)
    return weight / np.bincount(rows.arrival, weight, maze.num_arcs + 1)[rows.arrival]


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_hops_take_as_many_tries_as_a_negative_binomial(arms: int, length: int) -> None:
    """Every wrong arm costs 2·length: P(τ ≤ T) is that of few enough wrong choices in all."""
    for forks in (1, 2, 4):
        graph = build("hops", forks=forks, arms=arms, length=length)
        assert nx.is_tree(nx.Graph(graph))
        assert len(graph) == 1 + forks * arms * length
        maze = compile_maze(graph)
        assert shortest_paths(maze).distance[int(maze.goals[0])] == forks * length
        limit = 6 * forks * length
        law = arrival_law(maze, never_back(maze), limit)[0].cumsum()
        for share in (1, 2, 4, 6):
            wrong = (share * forks - forks) // 2
            expected = nbinom.cdf(wrong, forks, 1 / arms)
            assert law[share * forks * length] == pytest.approx(expected, rel=1e-12)
    # Science's numbers for two arms at four times the distance.
    assert arms != 2 or law[4 * forks * length] == pytest.approx(0.83, abs=0.005)


def test_caves_are_trees_of_junctions_and_passages() -> None:
    graphs = [
        build("caves", junctions=20, fewest=3, most=5, passage=4, graph_seed=seed)
        for seed in range(5)
    ]
    for graph in graphs:
        assert nx.is_tree(nx.Graph(graph))
        degree = np.asarray([d for _, d in graph.degree()])
        assert (degree > 2).sum() == 20
        assert set(degree[degree > 2]) <= {3, 4, 5}
        # Every edge of the small tree is a passage of four vertices.
        small = len(degree) - (degree == 2).sum() - 1
        assert (degree == 2).sum() == 4 * small
        ends = {v for v, d in graph.degree() if d != 2} - {0}
        assert set(graph.graph["goals"]) == ends
        compile_maze(graph)
    for ways in (3, 6):
        graph = build("caves", junctions=20, fewest=ways, most=ways)
        assert {d for _, d in graph.degree()} == {1, 2, ways}
    again = build("caves", junctions=20, fewest=3, most=5, passage=4, graph_seed=4)
    other = build("caves", junctions=20, fewest=3, most=5, passage=4, graph_seed=5)
    assert nx.utils.graphs_equal(again, graphs[4])
    assert not nx.utils.graphs_equal(other, graphs[4])


def test_caves_have_a_spine_loops_and_parallel_and_decorative_ways() -> None:
    plain = build("caves", junctions=10)
    spine = build("caves", junctions=10, spine=3, passage=2)
    near = sorted(spine.graph["goals"])[:3]
    assert [nx.shortest_path_length(spine, 0, v) for v in near] == [3, 6, 9]

    def cycles(graph: Graph) -> int:
        return graph.number_of_edges() - len(graph) + 1

    assert cycles(plain) == 0
    assert cycles(build("caves", junctions=10, loops=1.0)) > 5
    assert cycles(build("caves", junctions=10, parallel=1.0)) == 9
    forked = build("caves", junctions=10, decorative=1.0)
    # One small ring a passage: as many as there are goals.
    assert cycles(forked) == len(forked.graph["goals"])
    rings = nx.cycle_basis(nx.Graph(forked))
    assert {len(ring) for ring in rings} == {4}
    for graph in (spine, forked, build("caves", loops=0.5, parallel=0.5, decorative=0.5)):
        compile_maze(graph)


@pytest.mark.parametrize("passage", [0, 1, 3])
def test_subdividing_stretches_all_ways(passage: int) -> None:
    graph = build("corridor", width=3, depth=2, lanes=2)
    longer = subdivide(graph, passage)
    assert longer.graph == graph.graph
    assert len(longer) == len(graph) + passage * graph.number_of_edges()
    near, far = (nx.single_source_shortest_path_length(g, 0) for g in (graph, longer))
    assert all(far[v] == (passage + 1) * near[v] for v in graph)
    assert longer.nodes[0].get("chance") is True
    assert compile_maze(longer).num_goals == 3
    assert passage or nx.utils.graphs_equal(longer, graph)


@pytest.mark.parametrize("rows_for", [
    lambda maze: straight_rows(maze, 0.02), lambda maze: opinionated_rows(maze, 0.02, 1.0, 3),
])  # fmt: skip
def test_bases_seldom_turn_and_rule_nothing_out(rows_for: Any) -> None:
    maze = compile_maze(build("caves", junctions=30, most=6))
    p, rows = require_rows(maze, rows_for(maze)), rows_of(maze)
    assert (p > 0).all()
    back = np.append(np.asarray(maze.reverse), -1)[rows.arrival] == rows.arc
    ways = np.diff(rows.start)[rows.arrival]
    np.testing.assert_allclose(p[back & (ways > 1)], 0.02, rtol=1e-12)
    np.testing.assert_array_equal(p[ways == 1], 1.0)


def test_straight_rows_of_mazes_side_by_side_are_those_of_each() -> None:
    mazes = [compile_maze(build("hops", forks=n)) for n in (1, 3)]
    each = [np.split(straight_rows(maze, 0.2), [rows_of(maze).start[-2]]) for maze in mazes]
    # Where walks begin stands at the end.
    expected = np.concatenate([begin[0] for begin in each] + [begin[1] for begin in each])
    np.testing.assert_array_equal(straight_rows(side_by_side(mazes), 0.2), expected)


def test_opinions_differ_from_vertex_to_vertex() -> None:
    """Some forks are open and some settled; by one seed always the same."""
    maze = compile_maze(build("caves", junctions=60, fewest=4, most=4))
    p, rows = opinionated_rows(maze, 0.02, 1.0, 0), rows_of(maze)
    entropy = np.bincount(rows.arrival, -p * np.log(p), maze.num_arcs + 1)
    forks = entropy[(np.diff(rows.start) == 4)]
    assert forks.min() < 0.35 < 1.1 < forks.max()
    np.testing.assert_array_equal(p, opinionated_rows(maze, 0.02, 1.0, 0))
    assert np.abs(p - opinionated_rows(maze, 0.02, 1.0, 1)).max() > 0.5
    straight = straight_rows(maze, 0.02)
    assert np.abs(p - straight).max() > 0.5
    near = opinionated_rows(maze, 0.02, 1e-9, 0)
    np.testing.assert_allclose(near, straight, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("hops", {"forks": 0}, "forks is 0"),
        ("hops", {"arms": 1}, "arms is 1; give a whole number of at least 2"),
        ("hops", {"length": 0}, "length is 0"),
        ("caves", {"fewest": 2}, "fewest is 2 and most 4; give 3 <= fewest"),
        ("caves", {"fewest": 5, "most": 4}, "fewest is 5 and most 4"),
        ("caves", {"most": 9}, "most 9"),
        ("caves", {"passage": -1}, "passage is -1"),
        ("caves", {"loops": 1.5}, "loops is 1.5"),
        ("caves", {"parallel": -0.1}, "parallel is -0.1"),
        ("caves", {"junctions": 0}, "junctions is 0"),
        ("caves", {"graph_seed": -1}, "graph_seed"),
    ],
)
def test_caves_that_cannot_be(name: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        build(name, **given)


def test_bases_that_cannot_be() -> None:
    maze = compile_maze(build("hops"))
    for turning in (0.0, -1.0, 1.0, 2.0, float("nan")):
        with pytest.raises(MazerlError, match="turning is"):
            straight_rows(maze, turning)
    with pytest.raises(MazerlError, match="spread is 0"):
        opinionated_rows(maze, 0.1, 0.0, 0)
    with pytest.raises(MazerlError, match="seed"):
        opinionated_rows(maze, 0.1, 1.0, -1)
    with pytest.raises(MazerlError, match="passage is -2"):
        subdivide(build("hops"), -2)
