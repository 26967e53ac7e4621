"""Built-in topologies, and graphs that users bring."""

import json
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from mazerl import MazerlError
from mazerl.cli.main import main
from mazerl.topology import TOPOLOGIES, Graph, build, find_topology, register

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


def test_a_file_may_register_what_it_is_asked_for(tmp_path: Path) -> None:
    """The file is loaded anew each time; its builder is the same one."""
    text = OWN.replace("def wheel", "@register\ndef wheel").replace(
        "import networkx as nx", "import networkx as nx\nfrom mazerl import register"
    )
    assert "@register" in text
    (tmp_path / "mine.py").write_text(text)
    try:
        for _ in range(2):
            assert len(build(f"{tmp_path}/mine.py:wheel", spokes=4)) == 5
        with pytest.raises(MazerlError, match="registered already"):
            register(wheel)
    finally:
        TOPOLOGIES.pop("wheel", None)


def wheel() -> Graph:
    """Another builder of the same name."""
    return nx.MultiGraph()
