"""Trees grown ahead of what is known, against trees grown one walk after the other."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.walk.nodes import nodes_of
from mazerl.walk.selectors import UUCB, at_random, uucb_weights
from mazerl.walk.speculation import Speculated, Speculation, speculate, wall_clock
from mazerl.walk.trees import Budget, grow
from tests.support.forests import LIMIT, cave, on_host

KEY, BUDGET, PROBLEMS = seeded_key(3), Budget(12, 4), 20


def grown(how: Speculation, select: Any = UUCB, data: Any = None) -> Speculated:
    maze, _, logits = cave()
    data = uucb_weights() if select is UUCB else data
    return speculate(
        TABULAR, logits, maze, KEY, LIMIT, BUDGET, how, select, data, problems=PROBLEMS
    )


@pytest.fixture(scope="module")
def ahead() -> Speculated:
    """Four at once, by statistics a round old."""
    return grown(Speculation(4, 1, 0.05))


@pytest.mark.parametrize("select", [UUCB, at_random], ids=["uucb", "at_random"])
def test_one_at_once_by_what_is_known_now_is_the_tree(select: Any) -> None:
    maze, _, logits = cave()
    data = uucb_weights() if select is UUCB else None
    tree = grow(TABULAR, logits, maze, KEY, LIMIT, BUDGET, select, data, problems=PROBLEMS)
    one = grown(Speculation(1), select)
    for name, mine, other in zip(tree._fields, one.forest, tree, strict=True):
        np.testing.assert_array_equal(mine, other, name)
    np.testing.assert_array_equal(one.rounds, np.full(PROBLEMS, BUDGET.rounds))
    assert int(one.rolled_back.sum()) == int(one.wasted.sum()) == 0
    own = np.asarray(tree.length - tree.branch)[:, 4:]
    np.testing.assert_array_equal(one.longest, own.T)


def test_every_walk_is_kept_or_rolled_back_and_its_steps_are_counted(ahead: Speculated) -> None:
    forest = on_host(ahead.forest)
    assert forest.grown.all()
    np.testing.assert_array_equal(ahead.resumed - ahead.rolled_back, np.full(PROBLEMS, 8))
    np.testing.assert_array_equal(ahead.resumed, 4 * np.asarray(ahead.rounds))
    assert int(ahead.rolled_back.sum()) > 0
    # A walk is at least a step long and at most the limit.
    assert (np.asarray(ahead.wasted) >= np.asarray(ahead.rolled_back)).all()
    assert (np.asarray(ahead.wasted) <= LIMIT * np.asarray(ahead.rolled_back)).all()
    begun = np.asarray(ahead.longest) > 0
    np.testing.assert_array_equal(begun.sum(0), ahead.rounds)


def test_leaves_that_are_kept_share_what_the_record_says(ahead: Speculated) -> None:
    forest = on_host(ahead.forest)
    nodes = nodes_of(forest, cave().maze)
    for x, leaf in np.argwhere(forest.parent > 0):
        parent, branch = forest.parent[x, leaf], forest.branch[x, leaf]
        assert parent < leaf
        assert nodes.candidate[x, parent, branch]
        mine, theirs = forest.arc[x, leaf], forest.arc[x, parent]
        np.testing.assert_array_equal(mine[: branch + 1], theirs[: branch + 1])


def test_a_slack_above_all_scores_keeps_every_walk_and_takes_the_fewest_rounds() -> None:
    for stale in (0, 2):
        all_kept = grown(Speculation(4, stale, 1e6))
        assert int(all_kept.rolled_back.sum()) == 0
        assert np.asarray(all_kept.rounds).tolist() == [2] * PROBLEMS


def test_what_is_known_lags_by_so_many_rounds() -> None:
    """With all kept and Δ past the end, every choice is the one of the first walks alone."""
    once, never = (grown(Speculation(1, stale, 1e6)).forest for stale in (0, 100))
    first = np.asarray(never.branch[:, 4:5]), np.asarray(never.parent[:, 4:5])
    np.testing.assert_array_equal(never.branch[:, 4:], np.repeat(first[0], 8, 1))
    np.testing.assert_array_equal(never.parent[:, 4:], np.repeat(first[1], 8, 1))
    assert not np.array_equal(once.branch, never.branch)


def test_choices_of_a_round_are_foreseen_and_so_not_all_the_same() -> None:
    forest = on_host(grown(Speculation(4, 0, 1e6)).forest)
    together = forest.branch[:, 4:8] + LIMIT * forest.parent[:, 4:8]
    assert (np.ptp(together, axis=1) > 0).mean() > 0.5


def test_more_slack_takes_fewer_rounds_and_old_statistics_take_more() -> None:
    strict, slack = (np.asarray(grown(Speculation(4, 0, x)).rounds).mean() for x in (0.0, 0.2))
    old = np.asarray(grown(Speculation(4, 2, 0.2)).rounds).mean()
    assert strict > slack
    assert old > slack


def test_the_clock_by_hand() -> None:
    longest = np.asarray([[5, 3], [2, 7], [4, 0]])
    np.testing.assert_allclose(wall_clock(longest, 0, 2.0, 3.0), [2 * 11 + 9, 2 * 10 + 6])
    # A choice is hidden behind walks that take longer.
    np.testing.assert_allclose(wall_clock(longest, 1, 1.0, 3.0), [5 + 3 + 4, 3 + 7])
    np.testing.assert_allclose(wall_clock(longest, 2, 0.0, 0.0), [0, 0])


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Speculation(0), r"W, the number of choices at once, is 0; give a whole number"),
        (lambda: Speculation(2.5), r"W, the number of choices at once, is 2\.5"),  # type: ignore[arg-type]
        (lambda: Speculation(1, -1), r"the staleness is -1; give a whole number of at least 0"),
        (lambda: Speculation(1, 0, -0.1), r"the slack is -0\.1; give a finite number"),
        (lambda: Speculation(1, 0, math.nan), r"the slack is nan"),
        (lambda: wall_clock(np.ones((1, 1)), -1, 1, 1), r"the staleness is -1"),
        (lambda: wall_clock(np.ones((1, 1)), 0, -1, 1), r"the time of a step is -1"),
        (lambda: wall_clock(np.ones((1, 1)), 0, 1, math.inf), r"the time of a choice is inf"),
    ],
)
def test_bad_input_is_one_line(ask: Any, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        ask()


@pytest.mark.parametrize(
    "budget", [Budget(12, 4, width=2), Budget(12, 4, steps=50), Budget(12, 4, root=False)]
)
def test_budgets_that_it_does_not_keep_are_refused(budget: Budget) -> None:
    maze, _, logits = cave()
    with pytest.raises(MazerlError, match="give a budget of width 1, without steps and with the"):
        speculate(TABULAR, jnp.asarray(logits), maze, KEY, LIMIT, budget, Speculation(), UUCB)
