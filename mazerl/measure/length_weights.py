"""What an update is worth to a walk whose advantage is divided by lengths, outcome by outcome.

Walks of a group are independent, so with P(outcome, length) known the expected update is

    Σ over outcomes o and lengths l of worth(o, l) · ∇P(o, l)

where worth(o, l) is the mean, over the group's other walks, of its advantage divided by what
`training.objectives.move_weights` divides by. Were it the same at all lengths, that would be w(p)∇p
(`outcome_weights`).
"""

import numpy as np
from scipy.stats import binom

from mazerl.measure.outcome_weights import ByCount
from mazerl.training.objectives import Normalize


def length_weights(
    law: np.ndarray, worth: ByCount, normalize: Normalize, groups: int = 1
) -> np.ndarray:
    """worth(o, l) [2, T] of failures and successes, for lengths 1 … T, of a mean over walks.

    Args:
        law: [2, T] P(outcome, length) of a walk, failures first; sums to 1.
        worth: advantages of a group of N by the number of its successes.
        normalize: what a walk's moves are divided by; tokens are those of all groups.
        groups: of N walks, in a batch.
    """
    size, limit = len(worth.success) - 1, law.shape[1]
    length = np.arange(1, limit + 1)
    mine = np.stack([worth.failure[:-1], worth.success[1:]])  # [2, N] by the others' successes
    if normalize != "tokens":
        mean = mine @ binom.pmf(np.arange(size), size - 1, law[1].sum())
        return mean[:, None] / (length if normalize == "sequence" else np.full(limit, limit))
    apart = np.concatenate([np.zeros((2, 1)), law], 1)  # [2, T+1] by lengths from 0
    joint = np.ones((1, 1))  # [k+1, n·T+1] successes and tokens of n walks
    for _ in range(size - 1):
        missed, reached = (np.stack([np.convolve(row, each) for row in joint]) for each in apart)
        joint = np.pad(missed, ((0, 1), (0, 0))) + np.pad(reached, ((1, 0), (0, 0)))
    elsewhere = np.ones(1)  # tokens of the other groups
    for _ in range(size * (groups - 1)):
        elsewhere = np.convolve(elsewhere, apart.sum(0))
    by_tokens = np.stack([np.convolve(each, elsewhere) for each in mine @ joint])
    tokens = np.arange(by_tokens.shape[1])[:, None] + length
    return size * groups * by_tokens @ (1 / tokens)
