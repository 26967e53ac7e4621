"""The alarms' table, from runs made up: each verdict turns round with its numbers."""

import numpy as np
import pytest

from experiments.backtracking import alarms
from experiments.common.fates import fate
from mazerl.store.records import Record

RECORDS = 40


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (np.ones(20), ("good", np.nan)),
        (np.append(np.ones(10), np.full(10, 101.0)), ("collapsed", 0.5)),
        (np.concatenate([np.ones(9), np.full(2, 101.0), np.ones(9)]), ("passed", np.nan)),
        (np.concatenate([np.ones(9), [101.0], np.ones(10)]), ("good", np.nan)),
        (np.full(20, 101.0), ("collapsed", 0.0)),
    ],
)
def test_fates(ratio: np.ndarray, expected: tuple[str, float]) -> None:
    kind, since = fate(ratio)
    assert kind == expected[0]
    np.testing.assert_equal(since, expected[1])


def made_up(settings: str, ratio: np.ndarray, told: np.ndarray, arrivals: np.ndarray) -> Record:
    arrays = {
        "time": 9 * ratio, "told": 9 * told, "optimum": np.asarray(9.0), "late_arrivals": arrivals,
        "late_steps": np.full(RECORDS, 1000.0), "distinct": np.ones(RECORDS),
        "success": np.ones(RECORDS),
    }  # fmt: skip
    return Record({"settings": settings, "seed": 0, "steps": 0}, {}, arrays)


STEADY = np.full(RECORDS, 10.0)


def verdicts(lost: np.ndarray, good: np.ndarray, late: np.ndarray = STEADY) -> dict[str, str]:
    """Of twenty runs that collapse half-way, of which `lost` is told, and twenty good ones."""
    high = np.append(np.full(20, 2.0), np.full(20, 1e3))
    records = [made_up("hasty, as in P1.c", high, lost, late)] * 20
    records += [made_up("default", np.full(RECORDS, 2.0), good, STEADY)] * 20
    records += [made_up(alarms.TURNS, np.full(RECORDS, 2.0), good, STEADY)] * 20
    return {str(row["id"]): str(row["verdict"]) for row in alarms.table(records).claims}


def test_verdicts_follow_what_is_told() -> None:
    seen = np.append(np.full(20, 2.0), np.full(20, 60.0))
    held = verdicts(seen, np.full(RECORDS, 2.0))
    assert held == {f"E1.{n}": "holds" for n in (1, 2, 3, 4, "c", "d")}
    # Told too late by more than a tenth of the run, or not at all.
    for late in (np.append(np.full(26, 2.0), np.full(14, 60.0)), np.full(RECORDS, 49.0)):
        assert verdicts(late, np.full(RECORDS, 2.0))["E1.1"] == "FAILS"
    # Good runs that are warned of, and told too long.
    wrong = verdicts(seen, np.full(RECORDS, 60.0))
    assert {name for name, verdict in wrong.items() if verdict == "FAILS"} == {
        "E1.2", "E1.3", "E1.4", "E1.d"
    }  # fmt: skip
    # Told too short is no claim's but those of nearness.
    short = verdicts(seen, np.full(RECORDS, 1.2))
    assert {name for name, verdict in short.items() if verdict == "FAILS"} == {"E1.3", "E1.4"}
    # Walks of training that cease to arrive tell as well.
    late = np.append(np.full(20, 10.0), np.full(20, 0.1))
    told = verdicts(seen, np.full(RECORDS, 2.0), late)
    assert {name for name, verdict in told.items() if verdict == "FAILS"} == {"E1.c"}
