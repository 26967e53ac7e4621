"""Studies of parts of trees: what they measure against the chain, verdicts that turn with data."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.common.intervals import mean_and_interval, ratio_and_interval
from experiments.common.prompts import Prompts, prompts_of
from experiments.rollouts import deep_trees, speculation, tree_proxies
from experiments.rollouts.deep_trees_claims import claims_of as deep_claims
from experiments.rollouts.speculation_claims import claims_of as speculation_claims
from experiments.rollouts.tracking import tracks
from experiments.rollouts.tree_proxies_claims import claims_of as proxy_claims
from mazerl.exact.horizon import hit_probability, success_gradient
from mazerl.store.records import Record
from mazerl.walk.nodes import Forest
from tests.support.forests import by_hand


def failing(rows: list[dict[str, Any]]) -> set[str]:
    return {str(row["id"]) for row in rows if row["verdict"] == "FAILS"}


def test_intervals_are_student_s_and_ratios_are_of_sums() -> None:
    middle, (low, high) = mean_and_interval(np.asarray([1.0, 2.0, 6.0]))
    # t(2) at 97.5% is 4.302653; the standard error √7 / √3.
    assert (middle, high - middle) == pytest.approx((3.0, 4.302653 * np.sqrt(7 / 3)), rel=1e-6)
    assert low == pytest.approx(2 * middle - high)
    assert mean_and_interval(np.asarray([4.0])) == (4.0, (4.0, 4.0))
    same, (least, most) = ratio_and_interval(np.asarray([2.0, 6.0]), np.asarray([1.0, 3.0]))
    assert (same, least, most) == pytest.approx((2.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return prompts_of(6, 6, tree_proxies.LIMIT, 0)


def test_exact_updates_climb_mean_p(prompts: Prompts) -> None:
    later = tree_proxies._ascended(prompts, 3)
    assert later.success.mean() > prompts.success.mean() + 0.005
    exact = success_gradient(prompts.maze, later.p, tree_proxies.LIMIT, prompts.goals)
    np.testing.assert_allclose(later.gradient, exact.logits, atol=1e-12)
    np.testing.assert_array_equal(tree_proxies._ascended(prompts, 0).p, prompts.p)


def test_graded_rewards_are_the_share_of_the_way_made_good(prompts: Prompts) -> None:
    maze, goal = prompts.maze, int(prompts.goals[0])
    forest = by_hand([-1, 0], [0, 0], [False, True], [1, 1], 1)
    away = np.flatnonzero(np.asarray(maze.head) == int(maze.start))[0]
    arcs = np.full((1, 2, 2), maze.num_arcs)
    arcs[..., 1] = away
    told = tree_proxies._graded(
        prompts._replace(goals=np.asarray([goal])), forest._replace(arc=arcs)
    )
    # One ends where it began; the other at the goal, whatever its padding says.
    np.testing.assert_allclose(told, [[0.0, 1 + tree_proxies.GRADED]])


def test_logged_expansions_are_of_silent_groups_alone(
    monkeypatch: pytest.MonkeyPatch, prompts: Prompts
) -> None:
    reached = np.zeros((2, 16), bool)
    reached[0, 10], reached[1, 0] = True, True
    blank = by_hand([-1] * 16, [0] * 16, [False] * 16, [1] * 16, 1)
    forest = Forest(*(np.repeat(x, 2, axis=0) for x in blank))._replace(reached=reached)
    monkeypatch.setattr(tree_proxies, "_features", lambda maze, forest, count: np.eye(2))
    features, paid = tree_proxies._logged(prompts.maze, forest)
    # The second group is mixed by its first walks; the first by its eleventh leaf.
    assert features.tolist() == [[1.0, 0.0]] * 3
    assert paid.tolist() == [False, False, True]


def test_correlations_with_successes_held_fixed() -> None:
    draw = np.random.default_rng(0)
    wins = draw.integers(0, 17, 4000)
    mixed = (wins > 0) & (wins < 16)
    noise = draw.normal(size=(2, 4000))
    seen = {
        "coverage": 1.0 + mixed, "novelty": np.zeros(4000), "contrast": wins + noise[0],
        "wins": wins, "part": noise[1], "cosine": wins / 16 + 0.1 * noise[1],
        "gain": wins + noise[0], "p": np.tile(draw.random(1000), 4),
    }  # fmt: skip
    told = tracks(seen, 16, 4)
    assert told["cosine"] > 0.9  # type: ignore[operator]
    assert abs(told["cosine_fixed"]) < 0.06  # type: ignore[arg-type]
    assert told["gain_fixed"] > 0.99  # type: ignore[operator]
    assert abs(told["gain_other"]) < 0.06  # type: ignore[arg-type]


def groups(**changes: dict[str, float]) -> pd.DataFrame:
    """What the study found in development, but for changes."""
    found = {
        "flat": (0.53, 925, 0.0, 0.22, 0.32), "random": (0.46, 660, 34, 0.2, 0.28),
        "oracle": (0.9, 628, 33, 0.35, 0.36), "uucb": (0.5, 700, 26, 0.19, 0.31),
        "greedy": (0.48, 665, 34, 0.24, 0.36), "no contrast": (0.476, 659, 34.5, 0.24, 0.36),
        "no cost": (0.53, 808, 15, 0.25, 0.37), "no depth": (0.4, 498, 55, 0.2, 0.31),
        "learned": (0.507, 0, 0, 0, 0), "learned from noise": (0.45, 0, 0, 0, 0),
    }  # fmt: skip
    columns = ("mixed", "steps", "depth", "along", "graded_along")
    return pd.DataFrame(
        {"selector": name, "seed": seed, "graded": 1.0}
        | dict(zip(columns, told, strict=True)) | changes.get(name.replace(" ", "_"), {})
        for name, told in found.items()
        for seed in range(6)
    )  # fmt: skip


def proxies(**changes: float) -> pd.DataFrame:
    found = {
        "cosine": 0.78, "cosine_mixed": 0.9, "cosine_fixed": 0.05, "cosine_other": 0.01,
        "gain": 0.6, "gain_fixed": -0.1, "gain_other": 0.0,
    }  # fmt: skip
    return pd.DataFrame([{"checkpoint": n, "seed": 0} | found | changes for n in range(3)])


@pytest.mark.parametrize(
    ("changed", "tracks", "fails"),
    [
        ({}, {}, set()),
        ({}, {"cosine": 0.95}, {"I7.2"}),
        ({}, {"cosine": 0.5, "gain": 0.3}, {"I7.1", "I7.4"}),
        ({}, {"gain_fixed": 0.4, "cosine_other": 0.3}, {"I7.3", "I7.c"}),
        ({"no_contrast": {"mixed": 0.4}}, {}, {"I8.3"}),
        ({"no_cost": {"steps": 660, "depth": 40}}, {}, {"I8.1", "I8.c1"}),
        ({"no_depth": {"steps": 700, "depth": 36}}, {}, {"I8.2", "I8.c2"}),
        ({"learned": {"mixed": 0.45}}, {}, {"I9.1", "I9.2"}),
        ({"learned": {"mixed": 0.8}, "learned_from_noise": {"mixed": 0.6}}, {},
         {"I9.2", "I9.3", "I9.c"}),
        ({"oracle": {"along": 0.24}}, {}, {"I13.1", "I13.c"}),
        ({"flat": {"graded": 0.9}}, {}, {"I13.2"}),
    ],
)  # fmt: skip
def test_verdicts_on_proxies_turn_with_the_data(
    changed: dict[str, dict[str, float]], tracks: dict[str, float], fails: set[str]
) -> None:
    assert failing(proxy_claims(groups(**changed), proxies(**tracks))) == fails


def test_few_caves_are_not_judged_on_small_differences() -> None:
    one = groups().query("seed == 0")
    told = {str(row["id"]) for row in proxy_claims(one, proxies())}
    assert told & {"I8.3", "I9.1", "I9.c"} == set()
    assert {"I7.1", "I7.c", "I8.1", "I8.c1"} <= told


def ways(**changes: dict[str, float]) -> pd.DataFrame:
    found = {
        "one": (8.0, 0.5, 0.0, 400.0), "four": (2.6, 0.503, 0.08, 150.0),
        "four, 2 old": (5.1, 0.5, 0.5, 200.0), "one, by entropy": (8.0, 0.46, 0.0, 400.0),
    }  # fmt: skip
    columns = ("rounds", "mixed", "wasted", "clock_20")
    return pd.DataFrame(
        {"way": name, "seed": seed} | dict(zip(columns, told, strict=True)) | changes.get(name, {})
        for name, told in found.items()
        for seed in range(6)
    )


def rescues(**flips: float) -> pd.DataFrame:
    found = {"never": 0.0, "at random": 2.0, "posterior": 3.4, "learned": 2.3, "oracle": 5.0,
             "others' history": 1.9} | flips  # fmt: skip
    return pd.DataFrame(
        {"decider": name, "share": share, "seed": seed, "flips": each, "silent": 100,
         "fired": 0 if name == "never" else 100, "added": 0.03,
         "mixed": 0.53 + (name != "never") * 0.011}
        for name, each in found.items()
        for share in speculation.SHARES
        for seed in range(6)
    )  # fmt: skip


def heats(failed: float = 0.4, solved: float = 1.3) -> pd.DataFrame:
    return pd.DataFrame(
        {"temperature": heat, "seed": seed, "failed": 0.5, "solved": 0.1,
         "flips_failed": 0.1 * failed ** (heat > 1), "flips_solved": 0.4 * solved ** (heat > 1)}
        for heat in (1.0, 2.0)
        for seed in range(6)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "fails"),
    [
        ((ways(), rescues(), heats(), (100, 96.0, 8.0)), set()),
        ((ways(), rescues(), heats(), (150, 96.0, 8.0)), {"I10.2"}),
        ((ways(), rescues(), heats(1.1, 0.9), (100, 96.0, 8.0)), {"I10.1", "I10.c1"}),
        ((ways(four={"rounds": 4.0, "mixed": 0.52}), rescues(), heats(), (100, 96.0, 8.0)),
         {"I11.1", "I11.2"}),
        ((ways(**{"four, 2 old": {"rounds": 3.0, "wasted": 0.1, "clock_20": 140.0}}), rescues(),
          heats(), (100, 96.0, 8.0)), {"I11.3", "I11.4", "I11.6"}),
        ((ways(four={"clock_20": 300.0}), rescues(), heats(), (100, 96.0, 8.0)),
         {"I11.5", "I11.6"}),
        ((ways(**{"one, by entropy": {"mixed": 0.5}}), rescues(), heats(), (100, 96.0, 8.0)),
         {"I11.c"}),
        ((ways(), rescues(posterior=2.0, oracle=2.1), heats(), (100, 96.0, 8.0)),
         {"I10.3", "I10.4", "I10.6"}),
        ((ways(), rescues(**{"others' history": 3.0}), heats(), (100, 96.0, 8.0)), {"I10.c2"}),
        ((ways(), rescues().assign(added=0.06), heats(), (100, 96.0, 8.0)), {"I10.5"}),
    ],
)  # fmt: skip
def test_verdicts_on_speculation_and_rescue_turn_with_the_data(
    given: tuple[Any, ...], fails: set[str]
) -> None:
    assert failing(speculation_claims(*given)) == fails


def test_heat_is_solved_for_exactly(prompts: Prompts) -> None:
    heated = speculation._heated(prompts)
    np.testing.assert_allclose(heated[0], prompts.success, atol=1e-12)
    (goal,) = prompts.goals[2:3]
    maze, hot = prompts.maze, prompts.p ** (1 / 2.0)
    total = np.bincount(prompts.rows.arrival, hot)[prompts.rows.arrival]
    alone = type(maze)(**{**vars(maze), "goals": np.asarray([goal])})
    exact = hit_probability(alone, hot / total, speculation.LIMIT)[-1]
    assert heated[speculation.HEATS.index(2.0), 2] == pytest.approx(exact, abs=1e-12)


def test_lookahead_that_matters_and_depth_that_does_not_fail() -> None:
    found = {"greedy": 0.8, "lookahead": 0.802, "deepest": 0.7}

    def frame(**mixed: float) -> pd.DataFrame:
        return pd.DataFrame(
            {"length": length, "seed": seed, "rule": rule, "flat": 0.82, "mixed": each,
             "depth": 50.0 if rule == "deepest" else 20.0}
            for length in (0, 4)
            for seed in range(6)
            for rule, each in (found | mixed).items()
        )  # fmt: skip

    assert failing(deep_claims(frame())) == set()
    assert failing(deep_claims(frame(lookahead=0.82))) == {"I12.1 0", "I12.1 4"}
    assert failing(deep_claims(frame(deepest=0.79))) == {"I12.c 0", "I12.c 4"}
    assert failing(deep_claims(frame(greedy=0.83, lookahead=0.83))) == {"I12.2 0", "I12.2 4"}


@pytest.mark.parametrize("study", [deep_trees], ids=["deep_trees"])
def test_first_walks_are_those_of_the_chain(study: Any) -> None:
    (config,) = study.SMOKE
    arrays = study.run(config)
    p, first = arrays["success"], arrays["first"][0]
    error = np.sqrt((p * (1 - p)).sum() * study.FIRST)
    assert abs(first.sum() - study.FIRST * p.sum()) < 4.5 * error
    np.testing.assert_array_equal(arrays["first"], np.broadcast_to(first, arrays["first"].shape))
    told = study.table([Record(asdict(config), {}, arrays)])
    assert {row["verdict"] for row in told.claims} == {"holds"}
