"""Sweeps that survive: kills, signals, several drivers, full disks; and where they run."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.store.records import is_done, read_record
from mazerl.sweep import studies, tasks
from mazerl.sweep.commands import main
from mazerl.sweep.driver import Cell, Driver, tasks_of
from mazerl.sweep.executors import make_executor
from mazerl.sweep.executors.inline import Inline
from mazerl.sweep.tasks import Task
from mazerl.sweep.work import Told, Work
from tests.support.kills import ROOT, SWEEP, arrays, done


@dataclass(frozen=True)
class Config:
    number: int
    seed: int = 0


class Silent:
    """A screen that only counts."""

    def __init__(self) -> None:
        self.count = 0

    def began(self, task: Task) -> None: ...

    def told(self, task: Task, told: Told) -> None: ...

    def stored(self, task: Task, cells: int) -> None:
        self.count += cells

    def ended(self, task: Task) -> None: ...


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make an experiment of a function, known to this process alone."""

    def make(run: Callable[[Config], dict[str, np.ndarray]]) -> None:
        module: Any = SimpleNamespace(run=run, table=None, GRID=(Config(0),), SMOKE=(Config(0),))
        monkeypatch.setitem(studies._found, "demo", studies._Found("demo", module))
        monkeypatch.setattr(tasks, "find", lambda place: "demo")

    return make


def sweep(store: Path, cells: list[Cell], **more: Any) -> Any:
    return Driver(store, Inline(), Silent(), **more).run(cells)


def test_a_cell_that_another_driver_holds_is_left_to_it(
    tmp_path: Path, demo: Callable[..., None]
) -> None:
    ran: list[int] = []
    meanwhile = threading.Event()

    def run(config: Config) -> dict[str, np.ndarray]:
        ran.append(config.number)
        if config.number == 0:
            assert meanwhile.wait(30)
        return {"x": np.array(config.number)}

    demo(run)
    cells = [Cell("demo", Config(n)) for n in range(3)]
    first = threading.Thread(target=sweep_without_signals, args=(tmp_path, cells[:1]))
    first.start()
    while not ran:
        time.sleep(0.01)
    second = threading.Thread(target=sweep_without_signals, args=(tmp_path, cells))
    second.start()
    while not is_done(tmp_path, "demo", Config(2)):
        time.sleep(0.01)
    assert second.is_alive()  # it waits for the cell that the first holds
    meanwhile.set()
    first.join(30)
    second.join(30)
    assert sorted(ran) == [0, 1, 2]
    assert all(is_done(tmp_path, *cell) for cell in cells)


def sweep_without_signals(store: Path, cells: list[Cell]) -> None:
    """Signal handlers belong to the main thread."""
    driver = Driver(store, Inline(), Silent())
    driver.executor.run(driver._claimed([[cell] for cell in cells]), driver._hear, lambda: False)


def test_a_cell_that_fails_does_not_stop_the_others(
    tmp_path: Path, demo: Callable[..., None]
) -> None:
    def run(config: Config) -> dict[str, np.ndarray]:
        if config.number == 1:
            raise MazerlError("one is too few")
        if config.number == 2:
            raise ZeroDivisionError
        return {"x": np.array(config.number)}

    demo(run)
    outcome = sweep(tmp_path, [Cell("demo", Config(n)) for n in range(4)])
    assert outcome.stored == 2
    told = [(cell.config.number, failure) for cell, failure in outcome.failed]
    assert told[0][1] == ("one is too few", "")
    assert "ZeroDivisionError" in told[1][1].message
    assert "Traceback" in told[1][1].trace  # a mistake of the code's, not of the user's
    assert read_record(tmp_path, "demo", Config(3)).arrays["x"] == 3


def test_failures_are_told_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "ppo_curves", "--set", "rate=-1", "--set", "steps=10"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--results", str(tmp_path)])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert "the rate is -1.0; give a finite number above 0" in said
    assert "1 of 1 cells failed; they are run again next time" in said


