"""One run on several devices: four of one process, and four of two processes."""

import json
import os
import socket
import subprocess
import sys
from typing import Any

import jax
import pytest

from mazerl import MazerlError
from mazerl.training.parallel import join_processes, walker_mesh
from tests.support.kills import ROOT


def begin(devices: int, *more: str, own: int | None = None) -> subprocess.Popen[str]:
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={own or devices}"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.devices", str(devices), *more], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"XLA_FLAGS": flags},
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    line = next(line for line in out.splitlines() if line.startswith("{"))
    return dict(json.loads(line))


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_devices_and_processes_have_the_losses_of_one_device() -> None:
    one, four = begin(1), begin(4)
    alone, shared = told(one), told(four)
    assert (alone.pop("devices"), shared.pop("devices")) == (1, 4)
    assert (alone.pop("parts"), shared.pop("parts")) == ([1, 16], [4, 4])
    for name, losses in alone.items():
        assert shared[name] == pytest.approx(losses, rel=0, abs=1e-5), name
        assert len(set(losses)) > 1
    # The control: another key is told from this one.
    assert alone["tabular ppo"] != pytest.approx(alone["transformer ppo"], rel=0, abs=1e-5)
    address = free_address()
    both = [begin(4, f"{address},2,{index}", own=2) for index in range(2)]
    for process in both:
        spread = told(process)
        assert (spread.pop("devices"), spread.pop("parts")) == (4, [4, 4])
        for name, losses in alone.items():
            assert spread[name] == pytest.approx(losses, rel=0, abs=1e-5), name


def test_bad_input() -> None:
    there = len(jax.devices())
    with pytest.raises(MazerlError, match=f"{there + 1} devices are asked for; there are {there}"):
        walker_mesh(there + 1)
    with pytest.raises(MazerlError, match="give auto on a cluster"):
        join_processes("localhost:1234")
