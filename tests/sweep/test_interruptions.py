"""Sweeps that survive: kills, signals, several drivers."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mazerl.sweep.commands import main
from tests.support.kills import ROOT, SWEEP, arrays, disturb, done


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_sweeps_lose_nothing(tmp_path: Path, workers: int) -> None:
    """`python -m tests.support.kills` does it 50 times."""
    said = disturb(tmp_path, 2, workers, seed=workers)
    assert said.startswith("2 kills")


def test_the_comparison_of_kills_can_fail(tmp_path: Path) -> None:
    main([*SWEEP[:2], *SWEEP[2:10], "--results", str(tmp_path)])
    before = arrays(tmp_path)
    (folder,) = (tmp_path / "ppo_curves").iterdir()
    with np.load(folder / "arrays.npz") as stored:
        changed = {name: stored[name] for name in stored.files}
    changed["time"] = np.nextafter(changed["time"], np.inf)
    np.savez(folder / "arrays.npz", **changed)
    assert arrays(tmp_path) != before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
@pytest.mark.parametrize("workers", [1, 2])
def test_signals_end_a_sweep_cleanly(
    tmp_path: Path, number: signal.Signals, code: int, workers: int
) -> None:
    words = [*SWEEP[:4], "--set", "lanes=2", "--set", "steps=4000", "--seeds", "1"]
    words += ["--results", str(tmp_path), "--workers", str(workers)]
    command = [sys.executable, "-m", "experiments", *words]
    driver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(tmp_path.glob("ppo_curves/*/metrics.jsonl")):  # until a training runs
        assert driver.poll() is None
        time.sleep(0.05)
    driver.send_signal(number)
    _, said = driver.communicate(timeout=60)
    how = "preempted" if code == 75 else "stopped"
    expected = f"{how}: 0 of 1 cells are stored; run the same command to go on"
    assert expected in said.decode()
    assert b"Traceback" not in said
    assert driver.returncode == code
    # What was learned so far is kept.
    assert list(tmp_path.glob(".unfinished/ppo_curves/*/ppo/*"))


def test_two_drivers_share_the_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "experiments", *SWEEP, "--results", str(tmp_path)]
    drivers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [driver.communicate(timeout=300)[0] for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0]
    assert len(done(tmp_path)) == 6
    # Both saw the sweep through to its end.
    assert all("6/6" in text for text in said)
    # Nobody was refused: records are written once, and a second time would have failed.
    assert list((tmp_path / ".locks").iterdir()) == []
