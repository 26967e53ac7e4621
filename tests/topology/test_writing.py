"""Written files are read as the same graph, by us and by networkx; mutants never as another."""

import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.topology import Graph
from mazerl.topology.writing import write_graph
from tests.support.graph_fuzz import fuzz

TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=4)
NAMES = st.one_of(TEXTS, st.integers(-3, 3), st.tuples(st.integers(0, 2), st.integers(0, 2)))


@st.composite
def graphs(draw: st.DrawFn, names: st.SearchStrategy[Any] = NAMES) -> Graph:
    """Connected mazes with parallel edges and chance vertices, whose texts differ."""
    vertices = draw(st.lists(names, min_size=2, max_size=7, unique_by=lambda name: str(name)))
    graph: Graph = nx.MultiGraph()
    graph.add_nodes_from((v, {"chance": draw(st.booleans())}) for v in vertices)
    for number, vertex in enumerate(vertices[1:], 1):
        for _ in range(draw(st.integers(1, 3))):
            graph.add_edge(vertex, vertices[draw(st.integers(0, number - 1))])
    start, *others = draw(st.permutations(vertices))
    graph.graph.update(start=start, goals=others[: draw(st.integers(1, len(others)))])
    return graph


@pytest.mark.parametrize("kind", [".json", ".graphml"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs())
def test_a_written_graph_is_read_as_the_same_maze(
    tmp_path_factory: pytest.TempPathFactory, kind: str, graph: Graph
) -> None:
    path = tmp_path_factory.mktemp("written") / f"g{kind}"
    write_graph(graph, path)
    read = build("file", path=str(path))
    if kind == ".json":
        assert list(read) == list(graph)
        other = nx.node_link_graph(json.loads(path.read_text("utf-8")), edges="edges")
    else:
        assert list(read) == list(map(str, graph))
        other = nx.read_graphml(path, force_multigraph=True)
    assert sorted(d for _, d in other.degree()) == sorted(d for _, d in graph.degree())
    for ours, theirs in zip(_arrays(read), _arrays(graph), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _arrays(graph: Graph) -> list[np.ndarray]:
    maze = compile_maze(graph)
    return [maze.head, maze.reverse, maze.first_arc, maze.chance, maze.start, maze.goals]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs(TEXTS))
def test_edges_survive_in_an_edge_list(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph
) -> None:
    nx.set_node_attributes(graph, dict.fromkeys(graph, False), "chance")
    path = tmp_path_factory.mktemp("written") / "g.csv"
    write_graph(graph, path)
    ends = {"start": f'"{graph.graph["start"]}"', "goals": json.dumps(graph.graph["goals"])}
    read = build("file", path=str(path), **ends)
    edges = [sorted(map(sorted, g.edges())) for g in (read, graph)]
    assert edges[0] == edges[1]
    assert read.graph == graph.graph


def test_what_a_form_cannot_say_is_refused(tmp_path: Path) -> None:
    graph: Graph = nx.MultiGraph([(0, "0"), ("0", 1)], start=0, goals=[1])
    for kind in (".graphml", ".csv"):
        with pytest.raises(MazerlError, match="two vertices are both written '0'"):
            write_graph(graph, tmp_path / f"g{kind}")
    write_graph(graph, tmp_path / "g.json")
    assert build("file", path=str(tmp_path / "g.json")).graph == {"start": 0, "goals": [1]}
    graph = nx.MultiGraph([("a", "b")], start="a", goals=["b"])
    graph.add_node("alone")
    with pytest.raises(MazerlError, match="cannot hold 'alone', which has no edge"):
        write_graph(graph, tmp_path / "g.csv")
    graph.nodes["b"]["chance"] = True
    with pytest.raises(MazerlError, match="cannot say that 'b' is chance's"):
        write_graph(graph, tmp_path / "g.csv")
    graph = nx.MultiGraph([("a", "b\n")])
    with pytest.raises(MazerlError, match="holds signs that such a file cannot"):
        write_graph(graph, tmp_path / "g.graphml")


def test_the_command_writes_and_reads_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.graphml", tmp_path / "b.json"
    write_graph(build("tree", depth=2), first)
    main(["graph", str(first), "--out", str(second)])
    assert f"written   {second}" in capsys.readouterr().out
    for ours, theirs in zip(
        _arrays(build("file", path=str(second))), _arrays(build("tree", depth=2)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_mutants_are_read_as_what_they_say_or_refused(tmp_path: Path) -> None:
    told = fuzz(10_000, 1000, tmp_path)
    assert told["refused"] + told["read"] == 10_000
    assert min(told["by_rule"], told["by_networkx"]) > 1000
