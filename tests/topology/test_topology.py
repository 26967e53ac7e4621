"""Built-in topologies, and graphs that users bring."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import MazerlError, build, compile_maze
from mazerl.cli.main import main
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import goal_known_time
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import TOPOLOGIES, Graph, find_topology


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
    inverse = np.linalg.pinv(laplacian)
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


DIRECTED = '{"directed": true, "nodes": [{"id": 0}], "edges": []}'
LOOP = "a,b\nb,b\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("g.txt", "a,b", "unknown kind of file; give one of .graphml, .json, .csv"),
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
        ("g.csv", "a,b,1e99\n", "edge a-b has weight '1e99'"),
        ("g.csv", LOOP, "vertex 'b' has an edge to itself"),
        ("g.csv", "a,c\nd,b\n", "no walk from start 'a' reaches goal 'b'"),
        ("g.csv", "x,b\n", "start 'a' is not a vertex"),
        ("g.csv", "a,x\n", "goal 'b' is not a vertex"),
        ("g.csv", "", "start 'a' is not a vertex"),
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
    monkeypatch.setattr("mazerl.topology.files._MOST_EDGES", 1000)
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


OWN = '''"""A topology of the user's own."""
import networkx as nx

def wheel(spokes: int = 5):
    """A hub and its rim."""
    graph = nx.MultiGraph(nx.wheel_graph(spokes + 1))
    graph.graph.update(start=0, goals=[1])
    return graph

def wrong():
    return nx.MultiGraph([(0, 1)], start=0, goals=[7])

def nothing():
    pass

def fails(size: int = 0):
    return 1 / size
'''


def test_a_file_of_builders_is_a_topology(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my_graphs.py"
    file.write_text(OWN)
    main(["solve", f"{file}:wheel", "--spokes", "3", "--json"])
    # Every vertex of K4 is alike: the geometric time at chance 1/3.
    assert json.loads(capsys.readouterr().out)["hitting_time"] == pytest.approx(3)
    out = tmp_path / "run"
    words = ["train", "ppo", "--topology", f"{file}:wheel", "--walkers", "4", "--horizon", "64"]
    main([*words, "--steps", "5", "--out", str(out), "--json"])
    main(["evaluate", str(out), "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["spokes"] == 5


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("wrong", "goal 7 is not a vertex"),
        ("nothing", "returned NoneType; return a networkx.MultiGraph"),
        ("fails", "my_graphs.py, line 17: ZeroDivisionError: division by zero"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_bad_builders_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], function: str, says: str
) -> None:
    file = tmp_path / "my_graphs.py"
    file.write_text(OWN)
    with pytest.raises(SystemExit) as stop:
        main(["solve", f"{file}:{function}"])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [("x = 1 / 0\n", "line 1: ZeroDivisionError"), ("def f(:\n", "line 1: SyntaxError")],
)
def test_files_that_raise_are_told_with_their_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "my_graphs.py"
    file.write_text(content)
    with pytest.raises(MazerlError, match=says):
        find_topology(f"{file}:f")
    with pytest.raises(MazerlError, match="there is no file"):
        find_topology(f"{tmp_path / 'none.py'}:f")


def test_an_installed_package_adds_a_topology_by_its_entry_point(tmp_path: Path) -> None:
    """In a process of its own, with the package on the path as pip would leave it."""
    (tmp_path / "hexes.py").write_text(OWN)
    about = tmp_path / "hexes-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hexes\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mazerl.topologies]\nwheel = hexes:wheel\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from mazerl.cli.main import main\n"
        "main(['topologies'])\n"
        "main(['solve', 'wheel', '--spokes', '3', '--json'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "A hub and its rim" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["hitting_time"] == pytest.approx(3)
    (about / "entry_points.txt").write_text("[mazerl.topologies]\nbroken = hexes:absent\n")
    code = code.replace("main(['topologies'])\n", "").replace(
        "'wheel', '--spokes', '3'", "'broken'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "topology 'broken' of entry point 'hexes:absent': AttributeError" in done.stderr
    assert done.stderr.count("\n") == 1
