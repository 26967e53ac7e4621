"""Machines as they are: terminals, homes, threads, fonts; and faults that are ours."""

import errno
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
from tests.support.commands import ROOT, SMALL, run_command
from tests.support.errors import one_line_error


def test_a_terminal_that_lacks_signs_shows_others(tmp_path: Path) -> None:
    done = run_command(["--help"], tmp_path, {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "usage: mazerl COMMAND ?" in done.stdout) == (0, True)
    done = run_command(
        ["draw", "tree", "--out", "x.txt"], tmp_path, {"LC_ALL": "C", "PYTHONUTF8": "0",
                                                      "PYTHONCOERCECLOCALE": "0"}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "╙" in (tmp_path / "x.txt").read_text(encoding="utf-8")


def nobody(folder: Path) -> dict[str, str | None]:
    """An environment without a home, whose user the system does not know."""
    (folder / "unknown").mkdir()
    (folder / "unknown" / "sitecustomize.py").write_text(
        "import pwd\ndef unknown(uid):\n    raise KeyError(f'getpwuid(): uid not found: {uid}')\n"
        "pwd.getpwuid = unknown\n"
    )
    gone = ("HOME", "USER", "LOGNAME", "USERNAME", "LNAME")
    path = f"{folder / 'unknown'}{os.pathsep}{ROOT}"
    return dict.fromkeys(gone) | {"PYTHONPATH": path}


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
    environment = {"HOME": home} if home else nobody(tmp_path)
    environment |= {"XDG_CACHE_HOME": None, "JAX_COMPILATION_CACHE_DIR": None}
    done = run_command(["sweep", "run", "one.py"], tmp_path, environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_of_one_column_shows_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "1")
    with pytest.raises(SystemExit):
        main(["solve", "corridor", "--help"])
    assert "--width" in capsys.readouterr().out
    assert os.environ["COLUMNS"] == "1"
    assert "--abyss" in one_line_error(main, ["solve", "corridor", "--abyss", "1"], capsys)


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


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "there is not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "the output: No space left on device;"),
        (OSError("odd"), ""),
    ],
)
def test_too_little_room_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, says: str
) -> None:
    def fail(words: list[str]) -> None:
        raise error

    monkeypatch.setattr(command, "_run", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["solve", "corridor"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    if not says:
        Path(said.split("trace: ")[1].strip()).unlink()
        assert stopped.value.code == FAULT
    else:
        assert says in said
        assert stopped.value.code == 2


_BUSY = """
import atexit, contextlib, hashlib, io, sys, time
from mazerl.cli import main as command
def work(words):
    print("now", flush=True)
    if words == ["parse"]:  # what is said meanwhile is kept back
        with contextlib.redirect_stderr(io.StringIO()):
            time.sleep(10)
    if words == ["deaf parse"]:
        with contextlib.redirect_stderr(io.StringIO()):
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    if words == ["count"]:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # Python hears nothing meanwhile
def leave():
    print("now", flush=True)
    time.sleep(1)
command._run = work
if sys.argv[1:] == ["leave"]:
    command._run = lambda words: atexit.register(leave)
command.main()
"""


@pytest.mark.parametrize(
    ("words", "number", "code", "said"),
    [
        ("count", signal.SIGTERM, 75, "preempted: no training was under way\n"),
        ("parse", signal.SIGTERM, 75, "preempted: no training was under way\n"),
        ("deaf parse", signal.SIGTERM, 75, "preempted: no training was under way\n"),
        ("count", signal.SIGINT, 130, "stopped: no training was under way\n"),
        ("leave", signal.SIGTERM, 0, ""),
    ],
)
def test_signals_are_heard_from_start_to_end(
    words: str, number: signal.Signals, code: int, said: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _BUSY, words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    time.sleep(0.3)
    process.send_signal(number)
    sent = time.monotonic()
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (code, said)
    assert time.monotonic() - sent < 5


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
    found = [
        run_command(words, tmp_path, {"JAX_DEFAULT_PRNG_IMPL": name}).stdout
        for name in (None, "rbg")
    ]
    assert json.loads(found[0]) == json.loads(found[1])


@pytest.mark.parametrize("platform", ["abacus", "rocm"])
def test_a_platform_that_is_not_there_is_told(tmp_path: Path, platform: str) -> None:
    words = ["sample", "corridor", *SMALL, "--walks", "5"]
    done = run_command(words, tmp_path, {"JAX_PLATFORMS": platform})
    assert done.returncode == 2
    told = (
        f"JAX cannot start the platform {platform!r} of JAX_PLATFORMS; set it to cpu, or unset it"
    )
    assert done.stderr == f"error: {told}\n"


def test_weights_and_biases_without_a_key_is_refused_at_once(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "1", "--wandb", "demo", "--out", "run"]
    lost = {"HOME": str(tmp_path), "WANDB_API_KEY": None, "WANDB_MODE": None}
    done = run_command(words, tmp_path, lost)
    assert done.returncode == 2
    assert "Weights & Biases knows no key of yours" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run_command(words, tmp_path, nobody(tmp_path) | {"WANDB_MODE": "offline"})
    assert done.returncode == 2
    assert "your home folder, and you have none; set HOME" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_is_one_run_of_weights_and_biases(tmp_path: Path) -> None:
    words = ["train", "ppo", *SMALL, "--steps", "1", "--wandb", "demo", "--out", "run"]
    offline: dict[str, str | None] = {"WANDB_MODE": "offline", "HOME": str(tmp_path)}
    for more in ([], ["--resume"]):
        done = run_command([*words, *more], tmp_path, offline)
        assert done.returncode == 0, done.stderr
    names = {path.name.rpartition("-")[2] for path in (tmp_path / "run").glob("wandb/offline-*")}
    assert len(names) == 1
