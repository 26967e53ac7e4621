"""The study of groups without spread, on tallies that are made up."""

from dataclasses import asdict

import numpy as np
import pytest

from experiments.rollouts import collapse
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.walk.rollouts import run_walks


def records(of_mean: bool = False) -> list[Record]:
    """Tallies as the exact law would have them, or as that of each pool's mean p would."""
    made = []
    for config in collapse.SMOKE:
        pool, size, groups = collapse.pool_of(config.pool), config.group, 10_000
        p = np.full_like(pool.success, pool.success.mean()) if of_mean else pool.success
        alike = np.rint(groups * (p**size + (1 - p) ** size)).astype(int)
        costly = np.rint(groups * ((1 - p) ** size + (pool.law**size).sum(1))).astype(int)
        arrays = {
            "without_spread": alike, "penalised": costly, "solved": np.rint(p * 10_000),
            "groups": np.asarray(groups), "estimates": np.asarray(10_000),
            "success": pool.success, "law": pool.law,
        }  # fmt: skip
        made.append(Record(asdict(config), {}, arrays))
    return made


def verdicts(rows: list[Record]) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in collapse.table(rows).claims}


def test_tallies_of_the_law_hold_and_those_of_another_do_not() -> None:
    assert set(verdicts(records()).values()) == {"holds"}
    failing = {name for name, said in verdicts(records(of_mean=True)).items() if said == "FAILS"}
    assert failing >= {"I1.1", "I1.c1", "I2.2"}


def test_useful_groups_of_the_made_up_pools() -> None:
    lines = collapse.table(records()).frames["collapse_lines"].set_index(["pool", "group"])
    # Shares by hand: 45% of problems evenly in (.2, .8), the integral of p^N + (1-p)^N there.
    for size in (8, 16, 32):
        mean = 2 * (0.8 ** (size + 1) - 0.2 ** (size + 1)) / (0.6 * (size + 1))
        share = round(0.45 * collapse.PROBLEMS) / collapse.PROBLEMS
        for pool, rest in (("flat", 1e-4), ("near", 0.01)):
            others = 1 - rest**size - (1 - rest) ** size
            by_hand = share * (1 - mean) + (1 - share) * others
            assert lines.loc[(pool, size), "useful"] == pytest.approx(by_hand, abs=1e-4)


def test_coins_have_the_success_that_they_are_given() -> None:
    pool = collapse.pool_of("near")
    walks = run_walks(
        TABULAR, pool.logits, pool.world, seeded_key(0), 2000 * collapse.PROBLEMS, pool.limit
    )
    seen = np.asarray(walks.reached).reshape(-1, collapse.PROBLEMS).mean(0)
    error = np.sqrt(pool.success * (1 - pool.success) / 2000)
    assert (np.abs(seen - pool.success) < 5 * error).all()
