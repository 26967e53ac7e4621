"""The study of mixed methods: its pools, expected updates, verdicts that turn with the data."""

from dataclasses import asdict

import numpy as np
import pytest

from experiments.signals import demonstrated_pools as pools
from experiments.signals import mixed_methods as study
from mazerl.exact.horizon import success_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record

THEN = study.THEN


def made(problems: int = 6) -> list[Record]:
    """Records as the claims have it."""
    told = []
    for seed in range(problems):
        for optimizer in study.CHOSEN:
            p = dict.fromkeys(study.ARMS, 0.9)
            p |= {THEN: 0.95, f"{THEN}, {study.MEANS}": 0.96, "RL": 0.5}
            p |= {name: 0.6 + 0.01 * seed for name in p if name.endswith(study.FIRST)}
            p |= {f"{name}, {study.FIRST}": 0.62 for name in (study.JOINT, study.TURNS)}
            p |= {f"{THEN}, {fault}, one": 0.95 for fault in (study.MEANS, study.FIRST)}
            longer = f"{THEN}, {study.FIRST}, longer"
            p[longer] = 0.8 if optimizer == "adam" else 0.94
            expected = p | {f"{THEN}, {study.FIRST}": 0.88}
            success = np.repeat(np.array(list(p.values()))[:, None], 5, 1)
            arrays = {
                "success": success, "steps": np.full(len(p), 50_000), "shown": np.ones(len(p)),
                "population": np.array([expected[name] for name in study.ARMS]),
                "endless": np.array([0.98, 0.99]),
            }  # fmt: skip
            told.append(Record(asdict(study.Config(optimizer, seed)), {}, arrays))
    return told


def failing(records: list[Record]) -> set[str]:
    return {row["id"] for row in study.table(records).claims if row["verdict"] == "FAILS"}


def test_verdicts_turn_with_the_data() -> None:
    assert not failing(made())

    def changed(**arms: float) -> set[str]:
        told = made()
        for record in told:
            for name, value in arms.items():
                record.arrays["success"][list(study.ARMS).index(name)] = value
        return failing(told)

    first = f"{THEN}, {study.FIRST}"
    assert changed(**{first: 0.97}) == {
        "A7.2 adam", "A7.2 sgd", "A7.3 adam", "A7.3 sgd", "A7.4", "A7.7", "A7.c4 adam",
        "A7.c4 sgd",
    }  # fmt: skip
    assert changed(**{THEN: 0.7}) >= {"A7.1", "A7.5", "A7.c1", "A7.9"}
    assert changed(**{f"{THEN}, {study.MEANS}, alike": 0.8}) == {"A7.c2"}
    assert changed(**{f"{THEN}, {study.FIRST}, longer": 0.5}) == {"A7.c3"}
    told = made()
    for record in told:
        record.arrays["endless"] = record.arrays["endless"][::-1]
        record.arrays["population"] = 1 - record.arrays["population"]
    assert failing(told) == {"A7.6 order", "A7.6 group", "A7.8"}


def test_a_pool_has_as_many_demonstrations_of_each_goal_and_alike_ones_are() -> None:
    shown = pools.shown_of(3, 6)
    counts = np.unique(np.asarray(shown.walks.goal), return_counts=True)[1]
    np.testing.assert_array_equal(counts, np.full(6, pools.EACH))
    assert shown.walks.reached.all()
    assert np.asarray(shown.walks.length).std() > 1
    assert len(np.unique(shown.alike.length)) == 1
    # Each walk counts alike where each token does, if they are of one length.
    np.testing.assert_allclose(
        pools.visits(shown, shown.alike, True), pools.visits(shown, shown.alike), rtol=1e-12
    )
    moved = pools.visits(shown, shown.walks)
    assert moved.sum() / 6 == pytest.approx(np.mean(shown.walks.length))
    means = pools.visits(shown, shown.walks, True)
    assert means.sum() / 6 == pytest.approx(np.mean(shown.walks.length))
    assert np.abs(means - moved).max() > 1e-3


def test_one_expected_step_is_the_gradient() -> None:
    shown = pools.shown_of(3, 6)
    asked = shown.pool.asked
    logits = np.tile(np.log(shown.pool.base), (6, 1))

    def success(logits: np.ndarray) -> np.ndarray:
        p = np.stack([row_probabilities(asked.maze, each) for each in logits])
        return success_gradient(asked.maze, p, asked.limit, asked.goals).success

    # Imitation alone, a small step: the mean log-likelihood of a demonstration rises by its slope.
    moved = pools.visits(shown, shown.walks)
    layout = rows_of(asked.maze)

    def likelihood(logits: np.ndarray) -> float:
        p = np.stack([row_probabilities(asked.maze, each) for each in logits])
        return float((moved * np.log(p)).sum())

    slope = np.zeros(5)
    drawn = np.random.default_rng(0).normal(size=(5, *logits.shape))
    scored = pools._scored(shown, moved, logits)
    for n, direction in enumerate(drawn):
        ahead, back = (likelihood(logits + sign * 1e-5 * direction) for sign in (1, -1))
        slope[n] = (ahead - back) / 2e-5
    np.testing.assert_allclose(slope, (drawn * scored).sum((1, 2)), rtol=1e-5)
    assert len(layout.arrival) == logits.shape[1]
    # No step at all leaves the base, and more of imitation is more of success.
    plan = pools.Plan(10, 2, 4)
    base = pools.expected_success(shown, plan, shown.walks)
    assert base == pytest.approx(float(success(logits).mean()))
    few, many = (
        pools.expected_success(shown, pools.Plan(10, 2, 4, 100.0, n), shown.walks) for n in (1, 4)
    )
    assert base < few < many