def test_processes_give_the_bits_of_this_process(tmp_path: Path) -> None:
    for folder, workers in (("one", 1), ("two", 2)):
        main([*SWEEP, "--results", str(tmp_path / folder), "--workers", str(workers)])
    assert arrays(tmp_path / "one") == arrays(tmp_path / "two")
    assert len(done(tmp_path / "two")) == 6


def test_metrics_are_json_lines_without_repeats(tmp_path: Path) -> None:
    main([*SWEEP, "--results", str(tmp_path)])
    for cell in done(tmp_path):
        lines = (tmp_path / "ppo_curves" / cell / "metrics.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert [line["update"] for line in told] == [10, 20, 30, 40]
        assert {"loss", "success"} <= set(told[0])
        assert told[0]["hitting_time"] > 1


def test_a_full_disk_leaves_the_store_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: Callable[..., None]
) -> None:
    demo(lambda config: {"x": np.arange(config.number)})
    sweep(tmp_path, [Cell("demo", Config(1))])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(MazerlError, match=r"cannot write results .*No space left on device"):
            sweep(tmp_path, [Cell("demo", Config(n)) for n in range(3)])
    assert [is_done(tmp_path, "demo", Config(n)) for n in range(3)] == [False, True, False]
    sweep(tmp_path, [Cell("demo", Config(n)) for n in range(3)])
    assert all(is_done(tmp_path, "demo", Config(n)) for n in range(3))


def test_a_file_size_limit_leaves_the_store_intact(tmp_path: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "from experiments.__main__ import main\n"
        f"main({[*SWEEP[:-2], '--results', str(tmp_path)]!r})\n"
    )
    limited = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"JAX_COMPILATION_CACHE_DIR": ""},
    )  # fmt: skip
    assert limited.returncode == 2
    assert limited.stderr.splitlines()[-1].startswith("error: cannot write ")
    assert "File too large" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert done(tmp_path) == {}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2000
    main([*SWEEP, "--results", str(tmp_path)])
    assert len(done(tmp_path)) == 6


def test_a_plan_is_printed_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "gallery", "--size", "smoke", "--results", str(tmp_path)]
    main(words)
    count = len(studies.grid("gallery", "smoke"))
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{count} cells, 0 stored, {count} to run, about ")
    main(words)
    assert capsys.readouterr().out == f"{count} cells, {count} stored, 0 to run\n"


def test_work_without_surroundings_just_runs() -> None:
    watch = Work().watch("sft")
    watch.progress(1, {}, None)
    assert watch.checkpoints is None
    assert not watch.stop()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--workers", "0"], "--workers is 0; give at least 1"),
        (["--address", "auto"], "add --executor ray"),
        (
            ["--executor", "ray", "--address", "127.0.0.1:9"],
            "no Ray cluster answers at 127.0.0.1:9",
        ),
        (["--executor", "ray", "--address", "nowhere"], "no Ray cluster answers at nowhere"),
    ],
)
def test_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(SystemExit) as stop:
        main(["run", "gallery", "--results", str(tmp_path), *words])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert time.monotonic() - begun < 20


def test_seeds_are_shared_out_where_workers_would_be_idle() -> None:
    config = studies.load("ppo_curves").GRID[0]
    cells = [Cell("ppo_curves", replace(config, seed=seed)) for seed in range(5)]
    assert [len(task) for task in tasks_of(cells)] == [5]
    assert [len(task) for task in tasks_of(cells, 2)] == [3, 2]
    both = cells + [cell._replace(config=replace(cell.config, rate=0.5)) for cell in cells]
    assert [len(task) for task in tasks_of(both, 2)] == [5, 5]
    assert [len(task) for task in tasks_of(both, 3)] == [3, 2, 3, 2]
    assert [cell for task in tasks_of(both, 3) for cell in task] == both


def test_executors_are_chosen() -> None:
    assert type(make_executor("local", 1, None)).__name__ == "Inline"
    assert type(make_executor("local", 2, None)).__name__ == "Processes"
    assert type(make_executor("processes", 1, None)).__name__ == "Processes"
