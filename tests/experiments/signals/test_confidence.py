"""The study of confidence: worlds, arms, the hack by hand, verdicts that turn with the data."""

from dataclasses import asdict

import numpy as np
import pytest

from experiments.signals import confidence as study
from mazerl.exact.hidden_goals import hidden_goals
from mazerl.store.records import Record

ARMS, WORLDS = list(study.REWARDS), list(study.WORLDS)


@pytest.mark.parametrize("seed", range(4))
def test_mazes_are_trees_of_one_size(seed: int) -> None:
    maze = study.maze_of(seed)
    assert maze.num_vertices == 6
    assert len(np.asarray(maze.head)) == 10
    assert (np.asarray(maze.degree)[np.asarray(maze.goals)] == 1).all()
    assert int(maze.start) not in np.asarray(maze.goals)
    assert np.asarray(maze.degree).max() == 3


@pytest.mark.parametrize("seed", range(4))
def test_the_hack_is_paid_its_closed_form_and_knows_nothing(seed: int) -> None:
    paid, informed = study.hack(hidden_goals(study.maze_of(seed)))
    wanted = 1 / 2 + 0.9 * study.ETA - 2 * study.COST
    assert paid == pytest.approx(wanted, abs=1e-9)
    assert abs(informed) < 1e-9


def test_sure_heads_are_more_faithful_and_worse_calibrated() -> None:
    world = hidden_goals(study.maze_of(0))
    (dull, right), (keen, wrong) = study.apart(world, study.start_of(world, 1.0, 0))
    assert dull == pytest.approx(0, abs=1e-12)
    assert right == pytest.approx(0, abs=1e-12)
    assert keen > 0.01
    # Sure of one goal where nothing was seen: half of these answers are wrong.
    assert 0.01 < wrong < 0.5


@pytest.fixture(scope="module")
def short() -> dict[str, np.ndarray]:
    return study.run(study.Config(1, 20))


def test_arms_are_paid_what_their_weights_say(short: dict[str, np.ndarray]) -> None:
    c, cost = short["right"], study.COST * short["moves"]
    paid = dict(zip(ARMS, np.moveaxis(short["reward"], 1, 0), strict=True))
    for a, arm in enumerate(ARMS[:5]):
        end, w = c[:, a, :, -1], c[:, a] @ np.array([0.5, 0.3, 0.1, -0.1, -0.3, -0.5])
        bonus = {"confidence": -w, "reversed": w, "potential": -c[:, a, :, 0], "scaled": end / 2}
        wanted = end + bonus.get(arm, 0.0) - cost[:, a]
        np.testing.assert_allclose(paid[arm], wanted, atol=1e-12)
    assert (np.abs(paid["own answer"] - (c[:, 5, :, -1] - cost[:, 5])) > 1e-6).any()
    np.testing.assert_allclose(short["worth"], short["success"] - cost, atol=1e-15)


def test_each_arm_climbs_its_own_reward(short: dict[str, np.ndarray]) -> None:
    assert (short["reward"][..., -1] > short["reward"][..., 0]).all()
    # All begin with one policy.
    assert np.ptp(short["right"][:, :, 0], 1).max() < 1e-15


def test_own_confidence_as_potential_changes_nothing_where_all_is_hidden(
    short: dict[str, np.ndarray],
) -> None:
    gap = np.abs(short["right"][:, ARMS.index("potential")] - short["right"][:, 0]).max((1, 2))
    assert gap[0] < 1e-12
    assert gap[1] < 1e-12
    assert gap[2] > 1e-3
    assert np.abs(short["faithful"][2]).max() < 1e-12


