"""Files as tools write them: each kind that was read wrongly, or refused, is a test."""

import json
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.errors import MazerlWarning
from mazerl.topology.files import read_graph_file
from tests.support.errors import one_line_error
from tests.support.graph_files import put, time_of

HALL = "gate,hall\nhall,stair\nstair,vault\n"
ENDS = {"start": "gate", "goals": "vault"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.CSV", HALL),
        ("g.csv", "Source,Target\n" + HALL),
        ("g.csv", "from,to\r\n" + HALL.replace("\n", "\r\n")),
        ("g.csv", '"","FROM","TO"\n' + "".join(f'"{i}",{row}\n' for i, row in
                                               enumerate(HALL.split()))),
        ("g.csv", ",0,1\n" + "".join(f"{i},{row}\n" for i, row in enumerate(HALL.split()))),
        ("g.csv", "# the north wing\nsource,target\n" + HALL),
        ("g.csv", "sep=;\nsource;target\n" + HALL.replace(",", ";")),
        ("g.csv", "\ufeffsource;target;weight\r\ngate;hall;1,0\r\nhall;stair;\r\nstair;vault;1"),
        ("g.csv", "\n,,\nsource,target,weight\ngate,hall,\nhall,stair,\nstair,vault,1\n"),
        ("g.csv", "von,nach,anzahl\ngate,hall,1\nhall,stair,1\nstair,vault,1\n"),
        ("g.csv", "Weight,Type,Target,Source\n1.0,Undirected,hall,gate\n1,undirected,stair,hall\n"
                  "1,,vault,stair\n"),
        ("g.csv", HALL.replace("\n", ",,\n")),
        ("g.csv", "source,target,,\n" + HALL.replace("\n", ",,\n")),
        ("g.csv", "source,target,directed\n" + HALL.replace("\n", ",False\n")),
        ("g.csv", HALL.encode("utf-16")),
        ("g.csv", HALL.encode("utf-16-le")),
        ("g.tsv", HALL.replace(",", "\t")),
        ("g.csv", HALL.replace(",", "|")),
        ("g.txt", HALL.replace(",", "  ")),
        ("g.edgelist", "#a.py\ngate hall {}\nhall stair {'x': 2}\nstair vault {'weight': 1}\n"),
        ("g.ncol", "gate hall 1\nhall stair\nstair vault\n"),
    ],
)  # fmt: skip
def test_edge_lists_of_tools_are_the_same_hall(tmp_path: Path, name: str, content: str) -> None:
    path = put(tmp_path, name, content)
    assert time_of(path, **ENDS) == 9
    assert set(build("file", path=path, **ENDS)) == {"gate", "hall", "stair", "vault"}


