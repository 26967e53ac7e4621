from collections.abc import Callable

import numpy as np
import pytest

from mazerl.exact.corridor import rlvr_optimum
from mazerl.store.records import Record
from mazerl.sweep.studies import load


def test_training_costs_are_fitted() -> None:
    module = load("training_cost")

    def record(width: int, depth: int, lanes: int, grows: Callable[[int], float]) -> Record:
        optimum = float(rlvr_optimum(width, depth))
        time = np.where(np.arange(400) < grows(width * depth), 2 * optimum, optimum)
        config = {"width": width, "depth": depth, "lanes": lanes, "seed": 0}
        arrays = {
            "ppo": time, "student": time, "golden": np.full(400, 9 * optimum),
            "student_tokens": np.array(100.0), "golden_tokens": np.array(10.0),
        }  # fmt: skip
        return Record(config, {}, arrays)

    sizes = [(n, n, 3) for n in (2, 3, 4, 5, 6)]
    quadratic = module.table([record(*size, lambda x: x**2 / 4) for size in sizes])
    verdicts = {row["id"]: row["verdict"] for row in quadratic.claims}
    assert set(verdicts.values()) == {"holds"}
    fits = quadratic.frames["training_cost_fits"]
    assert fits["exponent"].to_numpy(float)[0] == pytest.approx(2, abs=0.1)
    # The control: a cost that grows exponentially, and one that is never paid.
    exponential = module.table([record(*size, lambda x: 2 * 1.15**x) for size in sizes])
    assert {r["id"] for r in exponential.claims if r["verdict"] == "FAILS"} == {
        "R2.ppo", "R2.student",
    }  # fmt: skip
    endless = module.table([record(*size, lambda x: 1e9) for size in sizes])
    assert {r["id"] for r in endless.claims if r["verdict"] == "FAILS"} == {"R1.1"}
