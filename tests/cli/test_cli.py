import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from mazerl import register
from mazerl.cli.main import main
from mazerl.topology import TOPOLOGIES, Graph


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*words, "--json"])
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("size", "policy", "expected"),
    [
        ((2, 1, 1), "uniform", 27), ((2, 1, 1), "rlvr", 9), ((2, 1, 1), "sft", 17),
        ((3, 2, 3), "uniform", 165), ((3, 2, 3), "rlvr", 25), ((3, 2, 3), "sft", 2209 / 9),
        ((4, 4, 3), "uniform", 2261 / 3), ((4, 4, 3), "rlvr", 63),
        ((4, 4, 3), "sft", 10457.962962962963),
        ((15, 15, 5), "uniform", 50141), ((15, 15, 5), "rlvr", 899),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["auto", "structured"])
def test_solve_reproduces_the_reference_table(
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int, int],
    policy: str,
    expected: float,
    method: str,
) -> None:
    width, depth, lanes = map(str, size)
    flags = ["--width", width, "--depth", depth, "--lanes", lanes]
    result = ask(capsys, "solve", "corridor", *flags, "--policy", policy, "--method", method)
    assert result["hitting_time"] == pytest.approx(expected, rel=1e-9)
    W, K, L = size
    assert result["num_vertices"] == 1 + W * (2 * K + 1)
    assert result["num_arcs"] == 2 * W * (K + 1 + K * L)
    assert result["optimum"] == (W - 1) * (4 * K + 2) + 2 * K + 1


def test_a_learned_fork_goes_round_the_branches(capsys: pytest.CaptureFixture[str]) -> None:
    size = ["--width", "5", "--depth", "3", "--lanes", "2", "--fork", "learned"]
    result = ask(capsys, "solve", "corridor", *size, "--policy", "rlvr")
    assert result["hitting_time"] == pytest.approx(4 / 2 * 14 + 7, rel=1e-12)
    assert result["optimum"] == result["optimum_with_memory"] == 35
    uniform = ask(capsys, "solve", "corridor", *size)
    assert uniform["hitting_time"] == pytest.approx(uniform["uniform"], rel=1e-12)


def test_solve_beyond_floating_point_is_null_with_a_logarithm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deep = ["solve", "corridor", "--depth", "2000", "--policy", "sft", "--method", "structured"]
    result = ask(capsys, *deep)
    assert result["hitting_time"] is None
    assert result["goal_certain"] is True
    assert result["log10_hitting_time"] == pytest.approx(1455, abs=1)
    main(deep)
    assert "finite, but beyond 1e308" in capsys.readouterr().out


def test_solve_with_a_limit_tells_success_goal_by_goal(capsys: pytest.CaptureFixture[str]) -> None:
    """On a star the arms are alike; of arm length 2 a walk turns back with chance a half."""
    star = ["solve", "path_star", "--arms", "3", "--length", "2"]
    result = ask(capsys, *star, "--limit", "2")
    assert result["success_by_goal"] == pytest.approx([1 / 6] * result["num_goals"], rel=1e-12)
    assert result["success_within_limit"] == pytest.approx(1 / 6, rel=1e-12)
    longer = ask(capsys, *star, "--limit", "4")
    # Turned round in the first step's vertex, the walk tries once more.
    assert longer["success_by_goal"][0] == pytest.approx(1 / 6 + 1 / 2 * 1 / 6, rel=1e-12)
    assert "success_by_goal" not in ask(capsys, *star)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--limit", "3"], "the nearest goal, vertex 9, is 9 steps away: p = 0 for all 4 goals"),
        (["--limit", "0"], "--limit is 0"),
        (["--limit", "90", "--method", "structured"], "'structured' knows no time limit"),
    ],
)
def test_limits_that_solve_refuses(
    capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["solve", "corridor", *flags])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert says in said
    assert said.count("\n") == 1


