"""What a walk counts for when updates are divided by lengths, against all batches there are."""

from itertools import product

import numpy as np
import pytest

from mazerl.measure.length_weights import length_weights
from mazerl.measure.outcome_weights import ByCount, by_count, outcome_weight
from mazerl.training.advantages import advantage_of
from mazerl.training.objectives import Normalize

LIMIT = 3
SPREAD = {size: by_count(advantage_of("spread", size), size) for size in (2, 3)}


def law(seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).random((2, LIMIT))
    return drawn / drawn.sum()


def enumerated(
    p: np.ndarray, worth: ByCount, normalize: Normalize, size: int, groups: int
) -> np.ndarray:
    """Batches one by one: the first walk's advantage over what divides its moves."""
    kinds = [(o, t) for o in (0, 1) for t in range(1, LIMIT + 1)]
    total = np.zeros((2, LIMIT))
    for batch in product(kinds, repeat=size * groups):
        others = np.prod([p[o, t - 1] for o, t in batch[1:]])
        count = sum(o for o, _ in batch[:size])
        outcome, length = batch[0]
        advantage = (worth.success if outcome else worth.failure)[count]
        tokens = sum(t for _, t in batch)
        by = {"tokens": tokens / len(batch), "sequence": length, "constant": LIMIT}[normalize]
        total[outcome, length - 1] += others * advantage / by
    return total


@pytest.mark.parametrize(("size", "groups"), [(3, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("normalize", ["tokens", "sequence", "constant"])
def test_against_all_batches(normalize: Normalize, size: int, groups: int) -> None:
    p, worth = law(size), SPREAD[size]
    found = length_weights(p, worth, normalize, groups)
    expected = enumerated(p, worth, normalize, size, groups)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_by_a_constant_it_is_the_weight_of_success_over_the_limit() -> None:
    """Σ worth ∇P = (success - failure) ∇p, which is w(p) ∇p / T."""
    p = law(0)
    found = length_weights(p, SPREAD[3], "constant")
    weight = float(outcome_weight(SPREAD[3], float(p[1].sum())))
    np.testing.assert_allclose(found[1] - found[0], weight / LIMIT, rtol=1e-12)
    assert np.ptp(found, 1).max() == 0


def test_centred_advantages_share_what_lengths_make_of_them() -> None:
    """A failure is worth -p/(1-p) of a success of the same length, whatever the member."""
    p = law(1)
    reached = p[1].sum()
    for name in ("spread", "mean", "leave_one_out"):
        found = length_weights(p, by_count(advantage_of(name, 3), 3), "sequence")
        np.testing.assert_allclose(found[0] / found[1], -reached / (1 - reached), rtol=1e-6)
