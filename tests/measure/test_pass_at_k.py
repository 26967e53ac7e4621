from itertools import combinations

import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.measure.pass_at_k import (
    estimate_pass_at_k,
    paired,
    pass_at_k,
    tries_needed,
)


def test_small_probabilities_keep_their_digits() -> None:
    assert pass_at_k(np.array([1e-20]), 64.0)[0] == pytest.approx(64e-20, rel=1e-12)
    assert pass_at_k(np.array([0.0, 0.5, 1.0]), 3).tolist() == pytest.approx([0, 0.875, 1])


def test_the_estimate_is_the_share_of_subsets_with_a_success() -> None:
    for successes in range(7):
        outcomes = np.arange(6) < successes
        for k in range(1, 7):
            share = np.mean([outcomes[list(s)].any() for s in combinations(range(6), k)])
            found = estimate_pass_at_k(np.array([successes]), 6, k)[0]
            assert found == pytest.approx(share, abs=1e-12)


def test_tries_needed_of_one_problem_and_of_some_out_of_reach() -> None:
    for p in (0.3, 1e-9):
        expected = np.log(0.5) / np.log1p(-p)
        assert tries_needed(np.array([p])) == pytest.approx(expected, rel=1e-9)
    some = np.array([0.2, 0.0, 0.01])
    tries = tries_needed(some, 0.6)
    assert pass_at_k(some, tries).mean() == pytest.approx(0.6, rel=1e-9)
    assert tries_needed(some, 0.7) == np.inf
    assert tries_needed(np.ones(3)) == 0


def test_papers_tables_have_the_papers_p_values() -> None:
    # arXiv 2604.14877 gives 9 : 1 and 5 : 1; the two-sided binomial test by hand.
    for alone, p_value in (((9, 1), 22 / 1024), ((5, 1), 14 / 64)):
        first = np.r_[np.ones(alone[0]), np.zeros(alone[1]), np.ones(70), np.zeros(20)]
        second = np.r_[np.zeros(alone[0]), np.ones(alone[1]), np.ones(70), np.zeros(20)]
        found = paired(first, second)
        assert found[:4] == (70, *alone, 20)
        assert found.p_value == pytest.approx(p_value, rel=1e-12)
    assert paired(np.ones(3), np.ones(3)).p_value == 1.0


def test_what_cannot_be_estimated_is_told() -> None:
    with pytest.raises(MazerlError, match="8 tries cannot be estimated from 4 walks"):
        estimate_pass_at_k(np.array([1]), 4, 8)
    with pytest.raises(MazerlError, match="outside 0 … 4"):
        estimate_pass_at_k(np.array([5]), 4, 2)
    with pytest.raises(MazerlError, match="share"):
        tries_needed(np.array([0.5]), 1.0)
