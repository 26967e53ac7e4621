"""The benchmarks still run, at tiny sizes, whose figures say nothing; files of theirs compare."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.__main__ import PARTS, main
from benchmarks.board import Board, Figure, Spent, write
from benchmarks.comparing import gain

ROOT = Path(__file__).parents[2]


def test_every_benchmark_runs_at_a_tiny_size(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--json", str(file)], cwd=ROOT, capture_output=True,
        text=True, check=False,
        env={**os.environ, "BENCHMARKS_TINY": "1", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in (
        "exact RLVR", "structured solve", "wide fork", "chain algebra", "open grid",
        "p and its gradient", "random walks", "64 walkers", "forests of",
        "environments on corridor", "tabular PPO", "cached over recomputed", "adapter of rank",
        "1 seed", "a store of 10 records",
    ):  # fmt: skip
        assert part in done.stdout, part
    names = [each["name"] for each in json.loads(file.read_text())["figures"]]
    assert len(names) == len(set(names)) > len(PARTS)


def test_speeds_are_work_over_seconds_and_costs_are_seconds() -> None:
    board = Board(Console(quiet=True))
    assert board.speed("walks", "M steps", 8.0, Spent(9.0, (1.0, 2.0, 4.0))) == 8.0
    assert board.seconds("plan", Spent(9.0, (1.0, 2.0, 4.0))) == 1.0
    assert board.figures == [
        Figure("walks", "M steps/s", 8.0, 4.0, 3.0, 6.0, 9.0),
        Figure("plan", "s", 1.0, 2.0, 1.5, 3.0, 9.0),
    ]


def test_more_speed_and_fewer_seconds_are_better() -> None:
    speeds = [Figure("walks", "M steps/s", 9.0, x, x, x, None) for x in (2.0, 6.0)]
    costs = [Figure("plan", "s", 1.0, x, x, x, None) for x in (2.0, 6.0)]
    assert gain(*speeds) == 3.0
    assert gain(*costs) == pytest.approx(1 / 3)


def written(file: Path, *figures: Figure, **changed: Any) -> Path:
    write(file, list(figures), "python -m benchmarks")
    about = {**json.loads(file.read_text()), "tiny": False, **changed}
    file.write_text(json.dumps(about))
    return file


def compared(monkeypatch: pytest.MonkeyPatch, *files: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "compare", *map(str, files)])
    main()


WALKS = Figure("walks", "M steps/s", 80.0, 60.0, 50.0, 70.0, 2.0)
PLAN = Figure("plan", "s", 1.0, 2.0, 1.5, 3.0, None)


def test_two_files_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faster = WALKS._replace(value=190.0, median=180.0, low=150.0, high=185.0)
    before = written(tmp_path / "before.json", WALKS, PLAN)
    after = written(tmp_path / "after.json", faster, PLAN._replace(name="solve"))
    compared(monkeypatch, before, after)
    told = capsys.readouterr().out
    assert "3.00 ×" in told
    assert "yes" in told
    assert "only in before.json: plan" in told
    assert "only in after.json: solve" in told
    compared(monkeypatch, before, before)
    assert "yes" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (None, "cannot be read"),
        ("{", "holds no benchmarks"),
        ("[]", "holds no benchmarks"),
        ('{"form": 1, "tiny": false, "figures": []}', "holds no benchmarks"),
        ({"form": 99}, "is of form 99"),
        ({"tiny": True}, "tiny sizes"),
        ({"figures": [PLAN._replace(unit="h")._asdict()]}, "plan is in s in"),
        ({"figures": [PLAN._replace(median=0.0)._asdict()]}, "no positive numbers for plan"),
        ({"figures": [WALKS._asdict()]}, "no figure in common"),
    ],
)
def test_files_that_are_no_benchmarks_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    contents: str | dict[str, Any] | None, told: str,
) -> None:  # fmt: skip
    good, bad = written(tmp_path / "good.json", PLAN), tmp_path / "bad.json"
    if isinstance(contents, str):
        bad.write_text(contents)
    elif contents is not None:
        written(bad, PLAN, **contents)
    with pytest.raises(SystemExit) as ended:
        compared(monkeypatch, good, bad)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["walk"], "no benchmark is called walk"),
        (["walks", "--json", "nowhere/figures.json"], "lies in no folder"),
    ],
)
def test_what_cannot_be_measured_is_told_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], told: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
