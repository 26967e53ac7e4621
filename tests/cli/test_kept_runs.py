"""Runs and stores know what they are about, whatever else happens to files and processes."""

import json
import signal
import time
from pathlib import Path

import pytest

from mazerl.cli.main import main
from tests.support.commands import SMALL, begin_command, run_command
from tests.support.errors import one_line_error


def plan(folder: Path, goal: str) -> Path:
    """A path door-a, then two ends b and c-d."""
    file = folder / "plan.json"
    nodes = [{"id": name} for name in ("door", "a", "b", "c", "d")]
    pairs = [("door", "a"), ("a", "b"), ("a", "c"), ("c", "d")]
    content = {
        "graph": {"start": "door", "goals": [goal]},
        "nodes": nodes,
        "edges": [{"source": near, "target": far} for near, far in pairs],
    }
    file.write_text(json.dumps(content))
    return file


def train_on_plan() -> list[str]:
    """The words of a run in the working directory, which has ended."""
    plan(Path(), "b")
    words = ["train", "ppo", "--topology", "file", "plan.json", "--steps", "3", "--out", "run"]
    main(words)
    return words


def test_names_that_json_cannot_hold_are_kept_as_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import networkx as nx\ndef odd(goal: int = 2):\n    '''Sets for names.'''\n"
        "    names = [frozenset([n]) for n in range(4)]\n"
        "    graph = nx.MultiGraph(list(zip(names, names[1:])))\n"
        "    graph.graph.update(start=names[0], goals=[names[{}]])\n    return graph\n"
    )
    (tmp_path / "odd.py").write_text(code.format("goal"))
    main(["train", "ppo", "--topology", "odd.py:odd", "--steps", "2", "--out", "run"])
    capsys.readouterr()
    main(["evaluate", "run", "--json"])
    before = json.loads(capsys.readouterr().out)["hitting_time"]
    (tmp_path / "odd.py").write_text(code.format("3"))
    main(["evaluate", "run", "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out)["hitting_time"] == before
    assert "builds another maze by now" in said.err


def test_a_run_keeps_its_maze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = train_on_plan()
    capsys.readouterr()
    main(["evaluate", "run", "--json"])
    before = json.loads(capsys.readouterr().out)["hitting_time"]
    plan(tmp_path, "d")
    main(["evaluate", "run", "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out)["hitting_time"] == before
    assert "builds another maze by now than the one that run was begun on" in said.err
    main([*words, "--resume", "--json"])
    assert json.loads(capsys.readouterr().out)["hitting_time"] == before
    (tmp_path / "plan.json").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    main(["evaluate", "../run", "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out)["hitting_time"] == before
    assert said.err == ""


def test_a_run_of_a_builder_that_has_got_parameters_since_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = train_on_plan()
    file = tmp_path / "run" / "config.json"
    config = json.loads(file.read_text())
    del config["parameters"]["undirected"]
    file.write_text(json.dumps(config))
    main([*words, "--resume"])
    capsys.readouterr()
    said = one_line_error(main, [*words, "--undirected", "--resume"], capsys)
    assert "the run was begun with parameters" in said


def test_a_teacher_that_was_trained_further_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    teach = ["train", "ppo", *SMALL, "--steps", "2", "--out", "teacher"]
    main(teach)
    words = ["train", "distill", *SMALL, "--teacher", "teacher", "--walks", "20", "--steps", "2"]
    words += ["--limit", "50", "--out", "student"]
    main(words)
    main([*words, "--resume"])
    run_folder = tmp_path / "teacher"
    run_folder.rename(tmp_path / "old")
    main([*teach, "--seed", "1"])
    capsys.readouterr()
    assert "the teacher of student has been trained" in one_line_error(
        main, [*words, "--resume"], capsys
    )


def test_the_second_process_in_a_run_folder_is_told(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "40", "--out", "run"]
    two = [begin_command(words, tmp_path) for _ in range(2)]
    said = [process.communicate()[1] for process in two]
    codes = sorted(process.returncode for process in two)
    assert codes == [0, 2], said
    loser = said[0] or said[1]
    assert "another process is writing to run" in loser or "holds a run already" in loser
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["update"] for line in lines] == list(range(1, 41))


def test_a_base_model_is_made_once_by_two_processes(tmp_path: Path) -> None:
    words = ["train", "sft", *SMALL, "--policy", "transformer", "--channels", "16", "--heads", "2"]
    words += ["--walks", "20", "--steps", "1", "--limit", "50"]
    two = [begin_command([*words, "--out", f"run{n}"], tmp_path) for n in range(2)]
    said = [process.communicate()[1] for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert len(list((tmp_path / "results" / "base").iterdir())) == 1


@pytest.mark.parametrize("seconds", [1.5, 3.0, 7.0])
def test_signals_are_heard_while_a_base_model_is_pretrained(tmp_path: Path, seconds: float) -> None:
    words = ["train", "ppo", *SMALL, "--policy", "transformer", "--out", "run"]
    process = begin_command(words, tmp_path)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert time.monotonic() - sent < 6
    assert "preempted: " in said
    assert said.count("\n") == 1


def test_a_run_that_is_stopped_ends_at_once_and_goes_on(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "40000", "--out", "run"]
    process = begin_command(words, tmp_path)
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    # Libraries' own endings take one or two seconds, and many more on a busy machine.
    assert time.monotonic() - sent < 5
    assert said.startswith("preempted: training was stopped after update ")
    assert list((tmp_path / "run" / "checkpoints").iterdir())


def test_sweeps_tell_a_builder_that_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import networkx as nx\ndef wheel(size: int = 5):\n"
        "    '''A hub and its rim.'''\n    graph = nx.MultiGraph(nx.{}(size))\n"
        "    graph.graph.update(start=0, goals=[1])\n    return graph\n"
    )
    (tmp_path / "rims.py").write_text(code.format("wheel_graph"))
    (tmp_path / "spin.py").write_text(
        "from dataclasses import dataclass\nimport numpy as np\n"
        "from mazerl import build, compile_maze\nfrom mazerl.sweep.studies import Tables\n"
        "@dataclass(frozen=True)\nclass Config:\n    topology: str = 'rims.py:wheel'\n"
        "GRID = (Config(),)\ndef run(config):\n"
        "    return {'arcs': np.asarray(compile_maze(build(config.topology)).num_arcs)}\n"
        "def table(records):\n    return Tables({}, [])\n"
    )
    run_command(["sweep", "run", "spin.py"], tmp_path)
    (record,) = (tmp_path / "results" / "spin").iterdir()
    done = (record / "DONE").read_text()
    assert run_command(["sweep", "doctor"], tmp_path).returncode == 0
    run_command(["sweep", "run", "spin.py"], tmp_path)
    assert (record / "DONE").read_text() == done
    (tmp_path / "rims.py").write_text(code.format("star_graph"))
    told = run_command(["sweep", "doctor"], tmp_path)
    assert "made from another version of rims.py" in told.stdout + told.stderr
    run_command(["sweep", "run", "spin.py"], tmp_path)
    assert (record / "DONE").read_text() != done
    assert run_command(["sweep", "doctor"], tmp_path).returncode == 0


def test_what_a_run_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"method": "ppo", "topology": "corridor"}')
    said = one_line_error(main, ["evaluate", "run"], capsys)
    assert "run/config.json lacks 'parameters'; restore it" in said
    whole: dict[str, object] = {
        "method": "ppo",
        "topology": "corridor",
        "parameters": {},
        "policy": "tabular",
    }
    whole |= {"seed": 0, "limit": "9"}
    (tmp_path / "run" / "config.json").write_text(json.dumps(whole))
    said = one_line_error(main, ["evaluate", "run"], capsys)
    assert "run/config.json says limit is '9'; restore it" in said
    file = plan(tmp_path, "b")
    for command_ in ("draw", "solve"):
        assert "give `file plan.json`" in one_line_error(main, [command_, file.name], capsys)
