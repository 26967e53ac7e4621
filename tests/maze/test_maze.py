import tracemalloc
from typing import Any

import hypothesis.strategies as st
import jax
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import Maze, MazerlError, build, compile_maze, register
from mazerl.maze import to_networkx
from mazerl.topology import TOPOLOGIES, Builder, Graph, corridor


def same(one: Maze, other: Maze) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, one, other))


@given(W=st.integers(1, 6), K=st.integers(1, 5), L=st.integers(1, 5))
@settings(max_examples=30)
def test_corridor_has_the_sizes_and_distances_of_its_definition(W: int, K: int, L: int) -> None:
    graph = corridor(width=W, depth=K, lanes=L)
    assert graph.number_of_nodes() == 1 + W * (2 * K + 1)
    assert graph.number_of_edges() == W * (K + 1 + K * L)
    distance = nx.single_source_shortest_path_length(graph, graph.graph["start"])
    assert {distance[goal] for goal in graph.graph["goals"]} == {2 * K + 1}
    assert len(graph.graph["goals"]) == W
    degrees = sorted({d for v, d in graph.degree() if v != 0})
    assert degrees == [1, L + 1]
    assert graph.nodes[0]["chance"]


@st.composite
def connected_multigraphs(draw: st.DrawFn) -> Graph:
    n = draw(st.integers(2, 8))
    graph: Graph = nx.MultiGraph(start="v0", goals=[f"v{n - 1}"])
    names = [f"v{i}" for i in draw(st.permutations(range(n)))]
    graph.add_nodes_from(names)
    for i in range(1, n):
        graph.add_edge(f"v{i}", f"v{draw(st.integers(0, i - 1))}")
    for _ in range(draw(st.integers(0, 6))):
        u, v = draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1))
        if u != v:
            graph.add_edge(f"v{u}", f"v{v}")
    if draw(st.booleans()):
        graph.nodes["v0"]["chance"] = True
    return graph


@given(connected_multigraphs())
@settings(max_examples=60)
def test_round_trip_and_arc_invariants(graph: Graph) -> None:
    maze = compile_maze(graph)
    back = to_networkx(maze, list(graph))
    assert nx.utils.graphs_equal(nx.Graph(back), nx.Graph(graph))
    assert sorted(map(sorted, back.edges())) == sorted(map(sorted, graph.edges()))
    assert (back.graph["start"], back.graph["goals"]) == ("v0", graph.graph["goals"])
    assert same(compile_maze(back), maze)

    tail = maze.head[maze.reverse]
    assert (np.diff(tail) >= 0).all()
    assert (maze.reverse[maze.reverse] == np.arange(maze.num_arcs)).all()
    assert (maze.degree == np.bincount(tail, minlength=maze.num_vertices)).all()
    names = list(graph)
    for v, name in enumerate(names):
        out = maze.first_arc[v] + np.arange(maze.degree[v])
        neighbours = [u for _, u in graph.edges(name)]
        assert sorted(names[h] for h in maze.head[out]) == sorted(neighbours)
    decided = [int(maze.degree[v]) for v in range(len(names)) if not maze.chance[v]]
    assert maze.num_ports == max(decided)


def test_maze_is_a_pytree_of_arrays() -> None:
    maze = compile_maze(build("corridor", width=2, depth=1, lanes=1))
    assert len(jax.tree.leaves(maze)) == 8
    assert same(jax.jit(lambda m: m)(maze), maze)


def broken(**changes: Any) -> Graph:
    graph: Graph = nx.MultiGraph([("s", "m"), ("m", "g")], start="s", goals=["g"])
    graph.add_node("island")
    graph.graph |= changes
    return graph


def with_loop() -> Graph:
    graph = broken()
    graph.add_edge("m", "m")
    return graph


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (nx.MultiGraph(start=0, goals=[1]), "empty"),
        (broken(start=None), "no start"),
        (broken(start="x"), "start 'x'"),
        (broken(start=float("nan")), "start nan"),
        (broken(start=["s"]), r"start \['s'\]"),
        (broken(start="island"), "start 'island' has no way out"),
        (broken(goals=None), "no list of goals"),
        (broken(goals="g"), "no list of goals"),
        (broken(goals=[]), "goals is empty"),
        (broken(goals=["x"]), "goal 'x'"),
        (broken(goals=["g", "g"]), "goal 'g' is listed twice"),
        (broken(goals=["g", "s"]), "start 's' is among the goals"),
        (broken(goals=["island"]), "reaches goal 'island'"),
        (nx.MultiDiGraph([("s", "g")], start="s", goals=["g"]), "directed"),
        (with_loop(), "vertex 'm' has an edge to itself"),
        (broken(), "vertex 'island' has no edge"),
    ],
)
def test_bad_graphs_are_refused_in_one_line(graph: Graph, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        compile_maze(graph)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["width", "depth", "lanes"])
@pytest.mark.parametrize("value", [0, -1, 2.5, float("nan"), "3", None, True])
def test_bad_parameters_are_refused(name: str, value: object) -> None:
    with pytest.raises(MazerlError, match=f"{name} is .*at least 1"):
        build("corridor", **{name: value})


def test_numpy_integers_are_whole_numbers() -> None:
    assert build("corridor", width=np.int64(2)).graph["goals"] == [9, 18]


def test_unknown_topology_names_the_known_ones() -> None:
    with pytest.raises(MazerlError, match=r"unknown topology 'maze'; known: .*corridor"):
        build("maze")
    with pytest.raises(MazerlError, match="unexpected keyword argument 'widht'"):
        build("corridor", widht=3)
    with pytest.raises(MazerlError, match="fork is 'x'"):
        build("corridor", fork="x")


def partial_edge() -> Builder:
    def edge() -> Graph:
        raise AssertionError("never built")

    return edge


def test_a_registered_builder_is_a_topology() -> None:
    def edge() -> Graph:
        """One edge."""
        return nx.MultiGraph([(0, 1)], start=0, goals=[1])

    register(edge)
    try:
        assert compile_maze(build("edge")).num_arcs == 2
        register(edge)
        with pytest.raises(MazerlError, match="registered already"):
            register(partial_edge())
    finally:
        del TOPOLOGIES["edge"]


def test_names_must_fit() -> None:
    maze = compile_maze(build("corridor", width=1, depth=1, lanes=1))
    with pytest.raises(MazerlError, match="1 names for 4 vertices"):
        to_networkx(maze, ["a"])


def test_a_wide_fork_needs_no_padding() -> None:
    graph = build("corridor", width=20_000, depth=1, lanes=1)
    tracemalloc.start()
    maze = compile_maze(graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    stored = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(maze))
    assert maze.degree[0] == 20_000
    assert stored < 20 * maze.num_arcs
    assert peak < 400 * maze.num_arcs