def made(seeds: int = 8) -> list[Record]:
    """Records as the claims have it: in half of the trees the answer alone ends in guessing."""
    found = []
    for seed in range(seeds):
        stuck = seed < seeds // 2
        shape = (len(WORLDS), len(ARMS), 11)
        arrays: dict[str, np.ndarray] = {name: np.full(shape, 0.5) for name in study.CURVES}
        right = np.full((*shape, 6), 0.5)
        error = np.zeros((len(WORLDS), len(ARMS), 2, 6))
        hidden, unread, told = range(3)
        of = {arm: a for a, arm in enumerate(ARMS)}
        end = arrays["success"]
        arrays["faithful"][:] = 0.0
        for arm in ("confidence", "scaled"):
            end[hidden, of[arm], -1] = 0.99
            arrays["faithful"][hidden, of[arm], -1] = 0.9
        if not stuck:
            end[:2, of["outcome"], -1] = 0.99
            end[unread, of["confidence"], -1] = 0.99
        right[hidden, of["confidence"], -1, 2] = 0.2
        error[hidden, of["confidence"], 1, 2] = 0.6
        arrays["reward"][unread, of["own answer"], -1] = 1.19
        right[told, :, -1] = 1.0
        arrays["moves"][told, :, -1] = 0.0
        arrays["worth"][told, :, -1] = 1.0
        arrays["worth"][told, of["confidence"], -1] = 0.8
        right[told, of["potential"], -1, 0] = 0.0
        arrays["moves"][told, of["potential"], -1] = 1.0
        arrays |= {
            "right": right, "error": error,
            "reliability": np.ones((len(WORLDS), len(ARMS), 3, 10)),
            "hack": np.array([1.2, 0.0]), "apart": np.array([[0.0, 0.0], [0.2, 0.3]]),
        }  # fmt: skip
        found.append(Record(asdict(study.Config(seed)), {}, arrays))
    return found


def failing(name: str, where: tuple[int, ...], value: float) -> set[str]:
    """Ids that fail where one number is another in every record."""
    told = made()
    for record in told:
        record.arrays[name][where] = value
    return {row["id"] for row in study.table(told).claims if row["verdict"] == "FAILS"}


def test_verdicts_turn_with_the_data() -> None:
    of = {arm: a for a, arm in enumerate(ARMS)}
    assert {row["verdict"] for row in study.table(made()).claims} == {"holds"}
    assert failing("success", (0, of["outcome"], -1), 0.99) == {"A6.1", "A6.2"}
    assert failing("success", (0, of["scaled"], -1), 0.5) == {"A6.3"}
    assert failing("worth", (2, of["confidence"], -1), 0.99) == {"A6.4"}
    assert failing("right", (2, of["potential"], -1, 0), 0.5) == {"A6.5"}
    assert failing("moves", (2, of["potential"], -1), 0.1) == {"A6.5"}
    assert failing("right", (0, of["confidence"], -1, 2), 0.5) == {"A6.6"}
    assert failing("hack", (0,), 0.9) == {"A6.7"}
    assert failing("hack", (1,), 0.1) == {"A6.7"}
    assert failing("reward", (1, of["own answer"], -1), 0.5) == {"A6.8"}
    assert failing("success", (1, of["own answer"], -1), 0.99) == {"A6.8"}
    assert failing("apart", (1, 0), 0.0) == {"A6.9"}
    assert failing("apart", (1, 1), 0.0) == {"A6.9"}
    assert failing("error", (0, of["confidence"], 1, 2), 0.05) == {"A6.10"}
    assert failing("faithful", (0, of["confidence"], -1), 0.1) == {"A6.11"}
    assert failing("success", (0, of["reversed"], -1), 0.99) == {"A6.c1"}
    assert failing("right", (0, of["potential"], 5, 1), 0.4) == {"A6.c2"}
    assert failing("right", (2, of["outcome"], -1, 1), 0.4) == {"A6.c3"}
    assert failing("moves", (2, of["outcome"], -1), 1.0) == {"A6.c3"}
    assert failing("success", (1, of["confidence"], -1), 0.99) == {"A6.c4"}


def test_few_seeds_are_judged_on_what_holds_in_each() -> None:
    ids = {row["id"] for row in study.table(made(2)).claims}
    assert ids == {"A6.5", "A6.7", "A6.9", "A6.c2", "A6.c3"}
