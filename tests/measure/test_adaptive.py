"""Choosing rollouts after outcomes: against enumeration of all outcomes, and against theorems."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.measure.adaptive import (
    Instances,
    at_random,
    estimated_gain,
    expected_gain,
    expected_worth,
    foretold,
    open_outcome,
    upper_confidence,
    worth,
)

RULES = {"greedy": expected_gain, "random": at_random, "uucb": upper_confidence}


def drawn(count: int, hidden: int, seed: int, begun: int = 1, size: int = 2) -> Instances:
    draw = np.random.default_rng(seed)
    outcome = draw.dirichlet(np.full(3, 0.5), (count, hidden, size))
    begin = np.zeros((count, size, 3), int)
    for i, e in product(range(count), range(size)):
        for _ in range(begun):
            begin[i, e, draw.integers(3)] += 1
    return Instances(
        draw.dirichlet(np.ones(hidden), count), outcome, draw.gamma(0.3, size=(count, size, 2)),
        begin, draw.random((count, 3)),
    )  # fmt: skip


def by_recursion(all_of: Instances, i: int, budget: int, choose: str) -> float:
    """One instance, by following every outcome, without counts that are shared."""
    prior, outcome, visits, begin, weights = (x[i] for x in all_of)

    def value(seen: list[tuple[int, int]]) -> float:
        counts = begin.copy()
        belief = prior.copy()
        for e in range(len(begin)):
            for o in range(3):
                belief = belief * outcome[:, e, o] ** begin[e, o]
        for e, o in seen:
            counts[e, o] += 1
            belief = belief * outcome[:, e, o]
        belief = belief / belief.sum()
        if len(seen) == budget:
            n = counts.sum(1)
            found = [
                float((counts.sum(0) > 0).sum()), float(np.sqrt(n @ visits).sum()),
                float(sum(0 < counts[e, 0] < n[e] for e in range(len(n)))),
            ]  # fmt: skip
            return float(weights @ found)
        options = [
            sum(float(belief @ outcome[:, e, o]) * value([*seen, (e, o)]) for o in range(3))
            for e in range(len(begin))
        ]
        return max(options) if choose == "optimum" else float(np.mean(options))

    return value([])


@pytest.mark.parametrize(("hidden", "begun"), [(1, 1), (2, 1), (3, 0)])
def test_values_are_those_of_following_every_outcome(hidden: int, begun: int) -> None:
    instances = drawn(4, hidden, hidden, begun)
    found = expected_worth(instances, 3, RULES)
    before = worth(instances, instances.begin[:, None])[:, 0]
    for i in range(4):
        for rule in ("optimum", "random"):
            by_hand = by_recursion(instances, i, 3, rule) - before[i]
            assert found[rule][i] == pytest.approx(by_hand, abs=1e-12), (rule, i)
    assert (found["greedy"] <= found["optimum"] + 1e-12).all()


def test_one_rollout_is_greedily_chosen_best() -> None:
    instances = drawn(50, 3, 5)
    found = expected_worth(instances, 1, RULES)
    np.testing.assert_allclose(found["greedy"], found["optimum"], atol=1e-12)
    counts = instances.begin[:, None]
    np.testing.assert_allclose(
        expected_gain(instances, counts).max(-1)[:, 0], found["optimum"], atol=1e-12
    )


def test_what_is_foretold_is_bayes_rule() -> None:
    third, half = Fraction(1, 3), Fraction(1, 2)
    likely = [[Fraction(3, 4), Fraction(1, 4)], [Fraction(1, 4), Fraction(3, 4)]]
    # A success of the first expansion was seen: hidden 0 has 3/4 of the weight's likelihood.
    belief = [third * 2 * likely[0][0], third * likely[1][0]]
    belief = [each / sum(belief) for each in belief]
    by_hand = belief[0] * half + belief[1] * third
    outcome = np.array([[[[0.75, 0.25], [0.5, 0.5]], [[0.25, 0.75], [1 / 3, 2 / 3]]]])
    instances = Instances(
        np.array([[2 / 3, 1 / 3]]), outcome, np.zeros((1, 2, 1)),
        np.array([[[1, 0], [0, 0]]]), np.ones((1, 3)),
    )  # fmt: skip
    assert foretold(instances, instances.begin[:, None])[0, 0, 1, 0] == pytest.approx(
        float(by_hand), abs=1e-15
    )


def test_gains_never_grow_where_outcomes_are_known_and_all_have_begun() -> None:
    known, shared = drawn(60, 1, 7), drawn(60, 3, 7)

    def grows(instances: Instances) -> bool:
        now = expected_gain(instances, instances.begin[:, None])[:, 0]
        for e, o in product(range(2), range(3)):
            more = instances.begin.copy()
            more[:, e, o] += 1
            if (expected_gain(instances, more[:, None])[:, 0] > now + 1e-9).any():
                return True
        return False

    assert not grows(known)
    # A difficulty that expansions share makes a second outcome likelier by the first.
    assert grows(shared)
    assert grows(drawn(60, 1, 8, begun=0))


def test_rules_see_counts_alone() -> None:
    instances = drawn(3, 2, 9)
    other = instances._replace(outcome=instances.outcome[::-1])
    counts = instances.begin[:, None]
    for rule in (upper_confidence, open_outcome, at_random, estimated_gain):
        np.testing.assert_array_equal(rule(instances, counts), rule(other, counts))
    assert (expected_gain(instances, counts) != expected_gain(other, counts)).any()
    one = np.array([[[[3, 1, 0], [0, 2, 2]]]])
    explored = 0.5 * np.sqrt(np.log(9) / 5)
    np.testing.assert_allclose(
        upper_confidence(instances, one)[0, 0], [3.5 / 5 + explored, 0.5 / 5 + explored]
    )
    np.testing.assert_allclose(
        open_outcome(instances, one)[0, 0], [0.7 * 0.3 + explored, 0.1 * 0.9 + explored]
    )


def test_what_is_estimated_is_the_shares_seen_with_half_an_outcome_of_each() -> None:
    seen = np.array([[[2, 1, 0], [0, 1, 1]]])
    known = Instances(
        np.ones((1, 1)), np.full((1, 1, 2, 3), 1 / 3), np.zeros((1, 2, 1)), seen,
        np.array([[0.0, 0.0, 1.0]]),
    )  # fmt: skip
    # The first is mixed already; the second would be by a success.
    np.testing.assert_allclose(estimated_gain(known, seen[:, None])[0, 0], [0, 0.5 / 3.5])


def test_bad_input_is_one_line() -> None:
    instances = drawn(2, 2, 1)
    with pytest.raises(MazerlError, match="the budget is 0; give a whole number"):
        expected_worth(instances, 0, RULES)
    with pytest.raises(MazerlError, match='a rule is called "optimum"'):
        expected_worth(instances, 1, {"optimum": at_random})
    with pytest.raises(MazerlError, match=r"weights is of shape \(2, 2\); beside begin"):
        expected_worth(instances._replace(weights=np.ones((2, 2))), 1, RULES)
