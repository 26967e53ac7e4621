"""Set functions of rollouts: their gains, where these shrink, and what greedy choice loses."""

from functools import partial
from itertools import product

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.measure.informativeness import (
    Expansions,
    best,
    contrast,
    coverage,
    gains,
    greedy,
    mixed_pairs,
    novelty,
    objective,
    seen,
)
from tests.support.forests import bushy, by_hand, leaves_below, owner


def random_expansions(draw: np.random.Generator, size: int) -> Expansions:
    outcome = draw.dirichlet(np.full(3, 0.5), size)
    return Expansions(outcome, draw.gamma(0.3, size=(size, 4)), outcome[:, 0])


def test_coverage_and_contrast_by_enumerating_outcomes() -> None:
    outcome = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    n = np.array([2, 2])
    seen, disagree, pairs = 0.0, 0.0, 0.0
    for ends in product(range(3), repeat=4):
        p = np.prod([outcome[i // 2, end] for i, end in enumerate(ends)])
        seen += p * len(set(ends))
        for e in range(2):
            wins = sum(end == 0 for end in ends[2 * e : 2 * e + 2])
            disagree += p * (wins == 1)
            pairs += p * wins * (2 - wins)
    assert coverage(outcome, n) == pytest.approx(seen)
    assert contrast(outcome[:, 0], n) == pytest.approx(disagree)
    assert mixed_pairs(outcome[:, 0], n) == pytest.approx(pairs)
    assert novelty(np.array([[4.0, 0], [0, 9.0]]), np.array([1, 4])) == pytest.approx(2 + 6)


def test_gains_in_closed_form() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        expansions, n = random_expansions(draw, 3), draw.integers(1, 5, 3)
        p = expansions.success
        closed = p * (1 - p) * ((1 - p) ** (n - 1) + p ** (n - 1))
        np.testing.assert_allclose(gains(partial(contrast, p), n), closed, atol=1e-12)
        unseen = ((1 - expansions.outcome) ** n[:, None]).prod(0)
        found = gains(partial(coverage, expansions.outcome), n)
        np.testing.assert_allclose(found, expansions.outcome @ unseen, atol=1e-12)


def test_gains_shrink_once_every_expansion_has_a_rollout() -> None:
    draw = np.random.default_rng(1)
    for _ in range(300):
        worth = objective(random_expansions(draw, 3), tuple(draw.random(3)))
        n = draw.integers(1, 4, 3)
        more = n + draw.integers(0, 3, 3)
        assert (gains(worth, n) >= gains(worth, more) - 1e-12).all()
        assert (gains(worth, more) >= -1e-12).all()


def test_smallest_counter_examples() -> None:
    half = np.array([0.5])
    # Contrast: the first rollout of an expansion gains nothing, the second ½.
    steps = [float(gains(lambda n: contrast(half, n), np.array([k]))[0]) for k in range(4)]
    assert steps == pytest.approx([0, 1 / 2, 1 / 4, 1 / 8])
    # Mixed pairs: each gains more than the one before.
    grows = [float(gains(lambda n: mixed_pairs(half, n), np.array([k]))[0]) for k in range(4)]
    assert grows == pytest.approx([0, 1 / 2, 1, 3 / 2])
    # With a cost a further rollout can lose.
    assert contrast(half, np.array([4])) - 0.2 * 4 < contrast(half, np.array([3])) - 0.2 * 3


def test_greedy_choice_without_a_first_rollout_can_be_arbitrarily_bad() -> None:
    p = np.array([0.5, 0.5])
    tiny = 1e-6
    expansions = Expansions(np.array([[0.0], [tiny]]), np.zeros((2, 1)), p * np.array([1, 0]))
    worth, none = objective(expansions), np.zeros(2, int)
    chosen, optimum = greedy(worth, none, 2), best(worth, none, 2)
    assert chosen.tolist() == [0, 2]
    assert optimum.tolist() == [2, 0]
    assert worth(chosen) < 1e-5 < worth(optimum) == pytest.approx(0.5)


def test_with_one_rollout_each_greedy_choice_keeps_its_guarantee() -> None:
    draw = np.random.default_rng(2)
    least, begin = 1.0, np.ones(3, int)
    for _ in range(10_000):
        worth = objective(random_expansions(draw, 3), tuple(draw.random(3)))
        most = worth(best(worth, begin, 3)) - worth(begin)
        found = worth(greedy(worth, begin, 3)) - worth(begin)
        least = min(least, found / most)
    # A theorem (Nemhauser et al. 1978): this tests the code.
    assert 1 - 1 / np.e <= least <= 1 + 1e-12


def test_greedy_choice_takes_what_overlaps() -> None:
    visits = np.array([[1.3, 1.3, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]])
    expansions = Expansions(np.zeros((3, 1)), visits, np.zeros(3))
    worth, none = objective(expansions, (0, 1, 0)), np.zeros(3, int)
    assert best(worth, none, 2).tolist() == [0, 1, 1]
    chosen = greedy(worth, none, 2)
    assert chosen.tolist() == [1, 1, 0]
    assert worth(chosen) == pytest.approx(np.sqrt(2.3) + np.sqrt(1.3) + 1)


def test_bad_input_is_one_line() -> None:
    expansions = random_expansions(np.random.default_rng(0), 2)
    for wrong in ((1.0, float("nan"), 1.0), (1.0, -1.0, 1.0)):
        with pytest.raises(MazerlError, match=r"weights are .*; give three finite ones"):
            objective(expansions, wrong)
    for choose in (greedy, best):
        with pytest.raises(MazerlError, match=r"the budget is 0; give a whole number"):
            choose(objective(expansions), np.ones(2, int), 0)


def test_what_a_tree_has_shown_against_climbing() -> None:
    forest = bushy()
    told = seen(forest)
    for x in range(20):
        ends = forest.reached[x]
        assert told.coverage[x] == len(set(ends.tolist()))
        resumed = {(owner(forest, x, int(p), int(b)), int(b)) if b else (0, 0)
                   for p, b in zip(forest.parent[x], forest.branch[x], strict=True)}  # fmt: skip
        below = [leaves_below(forest, x, leaf, t) if t else range(12) for leaf, t in resumed]
        assert told.contrast[x] == sum(len(set(ends[list(each)].tolist())) == 2 for each in below)
        arcs = forest.arc[x, :, :-1][forest.own[x]]
        visits = np.unique(arcs, return_counts=True)[1]
        assert told.novelty[x] == pytest.approx(np.sqrt(visits).sum())
    assert set(told.coverage) == {1, 2}
    assert told.contrast.max() > 1


def test_leaves_that_were_not_grown_show_nothing() -> None:
    one = by_hand([-1, 0, 0], [0, 2, 2], [True, False, True], [3, 3, 4], 4)
    whole, cut = seen(one), seen(one._replace(grown=np.asarray([[True, False, True]])))
    # The root, and the node at which both were resumed.
    assert (whole.coverage[0], whole.contrast[0]) == (2, 2)
    assert (cut.coverage[0], cut.contrast[0]) == (1, 0)
    assert cut.novelty[0] < whole.novelty[0]
