"""Sweeps on a real Ray cluster: two nodes of this machine, one of which is killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mazerl.sweep.commands import main
from tests.support.kills import CELLS, ROOT, SWEEP, arrays, done
from tests.support.own_study import write

pytest.importorskip("ray")


@pytest.fixture
def cluster() -> Iterator[subprocess.Popen[str]]:
    nodes = subprocess.Popen(
        [sys.executable, "-m", "tests.support.two_nodes"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield nodes
    nodes.communicate("end\n", timeout=60)


def said(nodes: subprocess.Popen[str]) -> str:
    assert nodes.stdout is not None
    return next(line for line in nodes.stdout if line.startswith("> "))[2:].strip()


def test_a_lost_node_costs_only_its_running_cells(
    tmp_path: Path, cluster: subprocess.Popen[str]
) -> None:
    address = said(cluster)
    store = tmp_path / "cluster"
    words = [*SWEEP, "--results", str(store), "--executor", "ray", "--address", address]
    driver = subprocess.Popen(
        [sys.executable, "-m", "experiments", *words], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not done(store):
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.05)
    finished = done(store)
    assert len(finished) < CELLS  # the other node is at work
    assert cluster.stdin is not None
    cluster.stdin.write("kill\n")
    cluster.stdin.flush()
    assert said(cluster) == "1"
    out, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert f"{CELLS}/{CELLS}" in out
    assert {cell: done(store)[cell] for cell in finished} == finished
    main([*SWEEP, "--results", str(tmp_path / "here")])
    assert arrays(store) == arrays(tmp_path / "here")


def test_a_study_of_ones_own_runs_on_ray(tmp_path: Path) -> None:
    write(tmp_path, "rayed_of_mine")
    command = str(Path(sys.executable).with_name("mazerl"))
    words = [command, "sweep", "run", "rayed_of_mine.py", "--executor", "ray", "--workers", "2"]
    driver = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert driver.returncode == 0, driver.stderr
    assert len(list(tmp_path.glob("results/rayed_of_mine/*/DONE"))) == 2


def test_a_cluster_that_takes_calls_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        begun = time.monotonic()
        driver = subprocess.run(
            [sys.executable, "-m", "experiments", "run", "gallery", "--results", str(tmp_path),
             "--executor", "ray", "--address", address],
            cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ),
        )  # fmt: skip
        took = time.monotonic() - begun
    assert driver.returncode == 2, driver.stderr
    assert driver.stderr.startswith(f"error: no Ray cluster answers at {address}")
    assert driver.stderr.count("\n") == 1
    assert took < 20