def test_sample_agrees_with_solve(capsys: pytest.CaptureFixture[str]) -> None:
    result = ask(capsys, "sample", "corridor", "--policy", "sft", "--limit", "3000")
    assert result["low"] <= result["exact_hitting_time"] <= result["high"]
    assert 0.3 < result["censored_share"] < 0.9
    again = ask(capsys, "sample", "corridor", "--policy", "sft", "--limit", "3000")
    assert again == result
    other = ask(capsys, "sample", "corridor", "--policy", "sft", "--limit", "3000", "--seed", "1")
    assert other["hitting_time"] != result["hitting_time"]


def test_sample_with_search(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--policy", "rlvr", "--search", "--fork", "learned"]
    result = ask(capsys, "sample", "corridor", *flags)
    assert result["low"] <= 36 <= result["high"]  # the optimum with memory
    assert "exact_hitting_time" not in result


def test_a_topology_of_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    def ring(size: int = 4, name: str = "v") -> Graph:
        """A ring.

        Args:
            size: number of vertices.
            name: what they are called.
        """
        graph: Graph = nx.MultiGraph(nx.cycle_graph(size))
        graph.graph |= {"start": 0, "goals": [size // 2]}
        return graph

    register(ring)
    try:
        main(["topologies"])
        assert "number of vertices" in capsys.readouterr().out
        assert ask(capsys, "solve", "ring", "--size", "10")["hitting_time"] == pytest.approx(25)
        sft = ask(capsys, "solve", "ring", "--size", "10", "--policy", "sft")
        # Golden paths go either way round and never turn, whatever was learned at the start.
        assert sft["hitting_time"] == pytest.approx(5)
        best = ask(capsys, "solve", "ring", "--size", "10", "--policy", "rlvr")
        assert best["hitting_time"] == best["optimum"] == best["goal_known"] == 5
    finally:
        del TOPOLOGIES["ring"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("solve corridor --width 0", "width is 0; give a whole number of at least 1"),
        ("solve corridor --depth -1", "depth"),
        ("solve corridor --width 2.5", "--width"),
        ("solve corridor --lanes nan", "--lanes"),
        ("solve corridor --widht 2", "--widht"),
        ("solve corridor --fork x", "Expected one of ('chance', 'learned')"),
        ("solve corridor --policy best", "unknown policy 'best'; known: uniform, sft, rlvr"),
        ("solve corridor --policy best --method structured", "known: uniform, sft, rlvr"),
        ("solve corridor --method magic", "unknown method 'magic'; known: auto, chain, structured"),
        ("solve corridor --fork learned --policy rlvr --method structured", "no learned fork"),
        (
            "solve labyrinth",
            "unknown topology 'labyrinth'; known: asymmetric_corridor, caves, corridor",
        ),
        ("sample corridor --limit 0", "--limit is 0"),
        ("sample corridor --walks 0", "--walks is 0"),
        ("conquer", "unknown command 'conquer'; known: topologies, graph, pool, solve, sample"),
        ("topologies corridor", "takes no argument"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("words", ["", "--help", "solve", "solve --help", "sample --help"])
def test_help_names_what_there_is(capsys: pytest.CaptureFixture[str], words: str) -> None:
    main(words.split())
    assert ("corridor" if "s" in words[:2] else "topologies") in capsys.readouterr().out


def test_help_of_a_topology_explains_each_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["solve", "corridor", "--help"])
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("number of branches W", "--policy", "--json", "the random walk"):
        assert words in shown


def test_the_installed_command_prints_json() -> None:
    command = Path(sys.executable).with_name("mazerl")
    done = subprocess.run(
        [command, "solve", "corridor", "--policy", "rlvr", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["hitting_time"] == pytest.approx(63, rel=1e-9)


def test_the_core_needs_no_command_line_library() -> None:
    code = (
        "import sys\n"
        "for name in ('tyro', 'rich', 'pandas', 'matplotlib'): sys.modules[name] = None\n"
        "import mazerl, mazerl.exact.markov, mazerl.exact.corridor, mazerl.policy.search\n"
        "import mazerl.walk.corpora, mazerl.measure.scaling\n"
        "import mazerl.training.rlvr, mazerl.training.imitate, mazerl.measure.evaluate\n"
        "import mazerl.store.records, mazerl.exact.limits\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
