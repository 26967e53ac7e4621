"""The study of moves that forget the goal: its updates, its filter, verdicts that turn."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from experiments.common.expected_updates import task_of
from experiments.signals import template_collapse as study
from experiments.signals.template_collapse import Arm, Config
from mazerl.exact.horizon import follow, success_gradient
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_entropy
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record

SMALL = Config(0, False, 0, junctions=4)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Arms as they are said to come out, from one that is run."""
    config = study.SMOKE[0]
    arrays = study.run(replace(config, updates=0))
    told = []
    for seed in range(6):
        for shared in (False, True):
            each = {name: np.repeat(x, 2, 1) if x.ndim > 1 else x for name, x in arrays.items()}
            for arm, factor in (("blind", 0.1), ("entropy", 0.1), ("blind, scaled", 0.2),
                                ("blind, filtered, noise", 0.1), ("seeing", 1.5)):  # fmt: skip
                each["hard_move"][list(study.ARMS).index(arm), -1] *= factor + 0.001 * seed
            each["hard_entropy"][list(study.ARMS).index("entropy"), -1] *= 1.2
            each["all_move"][list(study.ARMS).index("nothing"), -1] *= 1.2 + 0.001 * seed
            for name in ("sequence", "error"):
                each[f"batch_{name}"] = np.full(len(study.ARMS), 0.01)
            each["batch_sequence"] = each["batch_sequence"] + each["all_prefix"][:, -1] - 0.01
            told.append(Record(asdict(replace(config, seed=seed, shared=shared)), {}, each))
    return told


def test_verdicts_turn_with_the_data(records: list[Record]) -> None:
    right = {row["id"]: row["verdict"] for row in study.table(records).claims}
    assert set(right.values()) == {"holds"}
    for arms, loses in (
        ({"blind": "blind, filtered"}, {"A2.1", "A2.4", "A2.8 rows", "A2.8 parts"}),
        ({"entropy": "entropy, filtered"}, {"A2.2", "A2.3", "A2.9 rows", "A2.9 parts"}),
        ({"nothing": "blind, scaled"}, {"A2.c3 rows", "A2.c3 parts"}),
        ({"seeing": "blind, filtered, noise"}, {"A2.c2 rows", "A2.c2 parts", "A2.c4"}),
        ({"seeing": "blind"}, {"A2.c5"}),
    ):
        order = list(study.ARMS)
        for one, other in arms.items():
            a, b = order.index(one), order.index(other)
            order[a], order[b] = order[b], order[a]
        take = [list(study.ARMS).index(arm) for arm in order]
        swapped = [
            r._replace(arrays={name: x[take] for name, x in r.arrays.items()}) for r in records
        ]
        wrong = {row["id"]: row["verdict"] for row in study.table(swapped).claims}
        assert {name for name, verdict in wrong.items() if verdict == "FAILS"} >= loses
    off = [r._replace(arrays=r.arrays | {"batch_sequence": r.arrays["batch_sequence"] + 1,
                                         "batch_as_coded": r.arrays["batch_per_move"],
                                         "hard_entropy": r.arrays["hard_entropy"] * [1, 2],
                                         "all_move": r.arrays["all_move"] * [1, 0.5]})
           for r in records]  # fmt: skip
    p = records[0].arrays["p"].copy()
    p[list(study.ARMS).index("blind, filtered"), -1] += 0.1
    off = [r._replace(arrays=r.arrays | {"p": p}) for r in off]
    wrong = {row["id"]: row["verdict"] for row in study.table(off).claims}
    assert {name for name, verdict in wrong.items() if verdict == "FAILS"} >= {
        "A2.5 rows", "A2.6", "A2.7", "A2.10 rows", "A2.c1 rows", "A2.c1 parts",
    }  # fmt: skip


def test_start_and_references_have_rows_of_one_entropy() -> None:
    pool = study.pool_of(SMALL)
    wanted = row_entropy(pool.maze, pool.blind)
    for rows in (pool.seeing, pool.start):
        told = row_entropy(pool.maze, rows)
        np.testing.assert_allclose(told, np.broadcast_to(wanted, told.shape), atol=1e-12)
    blind = (pool.start == pool.blind).mean()
    assert 0.5 < blind < 1
    assert (pool.seeing != pool.blind).any(1).all()
    assert len(np.unique(pool.goals)) == 2 * study.GOALS


