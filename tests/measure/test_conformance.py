"""Conformance: its answers against the chain, its names against planted faults."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mazerl import compile_maze
from mazerl.bridges.conformance import Adapter, Learned, Rollout, Settings, Task
from mazerl.exact.actor_critic import ActorCritic, expected_update
from mazerl.measure.conformance import advantages as sums
from mazerl.measure.conformance.mazes import fork, lanes
from mazerl.measure.conformance.own import own_advantages, own_ppo
from mazerl.measure.conformance.policies import pushes, settled_shares
from mazerl.measure.conformance.probes import PROBES, SUMS, Finding, examine
from mazerl.measure.conformance.resets import RESETS, reset_step_values
from mazerl.measure.conformance.values import (
    FAULTS,
    NORMALISED,
    RIGHT,
    Reading,
    centred_values,
    seen,
    settled_values,
)
from mazerl.measure.conformance.verdicts import DIVERGES, TOLERANCE, UNKNOWN, name_values
from mazerl.walk.env import Reward
from tests.support import oracle
from tests.support.planted import PLANTED, planted

LANES = oracle.walked(Task(compile_maze(lanes()), 3, Reward(1.0, 0.0), Settings()))
FORK = oracle.walked(Task(compile_maze(fork()), 50, Reward(6.0, 0.0), Settings(gamma=0.5, lam=0.0)))


@pytest.mark.parametrize("lam", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("penalty", [0.0, 0.1])
@pytest.mark.parametrize("bootstraps", [True, False])
def test_values_are_those_of_the_chain_at_every_lambda(
    lam: float, penalty: float, bootstraps: bool
) -> None:
    maze, walked = LANES.maze, LANES._replace(reward=Reward(1.0, penalty), lam=lam)
    method = ActorCritic(3, 1.0, penalty, walked.gamma, lam, bootstraps)
    update = expected_update(maze, walked.probabilities, int(maze.goals[0]), method)
    reading = RIGHT if bootstraps else Reading(time_out="end")
    here = seen(walked)
    np.testing.assert_allclose(settled_values(walked, reading)[here], update.values[0][here])


def test_a_critic_of_normalised_advantages_has_them_all_alike() -> None:
    """At its values the chain's expected λ-advantages are one number, wherever a step is taken."""
    maze, away = LANES.maze, centred_values(LANES)
    for share in (-0.3, 0.5):
        table = settled_values(LANES) + share * away
        method = ActorCritic(3, 1.0, 0.0, LANES.gamma, LANES.lam)
        update = expected_update(maze, LANES.probabilities, int(maze.goals[0]), method, table)
        on = update.occupancy[:-1] > 0
        np.testing.assert_allclose(update.advantage[on], share, atol=1e-9)


def test_faults_of_values_lie_apart() -> None:
    known = {name: settled_values(LANES, reading) for name, reading in FAULTS.items()}
    known["right"] = settled_values(LANES)
    for one, other in combinations(known, 2):
        assert np.abs(known[one] - known[other]).max() > 2 * TOLERANCE, (one, other)


def test_values_are_named() -> None:
    assert name_values(LANES, settled_values(LANES)) == ""
    for name, reading in FAULTS.items():
        assert name_values(LANES, settled_values(LANES, reading) + 0.03) == name
    both = settled_values(LANES, Reading(time_out="end", gamma=2))
    assert name_values(LANES, both) == (
        "time-outs are treated as ends, and the discount is applied twice"
    )
    assert name_values(LANES, settled_values(LANES) + 0.3 * centred_values(LANES)) == NORMALISED
    assert name_values(LANES, np.arange(9.0)) == UNKNOWN


def test_where_a_bonus_holds_the_policy() -> None:
    """By the closed forms of the fork: x √(p(1-p)) = 1/β, and Δ of a geometric number of tries."""
    shares = settled_shares(FORK, 2.0)
    p = shares["own moves"]
    assert np.log(p / (1 - p)) * np.sqrt(p * (1 - p)) == pytest.approx(0.5, abs=2e-3)
    p = shares["all steps"]  # a visit to the dead end is a step of its own
    spread = np.sqrt(p * (1 - p) / (2 - p))
    assert np.log(p / (1 - p)) * spread == pytest.approx(0.5, abs=2e-3)
    p = shares["nothing"]
    gap = 6 * (1 - 0.25 * p / (1 - 0.25 * (1 - p)))
    assert np.log(p / (1 - p)) == pytest.approx(gap / 2, abs=5e-3)
    assert pushes(FORK, p)[0] == pytest.approx(gap)
    assert settled_shares(FORK, 1e-3)["own moves"] == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_named(seed: int) -> None:
    rollout = sums.recorded(seed)
    every = {"right": sums.RIGHT} | sums.FAULTS
    found = {name: sums.summed(rollout, way) for name, way in every.items()}
    np.testing.assert_allclose(own_advantages(rollout), found["right"], atol=1e-6)
    for one, other in combinations(found, 2):
        assert np.abs(found[one] - found[other]).max() > 10 * sums.EXACT, (one, other)


def walk_that_resets(bootstraps: bool, steps: int = 12_000) -> np.ndarray:
    """Values of begin, middle and start again, as a loop learns them that keeps every step."""
    generator, values = np.random.default_rng(0), np.zeros(4)
    kept, place, time, resets = [], 0, 0, False
    for _ in range(steps):
        if resets:
            kept.append((place, 0.0, 0, "on"))
            place, time, resets = 0, 0, False
            continue
        onward = 1 if place != 1 else 2 + int(generator.random() < 0.5)
        time += 1
        end = "end" if onward == 3 else "cut" if time == 3 else "on"
        kept.append((place, float(onward == 3), onward, end))
        place, resets = onward, end != "on"
    for _ in range(30):
        missed, count, later = np.zeros(4), np.zeros(4), 0.0
        for place, reward, onward, end in reversed(kept):
            beyond = {"on": 1.0, "cut": float(bootstraps), "end": 0.0}[end] * values[onward]
            later = reward + 0.8 * beyond - values[place] + 0.8 * 0.9 * (end == "on") * later
            missed[place] += later
            count[place] += 1
        values = values + 0.7 * missed / count
    return values[[1, 2, 0]]


