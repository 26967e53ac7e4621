"""`mazerl conformance`: its table, its JSON, its exit codes, and bad input."""

import json
from pathlib import Path

import pytest

from mazerl.cli.main import main
from tests.support.errors import one_line_error

RIGHT, WRONG = "tests.support.oracle:right", "tests.support.oracle:early_ends"


def test_a_right_one_passes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance", RIGHT, "--seeds", "2"])
    said = capsys.readouterr().out
    assert said.count(" holds") == 12
    assert said.count(" skipped") == 2
    assert said.endswith("0 of 2 seeds: no fault was found\n")


def test_a_fault_is_told_by_name_and_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from tests.support.oracle import early_ends as ppo\n")
    with pytest.raises(SystemExit) as stop:
        main(["conformance", f"{file}:ppo", "--probes", "values,sums"])
    assert stop.value.code == 1
    said = capsys.readouterr().out
    assert "0.500 0.500 0.000 0.000 0.400  fails" in said
    assert said.endswith("\ntime-outs are treated as ends\n")
    with pytest.raises(SystemExit) as stop:
        main(["conformance", WRONG, "--probes", "values", "--json", "--seed", "7"])
    assert stop.value.code == 1
    result = json.loads(capsys.readouterr().out)
    assert result["faults"] == ["time-outs are treated as ends"]
    assert result["findings"][0]["seed"] == 7
    assert result["findings"][0]["verdict"] == "fails"


def test_the_own_sums_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance", "mazerl", "--probes", "sums"])
    assert "0 apart" in capsys.readouterr().out


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    main(["conformance"])
    assert "ADAPTER is FILE.py:FUNCTION" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nothing", "adapter 'nothing' names no function; give FILE.py:FUNCTION, or mazerl"),
        ("nothing.py:train", "there is no file nothing.py"),
        ("no_such_module:train", "ModuleNotFoundError"),
        ("json:train", "json has no function 'train'; define it"),
        ("mazerl --probes value", "unknown probe 'value'; known: still, values"),
        ("mazerl --seeds 0", "seeds is 0; give a whole number of at least 1"),
        ("mazerl --seed -1", "seed"),
        (f"{RIGHT} --advantages json:dumps --probes sums", "not JSON serializable"),
    ],
)
def test_bad_input_is_one_line(
    words: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert says in one_line_error(main, ["conformance", *words.split()], capsys)


def test_a_broken_environment_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import gymnasium\n"
        "class Merged(gymnasium.Wrapper):\n"
        "    def step(self, action):\n"
        "        seen, reward, ended, cut, info = self.env.step(action)\n"
        "        return seen, reward, ended or cut, False, info\n"
        "def ppo(task):\n"
        "    task.gymnasium(Merged)\n"
    )
    said = one_line_error(main, ["conformance", f"{file}:ppo"], capsys)
    assert "breaks its bridge's contract: step 2 says terminated is True" in said
