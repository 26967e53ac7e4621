"""Built-in topologies, and graphs that users bring."""

import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.exact.optimum import goal_known_time
from mazerl.topology import Graph


def own_graph() -> Graph:
    """Unicode names, parallel edges, a chance vertex."""
    graph: Graph = nx.MultiGraph()
    graph.add_edges_from(
        [
            ("Anfang", "Weg"),
            ("Weg", "Ziel ü"),
            ("Weg", "Ziel ü"),
            ("Weg", "目標"),
            ("Anfang", "Weg"),
        ]
    )
    graph.nodes["Anfang"]["start"] = True
    graph.nodes["Weg"]["chance"] = True
    for goal in ("Ziel ü", "目標"):
        graph.nodes[goal]["goal"] = True
    return graph


def write_graphml(graph: Graph, folder: Path) -> Path:
    nx.write_graphml(graph, folder / "own.graphml")
    return folder / "own.graphml"


def write_json(graph: Graph, folder: Path) -> Path:
    (folder / "own.json").write_text(json.dumps(nx.node_link_data(graph, edges="edges")))
    return folder / "own.json"


@pytest.mark.parametrize("write", [write_graphml, write_json])
def test_files_keep_names_parallel_edges_and_marks(write: Any, tmp_path: Path) -> None:
    graph = own_graph()
    read = build("file", path=str(write(graph, tmp_path)))
    assert set(read) == set(graph)
    assert sorted(map(sorted, read.edges())) == sorted(map(sorted, graph.edges()))
    assert read.graph["start"] == "Anfang"
    assert set(read.graph["goals"]) == {"Ziel ü", "目標"}
    maze = compile_maze(read)
    assert [list(read)[v] for v in np.flatnonzero(maze.chance)] == ["Weg"]
    flags = build("file", path=str(write(graph, tmp_path)), start="目標", goals="Anfang,Ziel ü")
    assert flags.graph["start"] == "目標"
    assert flags.graph["goals"] == ["Anfang", "Ziel ü"]


def test_edge_lists_have_headers_weights_and_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("source,target,weight\na,b,2\n\nb,é,1.0\n", encoding="utf-8")
    graph = build("file", path=str(file), start="a", goals="é")
    assert sorted(graph.edges()) == [("a", "b"), ("a", "b"), ("b", "é")]
    file.write_text("a,b\nb,c\n")
    assert len(build("file", path=str(file), start="a", goals="c")) == 3


def test_graph_attributes_name_start_and_goals(tmp_path: Path) -> None:
    graph: Graph = nx.MultiGraph([(0, 1), (1, 2)], start=0, goals=[2, 1])
    read = build("file", path=str(write_json(graph, tmp_path)))
    assert (read.graph["start"], read.graph["goals"]) == (0, [2, 1])
    strings: Graph = nx.MultiGraph([("a", "b"), ("b", "c,d")], start="a", goals="c,d")
    read = build("file", path=str(write_graphml(strings, tmp_path)))
    assert read.graph["goals"] == ["c,d"]


DIRECTED = (
    '{"directed": true, "nodes": [{"id": 0}, {"id": 1}], "edges": [{"source": 0, "target": 1}]}'
)
LOOP = "a,b\nb,b\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("g.gexf", "a,b", "unknown kind of file; give one of .graphml, .json, .csv"),
        ("g.graphml", "a,b\n", "this is not GraphML"),
        ("g.graphml", "<html></html>", "this is not GraphML"),
        ("g.json", "a,b\n", "this is not node-link JSON"),
        ("g.json", "[1, 2]", "this is not node-link JSON"),
        ("g.json", '{"nodes": 3, "edges": []}', "this is not node-link JSON"),
        ("g.json", DIRECTED, "the graph is directed"),
        ("g.csv", "a,b\nc\n", "line 2: 1 columns"),
        ("g.csv", "a,b,1,9\n", "line 1: 4 columns"),
        ("g.csv", "a,b,heavy\n", "edge a-b has weight 'heavy'"),
        ("g.csv", "a,b,0.5\n", "edge a-b has weight '0.5'"),
        ("g.csv", "a,b,-1\n", "edge a-b has weight '-1'"),
        ("g.csv", "a,b,nan\n", "edge a-b has weight 'nan'"),
        ("g.csv", "a,b,1e99\n", "make 1e+99 parallel edges, up to 1e+99 at edge a-b"),
        ("g.csv", LOOP, "vertex 'b' has an edge to itself"),
        ("g.csv", "a,c\nd,b\n", "no walk from start 'a' reaches goal 'b'"),
        ("g.csv", "x,b\n", "start 'a' is not a vertex"),
        ("g.csv", "a,x\n", "goal 'b' is not a vertex"),
        ("g.csv", "", "there are no edges in it"),
        ("g.csv", b"a,\xff\n", "no UTF-8"),
        ("g.json", b'{"\xff": 1}', "no UTF-8"),
    ],
)
def test_bad_files_are_one_line_and_exit_code_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str | bytes,
    says: str,
) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SystemExit) as stop:
        main(["solve", "file", str(file), "--start", "a", "--goals", "b"])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert says in said
    assert said.count("\n") == 1


def test_a_file_of_a_million_edges_works_and_more_than_the_limit_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edges = 10**6
    file = tmp_path / "long.csv"
    file.write_text("source,target\n" + "".join(f"{i},{i + 1}\n" for i in range(edges)))
    maze = compile_maze(build("file", path=str(file), start="0", goals="1000"))
    assert (maze.num_arcs, maze.num_vertices) == (2 * edges, edges + 1)
    assert np.bincount(maze.degree).tolist() == [0, 2, edges - 1]
    assert goal_known_time(maze) == 1000
    monkeypatch.setattr("mazerl.topology.reading.listing.MOST_EDGES", 1000)
    with pytest.raises(SystemExit) as stopped:
        main(["solve", "file", str(file), "--start", "0", "--goals", "1"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"error: {file}: over 1000 edges; give at most as many\n"


def test_missing_files_starts_goals_and_isolated_vertices_are_told(tmp_path: Path) -> None:
    with pytest.raises(MazerlError, match="No such file"):
        build("file", path=str(tmp_path / "g.csv"))
    file = tmp_path / "g.csv"
    file.write_text("a,b\n")
    with pytest.raises(MazerlError, match="no start; give --start"):
        build("file", path=str(file))
    with pytest.raises(MazerlError, match="no goals; give --goals"):
        build("file", path=str(file), start="a")
    graph = own_graph()
    graph.add_node("alone")
    with pytest.raises(MazerlError, match="vertex 'alone' has no edge"):
        compile_maze(build("file", path=str(write_json(graph, tmp_path))))
    graph.nodes["alone"]["start"] = True
    with pytest.raises(MazerlError, match="2 vertices are marked start"):
        build("file", path=str(write_json(graph, tmp_path)))
