"""The study of faults in aggregation: verdicts that turn when its records are another's."""

from dataclasses import asdict

import numpy as np
import pytest

from experiments.signals import aggregation
from mazerl.store.records import Record


def made(swapped: bool = False) -> list[Record]:
    """Exact cells as they are, and training as the exact rows would have it."""
    records = []
    for config in aggregation.SMOKE:
        if not config.fault:
            arrays = aggregation.run(config)
            if swapped:
                arrays = {
                    name: np.append(x[0], 1 - x[:0:-1]) if x.ndim else 1 - x
                    for name, x in arrays.items()
                }
        else:
            means = config.fault.startswith("mean") != swapped
            noise = 4.0 if config.fault.startswith("first") and config.optimizer == "adam" else 1.0
            shape = (5, 12)
            arrays = {
                "whole": np.full(shape, 5.0 if means else noise),
                "each": np.full(shape, 1.0 if means else 5.0), "time": np.ones(5),
            }  # fmt: skip
            arrays["whole"][:, 1] = 9.0 if config.fault.startswith("first") else 3.0
        records.append(Record(asdict(config), {}, arrays))
    return records


def test_verdicts_turn_with_the_data() -> None:
    right, wrong = (
        {row["id"]: row["verdict"] for row in aggregation.table(made(swapped)).claims}
        for swapped in (False, True)
    )
    assert set(right.values()) == {"holds"}
    assert {name for name, verdict in wrong.items() if verdict == "FAILS"} >= {
        "A1.2", "A1.4", "A1.6", "A1.7", "A1.8", "A1.c1", "A1.c2", "A1.c3",
    }  # fmt: skip


def test_mazes_are_ones_in_which_every_move_is_the_policys() -> None:
    for world in ("corridor", "caves"):
        assert not np.asarray(aggregation.maze_of(world, 3).chance).any()
    shown = aggregation.shown_by("corridor", aggregation.SHORT, 0)
    assert shown.law.sum() == pytest.approx(0.337533, abs=1e-6)
