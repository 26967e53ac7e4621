"""A study of a user's own, and a process that knows none yet."""

import sys
from pathlib import Path

import pytest

from mazerl.sweep import studies
from mazerl.sweep.studies import Offer

GOOD = """
'''Do coins land as often on heads as one thinks?'''
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mazerl import Tables, claim, control


@dataclass(frozen=True)
class Config:
    share: float
    seed: int = 0


GRID = tuple(Config(share) for share in (0.5, 0.7))


def run(config):
    return {"heads": np.random.default_rng(config.seed).random(1000) < config.share}


def table(records):
    rows = [record.config | {"heads": float(record.arrays["heads"].mean())} for record in records]
    fair, bent = (row["heads"] for row in rows)
    return Tables(
        {"NAME": pd.DataFrame(rows)},
        [
            claim("X1", "a fair coin is fair", 0.5, fair, abs(fair - 0.5) < 0.05),
            control("X1c", "a bent one is not", "not 0.5", bent, abs(bent - 0.5) > 0.05),
        ],
    )
"""


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has found no study and is offered none."""
    monkeypatch.setattr(studies, "_found", {})
    monkeypatch.setattr(studies, "_offered", [Offer("mazerl sweep", {})])
    monkeypatch.setattr(sys, "path", sys.path.copy())


def write(folder: Path, name: str, text: str = GOOD) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text.replace("NAME", name))
    return folder / f"{name}.py"