@pytest.mark.parametrize("bootstraps", [True, False])
def test_steps_that_only_reset_are_told(bootstraps: bool) -> None:
    exact = reset_step_values(LANES, bootstraps)
    np.testing.assert_allclose(exact[[0, 4, 8]], walk_that_resets(bootstraps), atol=0.02)
    name = RESETS if bootstraps else f"time-outs are treated as ends, and {RESETS}"
    assert name_values(LANES, exact) == name


def told(findings: list[Finding]) -> list[str]:
    return sorted({finding.fault for finding in findings if finding.fault})


def test_a_named_sum_is_told_beside_the_rungs() -> None:
    def leaky(rollout: Rollout) -> np.ndarray:
        return sums.summed(rollout, sums.Summing(cut_at_ends=False))

    assert told(examine(oracle.right, leaky)) == ["the recursion runs on over ends"]
    assert told(examine(oracle.right, lambda rollout: rollout.value, wanted=[SUMS])) == [UNKNOWN]
    assert examine(oracle.right)[-1].verdict == "skipped"


def test_a_rung_after_one_that_fails_is_no_fault_of_its_own() -> None:
    def negated(task: Task) -> Learned:
        values, rows = oracle.learned(task, FAULTS["the reward's sign is flipped"])
        return values, rows[:, ::-1]

    found = {finding.probe: finding for finding in examine(negated)}
    assert found["values"].fault == "the reward's sign is flipped"
    assert found["optimum"].verdict == "follows"

    def early_and_negated(task: Task) -> Learned:
        values, rows = oracle.early_ends(task)
        return values, rows[:, ::-1]

    assert told(examine(early_and_negated)) == [
        "the policy climbs the wrong way", "time-outs are treated as ends",
    ]  # fmt: skip


def settings(task: Task, **changes: float) -> Task:
    return replace(task, settings=replace(task.settings, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("probe", "share", "fault"),
    [
        ("optimum", 0.97, ""),
        ("optimum", 0.9, UNKNOWN),
        ("optimum", 0.63, "ratios are to the first policy: log-probabilities are stale"),
        ("optimum", 0.52, "the policy does not learn"),
        ("optimum", 0.0, "the policy climbs the wrong way"),
        ("optimum", np.nan, DIVERGES),
        ("entropy", 0.58, ""),
        ("entropy", 0.3, "the entropy bonus does not count"),
        ("entropy", 0.999, "the entropy bonus has the wrong sign"),
        ("entropy", np.nan, DIVERGES),
        ("scale", 0.72, ""),
        ("scale", 0.85, ""),
        ("scale", 0.9, "advantages are not normalised"),
        ("scale", 0.6, "advantages are divided by their variance"),
        ("scale", 0.99, "the entropy bonus does not count"),
        ("scale", 0.4, UNKNOWN),
        ("scale", np.nan, DIVERGES),
        ("clip", 0.69, ""),
        ("clip", 0.71, "the clip does not hold the policy"),
        ("clip", 0.53, UNKNOWN),
        ("clip", np.nan, DIVERGES),
        ("still", np.nan, "advantages are divided by a spread of 0"),
    ],
)
def test_policies_are_named(probe: str, share: float, fault: str) -> None:
    def adapter(task: Task) -> Learned:
        return oracle.right(task)[0], np.tile([share, 1 - share], (task.observations, 1))

    assert told(examine(adapter, wanted=[probe])) == [fault] * bool(fault)


def altered(change: Callable[[Task], Task]) -> Adapter:
    return lambda task: own_ppo(change(task))


def test_the_own_ppo_passes_and_its_wrong_settings_are_told() -> None:
    """Faults that need no other code: what is passed to it is wrong, and all share compilations."""
    found = examine(own_ppo, own_advantages, seed=1)
    assert [finding.verdict for finding in found] == ["holds"] * (len(PROBES) + 1)
    wrong: dict[str, tuple[str, Callable[[Task], Task]]] = {
        "the discount is missing": ("values", lambda task: settings(task, gamma=1.0)),
        "the discount is applied twice": (
            "values", lambda task: settings(task, gamma=task.settings.gamma**2),
        ),
        "the reward's sign is flipped": (
            "values", lambda task: replace(task, reward=Reward(-task.reward.arrival, 0.0)),
        ),
        "the policy does not learn": ("optimum", lambda task: settings(task, rate=1e-9)),
        "the entropy bonus has the wrong sign": (
            "entropy", lambda task: settings(task, entropy=-task.settings.entropy),
        ),
        "the clip does not hold the policy": ("clip", lambda task: settings(task, clip=1e3)),
    }  # fmt: skip
    for name, (probe, change) in wrong.items():
        assert told(examine(altered(change), wanted=[probe])) == [name]


@pytest.mark.parametrize(
    ("fault", "probe"),
    [
        ("time-outs as ends", "values"),
        ("reset observation", "values"),
        ("normalised critic", "values"),
        ("no ε", "still"),
        ("not normalised", "scale"),
        ("sum over ends", SUMS),
    ],
)
def test_planted_faults_are_told(fault: str, probe: str) -> None:
    """Each at the probe that names it; `python -m tests.support.planted` asks all of all."""
    name, patches = PLANTED[fault]
    with planted(patches):
        assert told(examine(own_ppo, own_advantages, 2, [probe])) == [name]
