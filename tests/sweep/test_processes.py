"""Worker processes do linear algebra in one thread, because each is held to one core."""

from pathlib import Path

import numpy as np
import pytest

from mazerl.sweep.commands import main

STUDY = """
import os
from dataclasses import dataclass

import numpy as np

from mazerl.sweep.studies import Tables


@dataclass(frozen=True)
class Config:
    number: int


GRID = (Config(0), Config(1))
CLAIM_FAMILIES = ()


def run(config):
    told = os.environ["OPENBLAS_NUM_THREADS"]
    return {"threads": np.asarray(int(told)), "cores": np.asarray(len(os.sched_getaffinity(0)))}


def table(records):
    return Tables({}, [])
"""


@pytest.mark.parametrize(("said", "threads"), [(None, 1), ("3", 3)])
def test_a_worker_has_a_core_and_a_thread_unless_users_say_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, threads: int
) -> None:
    if said is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", said)
    file = tmp_path / f"threads_{threads}_of_mine.py"
    file.write_text(STUDY)
    words = ["run", str(file), "--workers", "2"]
    main([*words, "--results", str(tmp_path / "results")])
    files = sorted((tmp_path / "results").glob("*/*/arrays.npz"))
    assert len(files) == 2
    for stored in files:
        with np.load(stored) as arrays:
            assert int(arrays["threads"]) == threads
            assert int(arrays["cores"]) == 1
