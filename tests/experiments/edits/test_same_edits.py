"""The study of same edits: what is counted, and claims that can fail."""

from typing import Any

import numpy as np
import pytest

from experiments.common.rl_runs import Pool, pool_of
from experiments.edits.same_edits import _alike, _edited, _share
from experiments.edits.same_edits_claims import table
from mazerl.measure.edits import visits
from mazerl.policy.preferences import greedy_rows
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record


@pytest.fixture(scope="module")
def pool() -> Pool:
    return pool_of("tree", 6, 0)


def at(pool: Pool, arrivals: list[int], rank: int) -> np.ndarray:
    """The base's rows, with another first choice after some arrivals: its last port or the one
    before."""
    rows, layout = pool.base.copy(), rows_of(pool.maze)
    for arrival in arrivals:
        begin, end = layout.start[arrival : arrival + 2]
        order = np.argsort(rows[:, begin:end], axis=1)
        for x in range(len(rows)):
            rows[x, begin:end] = 0.0
            rows[x, begin + order[x, rank]] = 1.0
    return rows


def test_shared_edits_are_counted_by_occupancy(pool: Pool) -> None:
    layout = rows_of(pool.maze)
    forks = [e for e in range(pool.maze.num_arcs + 1) if np.diff(layout.start)[e] == 4][:3]
    one, other = at(pool, forks[:2], 1), at(pool, forks[1:], 1)
    weight = np.random.default_rng(0).random((6, pool.maze.num_arcs + 1))
    ((jaccard, agreed),) = _alike(pool, one, other, [weight])
    a, b, c = (weight[:, e].sum() for e in forks)
    assert jaccard == pytest.approx(b / (a + b + c))
    assert agreed == pytest.approx(1)
    ((jaccard, agreed),) = _alike(pool, one, at(pool, forks[1:], 2), [weight])
    assert jaccard == pytest.approx(b / (a + b + c))
    assert agreed == 0
    assert _share(pool, one, weight) == pytest.approx((a + b) / weight.sum())
    assert not _edited(pool, pool.base).any()
    assert np.isnan(_alike(pool, pool.base, greedy_rows(pool.maze, pool.base), [weight])).all()


def record(pool: Pool, **other: Any) -> Record:
    kinds = np.array([0, 0, 1, 1])
    jaccard = np.where(kinds[:, None] != kinds, 0.7, np.where(kinds == 1, 0.95, 0.75))
    along_base = np.full((4, 4), 0.5)
    pairs = np.stack([
        np.stack([along_base, np.full((4, 4), 0.7)], -1),
        np.stack([jaccard, np.full((4, 4), 0.9)], -1),
    ], 2)  # fmt: skip
    arrays: dict[str, Any] = {
        "p_base": 0.1, "p_run": [0.9] * 4, "edited": [0.3] * 4, "pairs": pairs,
        "apart": np.full((4, 2, 2), 0.6), "in_place": [[0.8, 0.7, 0.4, 0.2]] * 4,
    } | other  # fmt: skip
    config = {"learners": ["grpo", "ppo"], "seed": int(arrays.pop("seed", 0))}
    return Record(config, {}, {name: np.asarray(x, float) for name, x in arrays.items()})


def failing(pool: Pool, **other: Any) -> set[str]:
    rows = table([record(pool, **other), record(pool, **other, seed=1)]).claims
    return {row["id"] for row in rows if row["verdict"] == "FAILS"}


def test_claims_hold_where_they_should_and_fail_where_they_should_not(pool: Pool) -> None:
    assert failing(pool) == set()
    good = record(pool).arrays["pairs"]
    same = good.copy()
    same[:, :, 1, 0] = 0.7
    assert failing(pool, pairs=same) == {"X10.1", "X10.2"}
    lower = good.copy()
    lower[:, :, 1, 0] -= 0.3 * (good[:, :, 1, 0] == 0.7)
    assert failing(pool, pairs=lower) == {"X10.2", "X10.4", "X10.c1"}
    assert failing(pool, apart=np.full((4, 2, 2), 0.9)) == {"X10.c1"}
    flat = good.copy()
    flat[:, :, 0] = flat[:, :, 1]
    assert failing(pool, pairs=flat) == {"X10.3"}
    assert failing(pool, in_place=[[0.5, 0.2, 0.45, 0.4]] * 4) == {"X3.1", "X3.2", "X3.3", "X3.c1"}


def test_occupancy_of_the_base_is_of_tokens(pool: Pool) -> None:
    seen = visits(pool.maze, pool.base, pool.limit)
    assert (seen.occupancy.sum(1) <= pool.limit + 1e-9).all()
    assert seen.success.mean() == pytest.approx(pool.success(pool.base))
