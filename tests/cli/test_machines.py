"""Machines as they are: terminals, homes, threads, fonts; and faults that are ours."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mazerl.cli import main as command
from mazerl.cli.main import FAULT, main
from tests.support.errors import one_line_error

ROOT = Path(__file__).parents[2]
SMALL = ["--width", "2", "--depth", "1", "--lanes", "1"]


def run(
    words: list[str], folder: Path, environment: dict[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    return subprocess.run(
        [sys.executable, "-m", "mazerl.cli.main", *words], cwd=folder, capture_output=True,
        text=True, check=False, env={k: v for k, v in given.items() if v is not None},
        encoding="utf-8", errors="replace",
    )  # fmt: skip


def test_a_terminal_that_lacks_signs_shows_others(tmp_path: Path) -> None:
    done = run(["--help"], tmp_path, {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "usage: mazerl COMMAND ?" in done.stdout) == (0, True)
    done = run(
        ["draw", "tree", "--out", "x.txt"], tmp_path, {"LC_ALL": "C", "PYTHONUTF8": "0",
                                                      "PYTHONCOERCECLOCALE": "0"}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "╙" in (tmp_path / "x.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("home", [None, "/proc"])
def test_a_sweep_needs_no_home(tmp_path: Path, home: str | None) -> None:
    study = tmp_path / "one.py"
    study.write_text(
        "from dataclasses import dataclass\nimport numpy as np\n"
        "from mazerl.sweep.studies import Tables\n"
        "@dataclass(frozen=True)\nclass Config:\n    seed: int = 0\n"
        "GRID = (Config(),)\ndef run(config):\n    return {'x': np.zeros(1)}\n"
        "def table(records):\n    return Tables({}, [])\n"
    )
    environment = {"HOME": home, "XDG_CACHE_HOME": None, "JAX_COMPILATION_CACHE_DIR": None}
    done = run(["sweep", "run", "one.py"], tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_trains_in_a_thread(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "1", "--out", str(tmp_path / "run")]
    failed: list[BaseException] = []

    def work() -> None:
        try:
            main(words)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
    assert (tmp_path / "run" / "checkpoints" / "1").exists()


def test_a_fault_of_ours_is_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> None:
        raise KeyError("odd")

    monkeypatch.setattr(command, "_run", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["solve", "corridor"])
    said = capsys.readouterr().err
    assert stopped.value.code == FAULT
    assert said.count("\n") == 1
    found = re.search(r"KeyError: 'odd'; this is a fault of mazerl, .* trace: (\S+)", said)
    assert found
    trace = Path(found[1])
    assert "raise KeyError" in trace.read_text(encoding="utf-8")
    trace.unlink()


def test_signs_that_no_font_has_are_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shrine.csv"
    file.write_text("鳥居,参道\n参道,本殿\n", encoding="utf-8")
    words = ["draw", "file", str(file), "--start", "鳥居", "--goals", "本殿"]
    main([*words, "--out", str(tmp_path / "x.png")])
    said = capsys.readouterr().err
    if said:  # some machines have such a font
        assert said.startswith("warning: the font has no ")
        assert "family" in said
        assert said.count("\n") == 1


def test_the_generator_is_ours_whatever_jax_is_told(tmp_path: Path) -> None:
    words = ["sample", "corridor", *SMALL, "--walks", "50", "--json"]
    found = [run(words, tmp_path, {"JAX_DEFAULT_PRNG_IMPL": name}).stdout for name in (None, "rbg")]
    assert json.loads(found[0]) == json.loads(found[1])


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


def test_a_run_keeps_its_maze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan(tmp_path, "b")
    words = ["train", "ppo", "--topology", "file", "plan.json", "--steps", "3", "--out", "run"]
    main(words)
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
    plan(tmp_path, "b")
    words = ["train", "ppo", "--topology", "file", "plan.json", "--steps", "2", "--out", "run"]
    main(words)
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


def begun(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mazerl.cli.main", *words], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_second_process_in_a_run_folder_is_told(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "40", "--out", "run"]
    two = [begun(words, tmp_path) for _ in range(2)]
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
    two = [begun([*words, "--out", f"run{n}"], tmp_path) for n in range(2)]
    said = [process.communicate()[1] for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert len(list((tmp_path / "results" / "base").iterdir())) == 1


@pytest.mark.parametrize("seconds", [1.5, 3.0, 7.0])
def test_signals_are_heard_while_a_base_model_is_pretrained(tmp_path: Path, seconds: float) -> None:
    words = ["train", "ppo", *SMALL, "--policy", "transformer", "--out", "run"]
    process = begun(words, tmp_path)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert time.monotonic() - sent < 6
    assert "preempted: " in said
    assert said.count("\n") == 1


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
    run(["sweep", "run", "spin.py"], tmp_path)
    (record,) = (tmp_path / "results" / "spin").iterdir()
    done = (record / "DONE").read_text()
    assert run(["sweep", "doctor"], tmp_path).returncode == 0
    run(["sweep", "run", "spin.py"], tmp_path)
    assert (record / "DONE").read_text() == done
    (tmp_path / "rims.py").write_text(code.format("star_graph"))
    told = run(["sweep", "doctor"], tmp_path)
    assert "made from another version of rims.py" in told.stdout + told.stderr
    run(["sweep", "run", "spin.py"], tmp_path)
    assert (record / "DONE").read_text() != done
    assert run(["sweep", "doctor"], tmp_path).returncode == 0


def test_a_platform_that_is_not_there_is_told(tmp_path: Path) -> None:
    words = ["sample", "corridor", *SMALL, "--walks", "5"]
    done = run(words, tmp_path, {"JAX_PLATFORMS": "abacus"})
    assert done.returncode == 2
    told = "JAX cannot start the platform 'abacus' of JAX_PLATFORMS; set it to cpu, or unset it"
    assert done.stderr == f"error: {told}\n"


def test_weights_and_biases_without_a_key_is_refused_at_once(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "1", "--wandb", "demo", "--out", "run"]
    lost = {"HOME": str(tmp_path), "WANDB_API_KEY": None, "WANDB_MODE": None}
    done = run(words, tmp_path, lost)
    assert done.returncode == 2
    assert "Weights & Biases knows no key of yours" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_is_one_run_of_weights_and_biases(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "1", "--wandb", "demo", "--out", "run"]
    offline: dict[str, str | None] = {"WANDB_MODE": "offline", "HOME": str(tmp_path)}
    for more in ([], ["--resume"]):
        done = run([*words, *more], tmp_path, offline)
        assert done.returncode == 0, done.stderr
    names = {path.name.rpartition("-")[2] for path in (tmp_path / "run").glob("wandb/offline-*")}
    assert len(names) == 1


def test_what_a_run_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"method": "ppo", "topology": "corridor"}')
    said = one_line_error(main, ["evaluate", "run"], capsys)
    assert "run/config.json lacks 'parameters'; restore it" in said
    file = plan(tmp_path, "b")
    for command_ in ("draw", "solve"):
        assert "give `file plan.json`" in one_line_error(main, [command_, file.name], capsys)