def test_an_update_is_the_gradient_of_what_it_is_said_to_be() -> None:
    pool = study.pool_of(SMALL)
    layout, count = rows_of(pool.maze), len(pool.goals)
    there = np.append(np.asarray(pool.maze.head), -1)[:, None] == pool.goals
    task = replace(task_of(pool.maze, int(pool.goals[0]), study.LIMIT), there=there)
    log_p = np.log(pool.start).T
    reference = np.log(np.broadcast_to(pool.blind, pool.start.shape)).T
    plain, _ = study.update_of(task, log_p, reference, [Arm(weight=0.0)])
    exact = success_gradient(pool.maze, pool.start, study.LIMIT, pool.goals).logits
    np.testing.assert_allclose(plain.T, exact, atol=1e-12)
    added, share = study.update_of(task, log_p, reference, [Arm()])
    for x in range(count):
        p = pool.start[x]
        # Where walks end at the goal, they decide nothing.
        seen = follow(pool.maze, p, study.LIMIT, int(pool.goals[x]))
        alone = seen.occupancy[:-1].sum(0)
        row_kl = np.bincount(layout.arrival, p * np.log(p / pool.blind))
        drift = p * (np.log(p / pool.blind) - row_kl[layout.arrival])
        wanted = exact[x] - study.LAMBDA * alone[layout.arrival] * drift
        np.testing.assert_allclose(added[:, x], wanted, atol=1e-12)
    scaled, _ = study.update_of(task, log_p, reference, [Arm(scaled=True)])
    np.testing.assert_allclose(scaled - plain, share * (added - plain), atol=1e-12)
    filtered, _ = study.update_of(task, log_p, reference, [Arm(filtered=True)])
    passes = study.kept(success_variance(pool))
    np.testing.assert_allclose(filtered, np.where(passes, added, 0.0), atol=1e-12)
    noisy, _ = study.update_of(task, log_p, reference, [Arm(filtered=True, noise=9.0)])
    assert noisy[:, : study.GOALS].any(0).all()
    assert not noisy[:, study.GOALS :].any()


def success_variance(pool: study.Pool) -> np.ndarray:
    p = success_gradient(pool.maze, pool.start, study.LIMIT, pool.goals).success
    return np.asarray(p * (1 - p))


def test_the_filter_keeps_the_fewest_that_have_so_much_of_the_variance() -> None:
    variance = np.array([[0.2, 0.0, 0.5, 0.3], [0.1, 0.1, 0.1, 0.1], [1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(
        study.kept(variance), [[True, False, True, True], [True] * 4, [True, False, False, False]]
    )
    np.testing.assert_array_equal(study.kept(np.array([0.05, 0.91, 0.04])), [False, True, False])
    np.testing.assert_array_equal(study.kept(np.array([0.9, 0.1])), [True, False])


@pytest.mark.parametrize("shared", [False, True])
def test_a_run_takes_steps_of_its_rate(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_EVERY", 1)
    monkeypatch.setattr(study, "WALKS", 2)
    config = replace(SMALL, shared=shared, updates=1)
    pool = study.pool_of(config)
    exact = success_gradient(pool.maze, pool.start, study.LIMIT, pool.goals).logits
    logits = np.log(pool.start) + study.RATE * study.together(pool, shared) @ exact
    rows = np.stack([row_probabilities(pool.maze, each) for each in logits])
    wanted = success_gradient(pool.maze, rows, study.LIMIT, pool.goals).success
    told = study.run(config)["p"][list(study.ARMS).index("nothing"), 1]
    np.testing.assert_allclose(told, wanted, atol=1e-12)


def test_goals_told_in_parts_share_some_and_free_rows_none() -> None:
    pool = study.pool_of(SMALL)
    np.testing.assert_array_equal(study.together(pool, False), np.eye(len(pool.goals)))
    shared = study.together(pool, True)
    np.testing.assert_array_equal(np.diag(shared), 1)
    np.testing.assert_array_equal(shared, shared.T)
    assert 0 < shared[0, 1:].max() < 1
    assert np.linalg.eigvalsh(shared).min() > -1e-12
