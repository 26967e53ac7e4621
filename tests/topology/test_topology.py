"""Built-in topologies, and graphs that users bring."""

from typing import Any

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import MazerlError, build, compile_maze
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import TOPOLOGIES, Graph


def uniform_by_resistance(graph: Graph) -> float:
    """Mean hitting time of the uniform walk from effective resistances (Tetali 1991).

    H(s, g) = ½ Σ_v degree(v) (R(s, g) + R(g, v) - R(s, v)).
    """
    simple: nx.Graph[Any] = nx.Graph()
    simple.add_nodes_from(graph)
    for near, far in graph.edges():
        count = graph.number_of_edges(near, far)
        simple.add_edge(near, far, weight=count)
    index = {v: i for i, v in enumerate(simple)}
    laplacian = nx.laplacian_matrix(simple, weight="weight").toarray().astype(float)
    inverse = np.linalg.pinv(laplacian, rcond=1e-10, hermitian=True)
    diagonal = np.diag(inverse)
    resistance = diagonal[:, None] + diagonal[None, :] - 2 * inverse
    degree = np.array([graph.degree(v) for v in simple])
    start = index[graph.graph["start"]]
    return float(
        np.mean(
            [
                0.5 * degree @ (resistance[start, g] + resistance[g] - resistance[start])
                for g in (index[goal] for goal in graph.graph["goals"])
            ]
        )
    )


def uniform_exactly(graph: Graph) -> float:
    maze = compile_maze(graph)
    return float(hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size))).mean())


SOME: dict[str, list[dict[str, Any]]] = {
    "corridor": [{}, {"width": 2, "depth": 3, "lanes": 2, "fork": "learned"}],
    "asymmetric_corridor": [{}],
    "path_star": [{}, {"arms": 5, "length": 1}],
    "tree": [{}, {"branching": 3, "depth": 2, "fork": "learned"}],
    "hops": [{}, {"forks": 2, "arms": 3, "length": 1}],
    "caves": [{}, {"junctions": 5, "spine": 2, "loops": 0.5, "parallel": 0.5, "decorative": 0.5}],
    "ladder": [{}, {"length": 2}],
    "grid": [{}, {"height": 3, "width": 6, "loops": 0.5, "graph_seed": 3}, {"loops": 1.0}],
    "rooms": [{}, {"rooms": 3, "size": 5}],
    "random_regular": [{}, {"vertices": 20, "degree": 4, "graph_seed": 1}],
    "erdos_renyi": [{}, {"vertices": 40, "mean_degree": 2.0, "graph_seed": 2}],
}


@pytest.mark.parametrize(
    ("name", "parameters"), [(name, each) for name, some in SOME.items() for each in some]
)
def test_every_topology_is_a_maze_with_the_times_of_resistance(
    name: str, parameters: dict[str, Any]
) -> None:
    graph = build(name, **parameters)
    assert uniform_exactly(graph) == pytest.approx(uniform_by_resistance(graph), rel=1e-9)
    again = build(name, **parameters)
    assert list(graph.edges()) == list(again.edges())


def test_no_topology_is_left_out_of_these_tests() -> None:
    assert set(SOME) == set(TOPOLOGIES) - {"file"}


def test_path_stars_are_corridors_without_diamonds() -> None:
    graph = build("path_star", arms=3, length=5)
    assert sorted(d for _, d in graph.degree()) == [1] * 3 + [2] * 12 + [3]
    # Commute time on a tree is 2 · edges · distance; the way back is the same by symmetry of arms.
    assert nx.is_tree(nx.Graph(graph))
    assert graph.nodes[0]["chance"]


@given(b=st.integers(1, 4), d=st.integers(1, 3))
@settings(max_examples=12)
def test_trees_end_in_goals(b: int, d: int) -> None:
    graph = build("tree", branching=b, depth=d)
    leaves = {v for v, degree in graph.degree() if degree == 1 and v != 0}
    assert set(graph.graph["goals"]) == leaves
    assert len(leaves) == b**d


@given(h=st.integers(2, 6), w=st.integers(2, 6), loops=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_grids_have_their_share_of_loops(h: int, w: int, loops: float, seed: int) -> None:
    graph = build("grid", height=h, width=w, loops=loops, goals=1, graph_seed=seed)
    whole = nx.grid_2d_graph(h, w)
    walls = whole.number_of_edges() - (h * w - 1)
    assert graph.number_of_edges() == h * w - 1 + round(loops * walls)
    assert nx.is_connected(graph)
    assert all(whole.has_edge(*edge) for edge in graph.edges())


def test_random_graphs_depend_on_their_seed_alone() -> None:
    for name in ("random_regular", "erdos_renyi", "grid"):
        one, other = (sorted(map(sorted, build(name, graph_seed=s).edges())) for s in (0, 1))
        assert one != other
    regular = build("random_regular", vertices=30, degree=4)
    assert {degree for _, degree in regular.degree()} == {4}
    assert nx.is_connected(build("erdos_renyi", vertices=60, mean_degree=1.5))


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("path_star", {"arms": 0}, "arms is 0"),
        ("tree", {"depth": 0}, "depth is 0"),
        ("tree", {"fork": "x"}, "fork is 'x'"),
        ("ladder", {"length": 1}, "length is 1; give at least 2"),
        ("grid", {"height": 1}, "height is 1; give at least 2"),
        ("grid", {"loops": 1.5}, "loops is 1.5"),
        ("grid", {"loops": float("nan")}, "loops is nan"),
        ("grid", {"goals": 25}, "25 goals in a graph of 25 vertices"),
        ("rooms", {"size": 2}, "size is 2; give at least 3"),
        ("random_regular", {"vertices": 5, "degree": 3}, "no graph of 5 vertices has degree 3"),
        ("random_regular", {"degree": 1}, "has degree 1"),
        ("erdos_renyi", {"mean_degree": 0.0}, "mean degree of 0.0"),
        ("erdos_renyi", {"vertices": 1}, "1 vertices"),
        ("tree", {"deep": 3}, "unexpected keyword argument 'deep'"),
    ],
)
def test_bad_parameters_are_refused(name: str, parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(MazerlError, match=says) as caught:
        build(name, **parameters)
    assert "\n" not in str(caught.value)
