"""The study of exploration: its updates against exact gradients, its places, verdicts that turn."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from experiments.common.expected_updates import Worth, expect, scored
from experiments.signals import exploration as study
from mazerl.exact.coverage import coverage
from mazerl.exact.horizon import follow, hit_probability
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record


def made(seeds: int = 6) -> list[Record]:
    """Records as the claims have it."""
    names, told = list(study.ARMS), []
    for seed in range(seeds):
        for shared in (False, True):
            for known in (False, True):
                cell = np.full((len(names), 2), 0.4)
                arrays = {name: cell.copy() for name in
                          ("training", "held_out", "coverage", "off", "recovery")}  # fmt: skip
                wiggle = 0.001 * seed

                def put(name: str, arm: str, value: float) -> None:
                    arrays[name][names.index(arm), 1] = value + wiggle  # noqa: B023

                for arm, success in (("task", 0.9), ("1 in 6", 0.88), ("1 in 2", 0.8)):
                    put("training", arm, success)
                put("held_out", "task", 0.1)
                put("held_out", "1 in 6", 0.15 + wiggle)
                put("held_out", "1 in 2", 0.2)
                put("held_out", "1 in 2, off", 0.1)
                put("coverage", "task", 0.3 if known else 0.39)
                put("coverage", "1 in 6", 0.45)
                put("off", "1 in 2, off", 0.6)
                put("recovery", "task", 0.5)
                arrays["training"][names.index("task"), 1] += wiggle
                config = study.Config(seed, shared, known)
                told.append(Record(asdict(config), {}, arrays))
    return told


def test_verdicts_turn_with_the_data() -> None:
    right = {row["id"]: row["verdict"] for row in study.table(made()).claims}
    assert set(right.values()) == {"holds"}
    names = list(study.ARMS)

    def failing(*change: tuple[str, str, float]) -> set[str]:
        told = made()
        for record in told:
            for name, arm, value in change:
                record.arrays[name][names.index(arm), 1] = value
        claims = study.table(told).claims
        return {row["id"] for row in claims if row["verdict"] == "FAILS"}

    assert failing(("held_out", "task", 0.5)) >= {"A4.1", "A4.4 free", "A4.4 shared"}
    assert failing(("coverage", "task", 0.6)) >= {"A4.2", "A4.3", "A4.9 free", "A4.9 shared"}
    assert failing(("training", "1 in 6", 0.7)) >= {"A4.5 free", "A4.5 shared"}
    assert failing(("held_out", "1 in 6", 0.5)) >= {"A4.6"}
    assert failing(("recovery", "task", 0.1)) >= {"A4.7"}
    assert failing(("coverage", "entropy 0.3", 0.6)) >= {"A4.8"}
    assert failing(("training", "1 in 2", 0.99)) >= {"A4.c1"}
    assert failing(("held_out", "1 in 2, off", 0.3)) >= {"A4.c2"}
    assert failing(("off", "1 in 2, off", 0.1)) >= {"A4.c2"}
    assert failing(("training", "coverage", 0.99)) >= {"A4.c3"}
    assert {row["id"] for row in study.table(made(2)).claims} == {"A4.7", "A4.c1", "A4.c3"}


def test_an_update_for_coverage_is_its_exact_gradient() -> None:
    config = study.Config(1, shared=False, updates=2)
    places = study.places_of(config)
    task = study.task_to(places, 1)
    p = places.base[:, None]
    seen = expect(task, np.repeat(p, len(places.targets), 1), Worth())
    step = scored(task, (seen.moves * places.every).sum(1, keepdims=True), p)[:, 0]
    exact = coverage(places.maze, places.base, study.LIMIT, places.targets)
    np.testing.assert_allclose(step, exact.gradient, atol=1e-12)
    told = study.run(config)
    np.testing.assert_allclose(told["coverage"][:, 0], exact.share, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_two_updates_by_hand(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_EVERY", 1)
    config = study.Config(1, shared, updates=2)
    places = study.places_of(config)
    layout = rows_of(places.maze)
    same = layout.arc[:, None] == layout.arc[None]
    kernel = 0.9 * same + 0.1 * np.eye(len(layout.arc)) if shared else np.eye(len(layout.arc))
    goals = places.targets[places.training > 0]
    logits = np.log(places.base)
    told = study.run(config)
    for update, wanted in ((0, goals), (1, places.targets)):
        p = row_probabilities(places.maze, logits)
        here = coverage(places.maze, p, study.LIMIT, goals).share
        assert told["training"][2, update] == pytest.approx(here, abs=1e-12)
        logits = (
            logits + study.RATE * kernel @ coverage(places.maze, p, study.LIMIT, wanted).gradient
        )
    p = row_probabilities(places.maze, logits)
    assert told["coverage"][2, 2] == pytest.approx(
        coverage(places.maze, p, study.LIMIT, places.targets).share, abs=1e-12
    )


def test_a_bonus_is_of_the_entropy_where_walks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_EVERY", 1)
    config = study.Config(1, shared=False, updates=1)
    places = study.places_of(config)
    p, arrival = places.base, rows_of(places.maze).arrival
    goals = places.targets[places.training > 0]
    seen = [follow(places.maze, p, study.LIMIT, int(goal)).occupancy[:-1].sum(0) for goal in goals]
    entropy = np.bincount(arrival, -p * np.log(p))[arrival]
    added = np.mean(seen, 0)[arrival] * p * (-np.log(p) - entropy)
    step = coverage(places.maze, p, study.LIMIT, goals).gradient + 0.3 * added
    after = row_probabilities(places.maze, np.log(p) + study.RATE * step)
    told = study.run(config)["coverage"][list(study.ARMS).index("entropy 0.3"), 1]
    wanted = coverage(places.maze, after, study.LIMIT, places.targets).share
    assert told == pytest.approx(wanted, abs=1e-12)


def test_places_are_apart_and_known_goals_are_one() -> None:
    hidden, known = (study.places_of(study.Config(3, False, each)) for each in (False, True))
    for places in (hidden, known):
        used = np.stack([places.training, places.held_out, places.off]) > 0
        assert used.sum(0).max() == 1
        np.testing.assert_allclose(
            [places.training.sum(), places.held_out.sum(), places.off.sum(), places.every.sum()], 1
        )
        degree = np.asarray(places.maze.degree)[places.targets]
        assert (degree[used.any(0)] == 1).all()
        assert (places.every > 0).all()
    assert (known.training > 0).sum() == 1 < (hidden.training > 0).sum()


def test_recovery_is_that_of_walks_that_begin_at_dead_ends() -> None:
    places = study.places_of(study.Config(0, False, known=True))
    goal = int(places.targets[places.training > 0][0])
    head, degree = np.asarray(places.maze.head), np.asarray(places.maze.degree)
    each = []
    for end in places.targets[(degree[places.targets] == 1) & (places.targets != goal)]:
        # A dead end's only move is forced, so that a walk may as well begin there.
        from_there = replace(places.maze, start=end, goals=np.array([goal]))
        rows, own = rows_of(places.maze), rows_of(from_there)
        arrival = int(np.flatnonzero(head == end)[0])
        p = np.append(places.base[: rows.start[-2]], 1.0)
        assert own.size == len(p)
        assert rows.start[arrival + 1] - rows.start[arrival] == 1
        each.append(hit_probability(from_there, p, study.LIMIT // 2)[-1])
    assert study.recovery(places, places.base) == pytest.approx(np.mean(each), abs=1e-12)
