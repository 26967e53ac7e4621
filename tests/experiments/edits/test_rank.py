"""The study of ranks: its teachers, its construction, and claims that can fail."""

from typing import Any

import jax
import numpy as np
import pytest

from experiments.common.rl_runs import Pool, pool_of
from experiments.edits.rank import _arc, _by_depth, _nats, _padded, _placed, dealt_anew
from experiments.edits.rank_claims import RANKS, table
from mazerl.exact.horizon import arrival_law
from mazerl.maze.paths import shortest_paths
from mazerl.policy.extraction import row_logits
from mazerl.policy.low_rank import merge
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.training import Training, train
from mazerl.training.adapted import adapted
from mazerl.training.distillation import lesson_of
from mazerl.training.method import Method, the_task


@pytest.fixture(scope="module")
def tree() -> Pool:
    return pool_of("tree", 12, 0)


def test_pools_of_a_kind_have_one_shape_and_goals_within_the_limit() -> None:
    for kind in ("tree", "regular"):
        pools = [pool_of(kind, 32, seed) for seed in range(5)]
        assert len({(pool.base.shape, pool.maze.num_arcs, pool.limit) for pool in pools}) == 1
        assert len({pool.base.tobytes() for pool in pools}) == 5
        for pool in pools:
            away = shortest_paths(pool.maze).distance
            assert max(away[int(goal)] for goal in pool.maze.goals) <= pool.limit
            assert len(set(pool.maze.goals.tolist()) - {int(pool.maze.start)}) == 32
            law = arrival_law(pool.maze, pool.base, pool.limit)
            assert (law.sum(1) > 0).all()


def test_dealing_anew_keeps_what_a_place_is_sure_of(tree: Pool) -> None:
    draw = np.random.default_rng(0)
    teacher = np.where(tree.base > 0, draw.random(tree.base.shape), 0.0)
    dealt, layout = dealt_anew(tree, teacher, 0), rows_of(tree.maze)
    assert (dealt[tree.base == 0] == 0).all()
    for begin, end in zip(layout.start[:-1], layout.start[1:], strict=True):
        own = (np.sort(rows[:, begin:end], axis=1) for rows in (teacher, dealt))
        np.testing.assert_array_equal(*own)  # type: ignore[arg-type]
    assert (dealt != teacher).mean() > 0.3


@pytest.mark.parametrize("inside", ["all", "none", "run", "round the end", "one"])
def test_an_arc_is_positive_inside_alone(inside: str) -> None:
    place = np.random.default_rng(0).permutation(9)
    chosen = {"all": range(9), "none": [], "run": [2, 3, 4], "round the end": [7, 8, 0, 1, 2, 3],
              "one": [5]}[inside]  # fmt: skip
    within = np.isin(place, list(chosen))
    angle = 2 * np.pi * place / 9
    value = np.stack([np.cos(angle), np.sin(angle), np.ones(9)], 1) @ _arc(place, within)
    np.testing.assert_array_equal(value > 0, within)
    assert np.abs(value).min() > 0.1


def test_rank_3_knows_every_way_on_a_tree_in_the_order_of_its_depth(tree: Pool) -> None:
    assert _placed(tree, _by_depth(tree.maze)) > 0.9999
    assert sorted(_by_depth(tree.maze)) == list(range(12))
    assert _placed(tree, np.random.default_rng(0).permutation(12)) < 0.9


def test_a_rank_among_zeros_stays_one() -> None:
    target = np.random.default_rng(0).normal(size=(6, 9))

    def loss(world: Any, params: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
        return ((params - batch.shared) ** 2).sum(), {}

    start = _padded(np.zeros((6, 9)), 2, 5, jax.random.key(0))
    method = adapted(Method(the_task, loss, exact=True), np.zeros((6, 9)))
    own = train(method, target, start, Training(300, "adam", 0.05)).params
    assert not own.left[:, 2:].any()
    assert not own.right[2:].any()
    size = np.linalg.svd(target, compute_uv=False)
    off = ((np.asarray(merge(np.zeros((6, 9)), own)) - target) ** 2).sum()
    assert off == pytest.approx((size[2:] ** 2).sum(), rel=1e-2)


def test_nats_are_zero_for_the_teacher_itself(tree: Pool) -> None:
    lesson = lesson_of(tree.prompts, tree.base, tree.limit)
    logits = row_logits(tree.base)
    assert _nats(tree, tree.base, lesson, logits + 3.0) == pytest.approx(0, abs=1e-9)
    assert _nats(tree, tree.base, lesson, np.where(logits > -1e3, 0.0, logits)) > 0.1


def record(**other: Any) -> Record:
    config = {"maze": "tree", "learner": "grpo", "seed": 0, "problems": 32}
    arrays: dict[str, Any] = {
        "success": [0.1, 0.9, 0.1], "base_nats": [5.0, 5.0],
        "fit_success": [[0.3, 0.7, 0.85, 0.88, 0.9, 0.9, 0.9], [0.1] * 7],
        "fit_nats": [[2, 1, 0.5, 0.1, 0.01, 0, 0], [9, 6, 5, 4, 1, 0.1, 0]],
        "cut_success": [0.2, 0.3, 0.4, 0.5, 0.8, 0.9, 0.9], "placed": [1.0, 0.3],
    } | other  # fmt: skip
    return Record(config, {}, {name: np.asarray(x, float) for name, x in arrays.items()})


def verdicts(one: Record) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in table([one]).claims}


def test_claims_hold_where_they_should_and_fail_where_they_should_not() -> None:
    assert set(verdicts(record()).values()) == {"holds"}
    good = record().arrays
    swapped = verdicts(record(fit_nats=good["fit_nats"][::-1]))
    assert {name for name, verdict in swapped.items() if verdict == "FAILS"} == {"X13.c1"}
    for other, failing in (
        ({"fit_success": [[0.5] * len(RANKS), [0.1] * len(RANKS)]}, {"X13.1a", "X13.1b", "X13.6"}),
        ({"cut_success": good["fit_success"][0]}, {"X13.2"}),
        ({"placed": [0.3, 1.0]}, {"X13.3", "X13.c2"}),
    ):
        told = verdicts(record(**other))
        assert {name for name, verdict in told.items() if verdict == "FAILS"} == failing