def test_names_may_hold_separators_and_signs_of_comments(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", 'source,target\n"#1","a, b"\n"a, b",é\n')
    assert list(build("file", path=path, start="#1", goals="é")) == ["#1", "a, b", "é"]
    assert build("file", path=path, start="#1", goals="a, b").graph["goals"] == ["a, b"]
    both = build("file", path=path, start="#1", goals='["é", "a, b"]')
    assert both.graph["goals"] == ["é", "a, b"]


def test_weights_may_be_ignored_and_directions_too(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", "source,target,weight,type\na,b,0.5,Directed\nb,c,9e9,\n")
    graph, understood = read_graph_file(
        path, start="a", goals="c", undirected=True, ignore_weights=True
    )
    assert sorted(graph.edges()) == [("a", "b"), ("b", "c")]
    assert "2 weights are ignored" in understood.said
    assert "1 directed edges are taken as edges that lead both ways" in understood.said
    path = put(tmp_path, "h.csv", "source,target,type\na,b,Directed\nb,a,Directed\nb,c,\n")
    graph, understood = read_graph_file(path, start="a", goals="c", undirected=True)
    assert graph.number_of_edges() == 3
    assert "1 pairs of vertices had them in both directions: now parallel" in understood.said


@pytest.mark.parametrize("edges", ["edges", "links"])
def test_json_of_every_networkx(tmp_path: Path, edges: str) -> None:
    content: dict[str, Any] = {
        "nodes": [{"id": "gate", "start": True}, {"id": "hall"}, {"id": "vault", "goal": True}],
        "graph": None,
        edges: [{"source": "gate", "target": "hall"}, {"source": "hall", "target": "vault"}],
    }
    assert time_of(put(tmp_path, "g.JSON", json.dumps(content))) == 4
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32"):
        assert time_of(put(tmp_path, "g.json", json.dumps(content).encode(encoding))) == 4
    content[edges] = [{"source": 0, "target": 1}, {"source": 1, "target": 2}]
    content["graph"] = [["start", "gate"]]
    path = put(tmp_path, "h.json", json.dumps(content))
    if edges == "links":
        assert time_of(path) == 4
    else:
        with pytest.raises(MazerlError, match="edge 1: edge 0-1 ends in 0, which no vertex"):
            build("file", path=path)


def test_json_of_other_tools(tmp_path: Path) -> None:
    content = {
        "nodes": [{"id": n, "label": name} for n, name in enumerate("abc")],
        "edges": [{"from": 0, "to": 1}, {"from": 1, "to": 2}],
        "links": [],
    }
    path = put(tmp_path, "g.json", json.dumps(content))
    assert time_of(path, start="a", goals="c") == 4


def test_ids_that_are_numbers_are_no_places(tmp_path: Path) -> None:
    """Places 2-0-1 would have their goal next to the start."""
    content = {
        "nodes": [{"id": 2, "start": True}, {"id": 0}, {"id": 1, "goal": True}],
        "links": [{"source": 2, "target": 0}, {"source": 0, "target": 1}],
    }
    assert time_of(put(tmp_path, "g.json", json.dumps(content))) == 4


def test_tuples_and_a_zero_beside_its_text(tmp_path: Path) -> None:
    pairs = [((0, 0), (0, 1)), ((0, 1), (1, 1))]
    content: dict[str, Any] = {
        "graph": {"start": [0, 0], "goals": [[1, 1]]},
        "nodes": [{"id": name} for name in ((0, 0), (0, 1), (1, 1))],
        "edges": [{"source": near, "target": far} for near, far in pairs],
    }
    path = put(tmp_path, "g.json", json.dumps(content))
    assert time_of(path) == 4
    graph = build("file", path=path, start="(0,1)", goals="(1, 1),(0,0)")
    assert (graph.graph["start"], graph.graph["goals"]) == ((0, 1), [(1, 1), (0, 0)])
    content = {
        "nodes": [{"id": 0}, {"id": "0"}, {"id": 1}],
        "edges": [{"source": 0, "target": "0"}, {"source": "0", "target": 1}],
    }
    path = put(tmp_path, "h.json", json.dumps(content))
    with pytest.raises(MazerlError, match=r"start '0' is the name of 2 vertices.* as '\"0\"'"):
        build("file", path=path, start="0", goals="1")
    graph = build("file", path=path, start='"0"', goals="1")
    assert graph.graph["start"] == "0"
    assert compile_maze(graph).num_arcs == 4
    content["graph"] = {"start": 0, "goals": 1}
    path = put(tmp_path, "i.json", json.dumps(content))
    assert build("file", path=path).graph["start"] == 0


@pytest.mark.parametrize(
    ("name", "separator", "data"),
    [("g.edgelist", " ", True), ("g.txt", " ", False), ("g.csv", ",", False)],
)
def test_names_of_grids_are_kept_together(
    tmp_path: Path, name: str, separator: str, data: bool
) -> None:
    grid = nx.grid_2d_graph(3, 3)
    path = put(tmp_path, name, "\n".join(nx.generate_edgelist(grid, separator, data)))
    graph = build("file", path=path, start="(0,0)", goals="(0, 2),(2, 0)")
    assert set(graph) == {str(cell) for cell in grid}
    assert time_of(path, start="(0,0)", goals="(0, 2),(2, 0)") == pytest.approx(15)


def test_names_are_found_however_their_letters_are_composed(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", "gate,Cafe\u0301\n")
    assert build("file", path=path, start="gate", goals="Caf\u00e9").graph["goals"] == [
        "Cafe\u0301"
    ]


def test_a_line_that_may_be_a_header_is_warned_of(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", "Anfang,Ende\n" + HALL)
    with pytest.warns(MazerlWarning, match="line 1 is taken as the edge Anfang-Ende"):
        build("file", path=path, **ENDS)


def test_encodings_are_named_not_guessed(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", "Küche,Flur\nFlur,Tür\n".encode("cp1252"))
    graph = build("file", path=path, start="Küche", goals="Tür", encoding="cp1252")
    assert list(graph) == ["Küche", "Flur", "Tür"]
    with pytest.raises(MazerlError, match="name its encoding, such as --encoding cp1252"):
        build("file", path=path, start="Küche", goals="Tür")
    with pytest.raises(MazerlError, match="Python knows no such encoding"):
        build("file", path=path, start="Küche", goals="Tür", encoding="ansi-x")
    with pytest.raises(MazerlError, match="this is no text in ascii"):
        build("file", path=path, start="Küche", goals="Tür", encoding="ascii")


def test_mazerl_graph_says_what_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "g.csv", "Anfang,Ende\na,b\nb,c\nb,c\n")
    main(["graph", path, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["kind"] == "edge list separated by commas"
    assert (said["vertices"], said["edges"], said["parallel"]) == (5, 4, 1)
    assert said["maze"] == "not yet: it needs a start and goals"
    assert "line 1 is taken as the edge Anfang-Ende" in said["said"][0]
    main(["graph", path, "--start", "a", "--goals", "c"])
    assert "yes, with 8 arcs and up to 3 ports" in capsys.readouterr().out
    assert "unknown kind" in one_line_error(main, ["graph", path, "--out", "g.gml"], capsys)
    assert "can be written" in one_line_error(main, ["graph", path, "--out", "no/g.csv"], capsys)


def test_names_with_braces_are_no_attributes(tmp_path: Path) -> None:
    path = put(tmp_path, "g.csv", "a{1},b {2}\nb {2},c\n")
    assert list(build("file", path=path, start="a{1}", goals="c")) == ["a{1}", "b {2}", "c"]
    path = put(tmp_path, "g.edgelist", "a{1} b{2} {'weight': 2}\nb{2} c\n")
    graph = build("file", path=path, start="a{1}", goals="c")
    assert graph.number_of_edges("a{1}", "b{2}") == 2


def test_marked_vertices_are_meant_whatever_others_are_called(tmp_path: Path) -> None:
    content = {
        "nodes": [{"id": 0, "start": True}, {"id": "0"}, {"id": 1}, {"id": "1", "goal": True}],
        "edges": [{"source": near, "target": far} for near, far in ((0, "0"), ("0", 1), (1, "1"))],
    }
    graph = build("file", path=put(tmp_path, "g.json", json.dumps(content)))
    assert graph.graph == {"start": 0, "goals": ["1"]}
    assert isinstance(graph.graph["start"], int)
