"""The study of runs' curves: mixtures against their ends, gates, and claims that can fail."""

from typing import Any

import numpy as np
import pytest

from experiments.common.mixtures import SHARES, curve, success
from experiments.common.rl_runs import Pool, pool_of
from experiments.edits.run_curves import _places, gradient_norm
from experiments.edits.run_curves_claims import GATES, table
from mazerl.measure.edits import differences, visits
from mazerl.policy.extraction import row_logits, row_probabilities
from mazerl.policy.preferences import greedy_rows
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record


@pytest.fixture(scope="module")
def pool() -> Pool:
    return pool_of("tree", 4, 0)


@pytest.fixture(scope="module")
def teacher(pool: Pool) -> np.ndarray:
    """Of other preferences than the base's, at every decision."""
    drawn = np.random.default_rng(0).dirichlet(np.ones(pool.base.shape[1]), len(pool.base))
    weight = pool.base * drawn
    layout = rows_of(pool.maze)
    total = np.stack([np.bincount(layout.arrival, each, layout.start.size - 1) for each in weight])
    return np.asarray(weight / total[:, layout.arrival])


def test_gradient_norm_is_that_of_finite_differences(pool: Pool) -> None:
    norm, layout, step = gradient_norm(pool), rows_of(pool.maze), 1e-4
    logits = row_logits(pool.base)
    for e in np.argsort(-norm.sum(0))[:2]:
        slopes = np.zeros((len(logits), 4))
        for port, entry in enumerate(range(layout.start[e], layout.start[e + 1])):
            at = []
            for sign in (1, -1):
                moved = logits.copy()
                moved[:, entry] += sign * step
                rows = np.stack([row_probabilities(pool.maze, each) for each in moved])
                at.append(visits(pool.maze, rows, pool.limit).success)
            slopes[:, port] = (at[0] - at[1]) / (2 * step)
        assert np.linalg.norm(slopes, axis=1) == pytest.approx(norm[:, e], rel=1e-4, abs=1e-9)


def test_curves_end_at_the_two_policies_and_begin_near_them(
    pool: Pool, teacher: np.ndarray
) -> None:
    base = visits(pool.maze, pool.base, pool.limit)
    found = differences(pool.maze, pool.base, teacher)
    places = _places(pool, base, found, 0)
    assert set(places) == set(GATES)
    none = np.zeros(base.occupancy.shape, bool)
    both = pool.success(pool.base), pool.success(teacher)
    assert success(pool.maze, [pool.base, teacher], pool.limit) == pytest.approx(both)
    policies = (pool.base, teacher)
    for name, sets in places.items():
        assert len(sets) == len(SHARES) >= 20
        told = curve(pool.maze, policies, pool.limit, base.occupancy, [none, *sets])
        assert told[0] == pytest.approx([0, both[0], both[1]], abs=1e-12)
        assert told[-1, 1:] == pytest.approx([both[1], both[0]], abs=1e-12), name
        assert (np.diff(told[:, 0]) >= -1e-12).all()
        decisions = base.occupancy[found.options > 1].sum() / base.occupancy.sum()
        if name != "chance_gradient":
            assert (told[1:, 0] >= SHARES * decisions - 1e-9).all()
            most = (base.occupancy * (found.options > 1)).max() / base.occupancy.sum()
            assert (told[1:, 0] <= SHARES * decisions + most + 1e-9).all()


def test_gates_open_at_what_they_are_named_after(pool: Pool, teacher: np.ndarray) -> None:
    base = visits(pool.maze, pool.base, pool.limit)
    found = differences(pool.maze, pool.base, teacher)
    places, norm = _places(pool, base, found, 0), gradient_norm(pool)
    may = (base.occupancy > 0) & (found.options > 1)
    scores = {"kl": found.kl, "entropy": found.entropy, "pivotality": base.pivotality,
              "gradient": norm, "edited": found.rank > 1,
              "per_visit": base.pivotality / np.maximum(base.occupancy, 1e-300)}  # fmt: skip
    for name, score in scores.items():
        for taken in places[name][:-1]:
            assert score[taken].min() >= score[may & ~taken].max() - 1e-12, name
    # Taken until the norm is reached: over it by one place at most.
    for by_kl, by_chance in zip(places["kl"], places["chance_gradient"], strict=True):
        over = norm[by_chance].sum() - norm[by_kl].sum()
        assert -1e-9 <= over <= norm[may].max()
    changed = differences(pool.maze, pool.base, greedy_rows(pool.maze, pool.base))
    assert not (changed.rank > 1).any()


def lines(**slopes: float) -> np.ndarray:
    """Curves [gate, size, 3] that rise by these slopes over the share of tokens; p 0.1 to 0.9."""
    told = []
    for gate in GATES:
        enough = np.minimum(slopes[gate] * SHARES, 1.0)
        needed = 1 - np.minimum(slopes.get(f"{gate}_back", slopes[gate]) * SHARES, 1.0)
        told.append(np.stack([SHARES, 0.1 + 0.8 * enough, 0.1 + 0.8 * needed], 1))
    return np.stack(told)


GOOD = {
    "kl": 4.0, "entropy": 1.0, "pivotality": 6.0, "per_visit": 6.0, "gradient": 6.0,
    "gradient_back": 3.0, "edited": 2.0, "chance": 1.0, "chance_gradient": 2.0,
}  # fmt: skip


def record(seed: int, **other: float) -> Record:
    mine = lines(**GOOD | other)
    ppo = lines(**GOOD | {"pivotality_back": 4.5} | other)
    config: dict[str, Any] = {"learners": ["grpo", "ppo"], "seed": seed}
    arrays = {
        "p_base": np.asarray(0.1), "p_run": np.full(2, 0.9), "curves": np.stack([mine, ppo]),
    }  # fmt: skip
    return Record(config, {}, arrays)


def failing(**other: float) -> set[str]:
    rows = table([record(seed, **other) for seed in range(5)]).claims
    return {row["id"] for row in rows if row["verdict"] == "FAILS"}


def test_claims_hold_where_they_should_and_fail_where_they_should_not() -> None:
    assert failing() == set()
    assert failing(pivotality=3.5, pivotality_back=3.5) == {"X16.1", "X16.9"}
    assert failing(gradient=1.5) == {"X16.2"}
    assert failing(kl=1.1, chance_gradient=1.1) == {"X16.3", "X16.c2"}
    assert failing(edited=5.5) == {"X16.4"}
    assert failing(chance=4.0) == {"X16.2", "X16.3", "X16.5", "X16.6", "X16.c1"}
    assert failing(per_visit=2.0) == {"X16.6"}
    assert failing(gradient_back=7.0) == {"X16.7"}
    assert failing(entropy=2.0) == {"X16.8"}
    assert failing(pivotality_back=6.0) == {"X16.9"}
    assert failing(chance_gradient=4.0) == {"X16.c2"}


def test_what_holds_of_most_runs_is_not_judged_on_few() -> None:
    alone = record(0)
    alone.config["learners"] = ["grpo"]
    told = table([alone]).claims
    alone_told = {"X16.1", "X16.2", "X16.4", "X16.6", "X16.c1", "X16.c2"}
    assert {row["id"] for row in told} == alone_told
