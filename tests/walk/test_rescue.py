"""Rescue: walks at another temperature against the exact chain, and who gets one."""

import math
from typing import Any

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.exact.horizon import hit_probability
from mazerl.maze import Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.policy.tempering import tempered
from mazerl.walk.nodes import Forest
from mazerl.walk.rescue import Rescued, afforded, flips_by_posterior, rescue, without_spread
from mazerl.walk.rollouts import rollout
from mazerl.walk.selectors import at_random
from mazerl.walk.trees import Budget, grow
from tests.support.forests import LIMIT, bushy, by_hand, cave, on_host

HEAT = 2.0


def hot_rows() -> np.ndarray:
    maze, rows, _ = cave()
    return row_probabilities(maze, np.log(rows) / HEAT)


@pytest.fixture(scope="module")
def rescued() -> Rescued:
    """All but the first problem."""
    maze, _, logits = cave()
    fires = np.arange(20) > 0
    return rescue(TABULAR, logits, maze, seeded_key(8), bushy(), fires, HEAT)


def test_tempered_walks_arrive_as_often_as_the_chain_says() -> None:
    maze, _, logits = cave()
    walks = rollout(tempered(TABULAR, HEAT), logits, maze, seeded_key(1), 20_000, LIMIT)
    exact = hit_probability(maze, hot_rows(), LIMIT)[-1]
    error = math.sqrt(exact * (1 - exact) / 20_000)
    assert abs(float(walks.reached.mean()) - exact) < 4 * error
    cold = hit_probability(maze, cave().rows, LIMIT)[-1]
    assert abs(cold - exact) > 8 * error


def test_a_walk_of_its_own_is_added_and_nothing_else_changes(rescued: Rescued) -> None:
    before, after = bushy(), on_host(rescued.forest)
    for name in Forest._fields:
        if name != "goal":
            np.testing.assert_array_equal(getattr(after, name)[:, :-1], getattr(before, name))
    assert after.grown[:, -1].tolist() == [False] + [True] * 19
    assert (after.branch[:, -1] == 0).all()
    np.testing.assert_array_equal(after.goal, before.goal)
    added = np.where(np.arange(20) > 0, after.length[:, -1], 0)
    np.testing.assert_array_equal(after.spent, before.spent + added)


def test_the_behaviour_s_log_probabilities_are_those_of_the_hot_rows(rescued: Rescued) -> None:
    maze, forest = cave().maze, on_host(rescued.forest)
    layout, log_p = rows_of(maze), np.log(hot_rows())
    own = forest.own[:, -1]
    entry = layout.start[forest.arc[:, -1, :-1][own]] + forest.port[:, -1][own]
    np.testing.assert_allclose(np.asarray(rescued.log_probability)[own], log_p[entry], atol=1e-5)
    assert (np.asarray(rescued.log_probability)[~own] == 0).all()
    assert own[1:].any(1).all()
    assert not own[0].any()


def test_at_temperature_one_it_is_the_policy_s_own_walk() -> None:
    maze: Maze = cave().maze
    logits = cave().logits
    plain = rollout(TABULAR, logits, maze, seeded_key(8), 2000, LIMIT)
    warm = rollout(tempered(TABULAR, 1.0), logits, maze, seeded_key(8), 2000, LIMIT)
    # A faster draw may round a threshold otherwise.
    assert (np.asarray(plain.arc) == np.asarray(warm.arc)).all(1).mean() > 0.999


def test_a_group_without_spread_is_one_whose_grown_leaves_end_alike() -> None:
    one = by_hand([-1, 0, 0], [0, 0, 0], [True, True, False], [3, 3, 4], 4)
    assert not without_spread(one)[0]
    two = one._replace(grown=np.asarray([[True, True, False]]))
    assert without_spread(two)[0]
    assert without_spread(one._replace(reached=np.zeros((1, 3), bool)))[0]


def test_the_posterior_by_hand() -> None:
    found = flips_by_posterior(
        np.asarray([0, 3, 16]), np.asarray([16, 32, 16]), np.asarray([False, False, True]),
        (0.5, 1.5),
    )  # fmt: skip
    np.testing.assert_allclose(found, [0.5 / 18, 3.5 / 34, 1 - 16.5 / 18])


def test_the_likeliest_silent_groups_come_first_and_the_share_is_kept() -> None:
    chance = np.asarray([0.9, 0.1, 0.5, 0.3, 0.7])
    silent, spent = np.asarray([False, True, True, True, True]), np.full(5, 100)
    # Two walks of at most ten steps fit into 4% of 500 steps.
    assert afforded(chance, silent, spent, 10, 0.04).tolist() == [False, False, True, False, True]
    assert afforded(chance, silent, spent, 10, 0.0399).sum() == 1
    assert afforded(chance, silent, spent, 10, 1.0).tolist() == silent.tolist()
    assert not afforded(chance, silent, spent, 10, 0.0).any()


def test_what_rescue_adds_never_passes_the_share() -> None:
    maze, _, logits = cave()
    forest = grow(TABULAR, logits, maze, seeded_key(2), LIMIT, Budget(16, 16), at_random,
                  problems=60)  # fmt: skip
    silent = np.asarray(without_spread(forest))
    fires = afforded(np.full(60, 0.5), silent, np.asarray(forest.spent), LIMIT)
    after = rescue(TABULAR, logits, maze, seeded_key(9), forest, fires).forest
    assert silent.any()
    added = int(after.spent.sum()) - int(forest.spent.sum())
    assert 0 <= added <= 0.05 * int(forest.spent.sum())


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: tempered(TABULAR, 0.0), "the temperature is 0.0; give a finite number above 0"),
        (lambda: tempered(TABULAR, math.nan), "the temperature is nan"),
        (lambda: afforded(np.ones(1), np.ones(1, bool), np.ones(1), 5, -0.1), "the share of furth"),
        (lambda: afforded(np.ones(1), np.ones(1, bool), np.ones(1), 0), "the time limit is 0"),
        (lambda: flips_by_posterior(np.ones(1), np.ones(1), np.ones(1), (0, 1)), "the prior's a"),
        (lambda: flips_by_posterior(np.ones(1), np.ones(1), np.ones(1), (1, -1)), "the prior's b"),
    ],
)
def test_bad_input_is_one_line(ask: Any, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        ask()


def test_one_bool_a_tree_and_a_policy_with_a_whole_sequence_form_are_asked_for() -> None:
    maze, _, logits = cave()
    with pytest.raises(MazerlError, match="asked for 3 problems, and the forest has 20"):
        rescue(TABULAR, logits, maze, seeded_key(0), bushy(), np.ones(3, bool))
    with pytest.raises(MazerlError, match="no whole-sequence form"):
        rescue(no_repeat(TABULAR), logits, maze, seeded_key(0), bushy(), np.ones(20, bool))
