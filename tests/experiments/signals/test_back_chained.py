"""The study of data built backward: its walks, its limits, verdicts that turn."""

from dataclasses import asdict

import numpy as np
import pytest

from experiments.signals import back_chained as study
from mazerl import build, compile_maze
from mazerl.exact.horizon import expected_visits
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [Record(asdict(config), {}, study.run(config)) for config in study.SMOKE]


def test_verdicts_turn_with_the_data(records: list[Record]) -> None:
    few = {row["id"] for row in study.table(records).claims}
    assert not few & {"A3.8", "A3.9"}
    hidden = [r for r in records if r.config["world"] in ("corridor", "caves")]
    records = records + hidden * 3
    right = {row["id"]: row["verdict"] for row in study.table(records).claims}
    assert set(right.values()) == {"holds"}

    def failing(**names: str) -> set[str]:
        """Where one way stands in the place of another."""
        told = []
        for r in records:
            arrays = dict(r.arrays)
            for name, other in names.items():
                arrays |= {one: r.arrays[two] for one, two in
                           ((name, other), (f"{name}_steps", f"{other}_steps"),
                            (f"walks_{name}", f"walks_{other}")) if two in r.arrays}  # fmt: skip
            told.append(r._replace(arrays=arrays))
        claims = study.table(told).claims
        return {row["id"] for row in claims if row["verdict"] == "FAILS"}

    assert failing(forward="hindsight", hindsight="forward") >= {"A3.2", "A3.4", "A3.6"}
    assert failing(each="hindsight") >= {"A3.7"}
    assert failing(cut="base") >= {"A3.5"}
    assert failing(hindsight="base") >= {"A3.3"}
    assert failing(plain="forward") >= {"A3.c1"}
    assert failing(impatient="patient", patient="impatient") >= {"A3.8", "A3.9", "A3.10", "A3.11"}
    assert failing(dithering="patient") >= {"A3.c3"}
    more = [r._replace(arrays=r.arrays | {"share": r.arrays["share"] / 10 + 1e-3}) if
            "share" in r.arrays else r for r in records]  # fmt: skip
    claims = study.table(more).claims
    assert {row["id"] for row in claims if row["verdict"] == "FAILS"} >= {"A3.1", "A3.c2"}


def test_naming_every_vertex_ends_where_forward_design_does(records: list[Record]) -> None:
    for record in records:
        if record.config["world"] == "seen":
            arrays = record.arrays
            enough = arrays["shown_each"][-1] > 1000
            assert enough.sum() > 5
            far = np.abs(arrays["walks_each"][-1] - arrays["forward"][:, 0])[enough]
            assert far.max() < 0.03
            # The first 64 of the walks are among the first 256.
            assert (np.diff(arrays["shown_each"], axis=0) >= 0).all()


def test_walks_are_those_of_the_rows() -> None:
    maze = compile_maze(build("caves", junctions=3, most=4, passage=0, graph_seed=2))
    base = opinionated_rows(maze, 0.1, 1.0, 0)
    layout, count = rows_of(maze), 20_000
    entry = study._walks(maze, base, count, np.random.default_rng(0))
    assert (layout.arrival[entry[:, 0]] == maze.num_arcs).all()
    np.testing.assert_array_equal(layout.arrival[entry[:, 1:]], layout.arc[entry[:, :-1]])
    wanted = expected_visits(maze, base, study.LIMIT)[layout.arrival] * base
    made = np.stack([np.bincount(entry[n::20].ravel(), minlength=layout.size) for n in range(20)])
    each = made / (count / 20)
    error = each.std(0, ddof=1) / np.sqrt(20)
    assert (np.abs(each.mean(0) - wanted) < 5 * error + 1e-3).all()


def test_dithering_is_as_long_as_patience(records: list[Record]) -> None:
    for record in records:
        if record.config["world"] in ("corridor", "caves"):
            long = float(record.arrays["patient_steps"])
            assert float(record.arrays["dithering_steps"]) == pytest.approx(long, rel=1e-3)
            assert study.SHORT < long < study.LONG
            assert 0 < float(record.arrays["impatient_steps"]) <= study.SHORT
