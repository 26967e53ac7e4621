"""The study of rewards: machines against all walks one by one, gradients, verdicts that turn."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from experiments.common.expected_updates import Worth, expect, scored
from experiments.signals import rewards as study
from mazerl.policy.extraction import row_probabilities
from mazerl.store.records import Record

SHORT = 7


@pytest.fixture(scope="module")
def place() -> study.Place:
    """A cave whose time is so short that all its walks can be listed."""
    place = study.place_of(1)
    return place._replace(task=replace(place.task, limit=SHORT))


def walks(place: study.Place) -> Iterator[tuple[float, list[int]]]:
    """Every walk of the base: its probability and the arcs that it takes."""
    task = place.task

    def on(p: float, arcs: list[int]) -> Iterator[tuple[float, list[int]]]:
        if len(arcs) == SHORT or (arcs and task.there[arcs[-1]]):
            yield p, arcs
            return
        for entry in np.flatnonzero(task.arrival == (arcs[-1] if arcs else len(task.there) - 1)):
            yield from on(p * float(place.base[entry]), [*arcs, int(task.arc[entry])])

    yield from on(1.0, [])


def paid(place: study.Place, arm: str, arcs: list[int]) -> float:
    """What a walk is paid, from the walk."""
    head = np.asarray(place.maze.head)
    seen, there = head[arcs], bool(place.task.there[arcs[-1]])
    length = len(place.path)
    agreed = min(sum(arc in place.path for arc in arcs), 12) / length
    marks = [head[place.path[length * i // 3 - 1]] for i in (1, 2)]
    return float({
        "end": there,
        "weak check": there or place.decoy in seen,
        "whole path": arcs == list(place.path),
        "agreement": agreed,
        "near": min((place.distance[seen] <= 2).sum(), 12) / 4,
        "checklist": (sum(mark in seen for mark in marks) + there) / 3,
        "additive": there + agreed,
        "gated": there * (1 + agreed),
    }[arm])  # fmt: skip


@pytest.mark.parametrize("arm", study.ARMS[:8])
def test_rewards_and_accuracy_are_those_of_all_walks(place: study.Place, arm: str) -> None:
    machine = study.machines(place)[arm]
    ended = study.follow(place.task, place.base[:, None], [machine], [machine.pay]).ended
    listed = [(p, paid(place, arm, arcs), bool(place.task.there[arcs[-1]]))
              for p, arcs in walks(place)]  # fmt: skip
    assert sum(p for p, _, _ in listed) == pytest.approx(1, abs=1e-12)
    assert (ended.T * machine.pay).sum() == pytest.approx(
        sum(p * worth for p, worth, _ in listed), abs=1e-12
    )
    assert ended[1].sum() == pytest.approx(sum(p for p, _, there in listed if there), abs=1e-12)
    pairs = [
        (p * q, (won > lost) + 0.5 * (won == lost))
        for p, won, there in listed if there
        for q, lost, other in listed if not other
    ]  # fmt: skip
    wanted = sum(p * right for p, right in pairs) / sum(p for p, _ in pairs)
    assert study.accuracy(ended, machine.pay) == pytest.approx(wanted, abs=1e-9)


def test_whole_is_the_probability_of_one_walk(place: study.Place) -> None:
    wanted = sum(p for p, arcs in walks(place) if arcs == list(place.path))
    assert wanted > 0
    assert study.whole(place, place.base) == pytest.approx(wanted, abs=1e-15)


def test_updates_are_gradients_of_the_reward() -> None:
    place = study.place_of(2)
    machines = list(study.machines(place).values())
    pays = [machine.pay for machine in machines]
    p = np.tile(place.base, (len(machines), 1)).T
    step = scored(place.task, study.follow(place.task, p, machines, pays).moves, p)
    logits, small = np.log(place.base), 1e-5
    ends = np.cumsum([len(pay) for pay in pays])[:-1]
    for entry in np.random.default_rng(0).permutation(len(logits))[:8]:
        rewards = []
        for sign in (1, -1):
            moved = row_probabilities(place.maze, logits + sign * small * np.eye(len(p))[entry])
            many = np.tile(moved, (len(machines), 1)).T
            ended = np.split(study.follow(place.task, many, machines, pays).ended, ends, 1)
            rewards.append([(e.T * pay).sum() for e, pay in zip(ended, pays, strict=True)])
        slope = np.subtract(rewards[0], rewards[1]) / (2 * small)
        np.testing.assert_allclose(step[entry], slope, atol=1e-8)
    plain = scored(place.task, expect(place.task, p[:, :1], Worth()).moves, p[:, :1])[:, 0]
    np.testing.assert_allclose(step[:, 0], plain, atol=1e-14)


def test_stages_change_the_pay_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_EVERY", 1)
    told = study.run(study.Config(2, 4))
    of = {arm: told["whole"][n] for n, arm in enumerate(study.ARMS)}
    np.testing.assert_allclose(of["end, then path"][:3], of["end"][:3], atol=1e-13)
    np.testing.assert_allclose(of["path, then end"][:3], of["whole path"][:3], atol=1e-13)
    place = study.place_of(2)
    machines = study.machines(place)
    theta = np.log(place.base)[:, None]
    for arm in ("end", "end", "whole path"):
        p = np.exp(place.task.log_softmax(theta))
        seen = study.follow(place.task, p, [machines[arm]], [machines[arm].pay])
        theta = theta + study.RATE * scored(place.task, seen.moves, p)
    p = np.exp(place.task.log_softmax(theta))[:, 0]
    assert of["end, then path"][3] == pytest.approx(study.whole(place, p), abs=1e-12)
    # The reward told is that of the last stage.
    last = study.ARMS.index("end, then path")
    np.testing.assert_allclose(told["reward"][last], told["whole"][last], atol=1e-12)


def test_a_potential_moves_nothing_and_its_rises_do() -> None:
    place = study.place_of(3)
    potential, rises = study.shaping_gaps(place, place.base[:, None])
    assert potential < 1e-13
    assert rises > 1e-3
    # Any potential does, whatever it is at the goal.
    other = place._replace(distance=np.cos(np.arange(len(place.distance))))
    assert study.shaping_gaps(other, place.base[:, None])[0] < 1e-13


@pytest.mark.parametrize("seed", range(4))
def test_places(seed: int) -> None:
    place = study.place_of(seed)
    head = np.asarray(place.maze.head)
    tail = head[np.asarray(place.maze.reverse)]
    goal = int(head[place.path[-1]])
    assert len(place.path) == place.distance[int(place.maze.start)] >= 3
    assert tail[place.path[0]] == int(place.maze.start)
    assert (tail[place.path[1:]] == head[place.path[:-1]]).all()
    assert place.task.there[place.path].tolist() == [False] * (len(place.path) - 1) + [True]
    assert place.decoy != goal
    assert np.asarray(place.maze.degree)[place.decoy] == 1
    # Caves are trees, as the claims' scope says.
    assert len(head) // 2 == place.maze.num_vertices - 1


def made(seeds: int = 6) -> list[Record]:
    """Records as the claims have it, three of each arm."""
    curves = {
        "end": ([0.2, 0.9, 0.99], [0.2, 0.9, 0.99], [1, 1, 1], 0.5),
        "weak check": ([0.2, 0.3, 0.2], [0.5, 0.9, 0.99], [0.6, 0.6, 0.5], 0.0),
        "whole path": ([0.2, 0.2, 0.3], [0, 0, 0.1], [0.6, 0.6, 0.9], 0.1),
        "agreement": ([0.2, 0.3, 0.01], [0.1, 1, 2], [0.9, 0.5, 0.1], 0.0),
        "near": ([0.2, 0.2, 0.01], [0.1, 1, 3], [0.95, 0.5, 0.2], 0.0),
        "checklist": ([0.2, 0.8, 0.97], [0.3, 0.8, 0.97], [1, 1, 1], 0.5),
        "additive": ([0.2, 0.9, 0.5], [0.3, 1.9, 2.9], [1, 1, 0.6], 0.1),
        "gated": ([0.2, 0.9, 0.95], [0.3, 1.9, 2.1], [1, 1, 1], 0.5),
        "end, then path": ([0.2, 0.9, 0.98], [0, 0.1, 0.1], [0.6, 0.6, 0.9], 0.11),
        "path, then end": ([0.2, 0.3, 0.98], [0.2, 0.3, 0.98], [1, 1, 1], 0.1),
    }
    assert tuple(curves) == study.ARMS
    arrays = {
        name: np.array([curve[n] for curve in curves.values()], float)
        for n, name in enumerate(("success", "reward", "accuracy"))
    }
    arrays["whole"] = np.array([[0.0, 0.0, curve[3]] for curve in curves.values()])
    arrays |= {"potential": np.array([1e-15, 1e-16]), "rises": np.array([0.1, 0.02])}
    return [
        Record(asdict(study.Config(seed)), {}, {k: v.copy() for k, v in arrays.items()})
        for seed in range(seeds)
    ]


def failing(name: str, arm: str, at: int, value: float) -> set[str]:
    """Ids that fail where one number is another in every record."""
    told = made()
    for record in told:
        record.arrays[name][study.ARMS.index(arm), at] = value
    return {row["id"] for row in study.table(told).claims if row["verdict"] == "FAILS"}


def test_verdicts_turn_with_the_data() -> None:
    assert {row["verdict"] for row in study.table(made()).claims} == {"holds"}
    assert failing("success", "weak check", -1, 0.995) == {"A5.1"}
    assert failing("reward", "weak check", -1, 0.8) == {"A5.1"}
    assert failing("success", "whole path", -1, 0.6) == {"A5.2"}
    assert failing("success", "agreement", -1, 0.3) == {"A5.3"}
    assert failing("reward", "agreement", -1, 0.05) == {"A5.3"}
    assert failing("accuracy", "near", 0, 0.8) == {"A5.4 base"}
    assert failing("accuracy", "near", -1, 0.55) == {"A5.4 own"}
    assert failing("success", "near", -1, 0.25) == {"A5.5"}
    assert failing("accuracy", "whole path", 0, 0.97) == {"A5.6"}
    assert failing("success", "whole path", -1, 0.005) == {"A5.6"}
    assert failing("success", "additive", -1, 0.85) == {"A5.7"}
    assert failing("reward", "additive", -1, 1.8) == {"A5.7"}
    assert failing("success", "end, then path", -1, 0.8) == {"A5.8"}
    assert failing("whole", "end, then path", -1, 0.2) == {"A5.9"}
    assert failing("success", "gated", -1, 0.7) == {"A5.c3"}
    assert failing("success", "checklist", -1, 0.8) == {"A5.c4"}
    assert failing("accuracy", "checklist", -1, 0.4) == {"A5.c4"}
    assert failing("success", "end", -1, 0.85) == {"A5.c5"}
    assert failing("accuracy", "whole path", -1, 0.1) == {"A5.c6"}
    for name, value, wanted in (("potential", 1e-6, "A5.c1"), ("rises", 1e-9, "A5.c2")):
        told = made()
        told[2].arrays[name][1] = value
        assert {r["id"] for r in study.table(told).claims if r["verdict"] == "FAILS"} == {wanted}


def test_few_seeds_are_judged_on_what_holds_in_each() -> None:
    ids = {row["id"] for row in study.table(made(2)).claims}
    assert ids == {"A5.1", "A5.5", "A5.c1", "A5.c2", "A5.c4", "A5.c5"}
