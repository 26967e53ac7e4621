"""Which objective an update climbs whose advantages depend on a group's successes alone.

With K ~ Bin(N, p) successes, a success worth A₊(K) and a failure A₋(K), the expected update of a
prompt is w(p)·∇p, on policy, with reward 1 for arriving and no penalty, summed over a walk's moves:

    w(p) = E[(K/N) A₊/p - ((N-K)/N) A₋/(1-p)]

so that it climbs ∫w, whatever the policy: p where w is 1, log p where it is 1/p.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binom

from mazerl.training.advantages import Advantage, Outcomes


class ByCount(NamedTuple):
    """What the walks of a group of N are worth when K of them succeed, K = 0 … N."""

    success: np.ndarray  # [N+1]; 0 where there is none
    failure: np.ndarray  # [N+1]; likewise


def by_count(advantage: Advantage, size: int) -> ByCount:
    """Tabulate an advantage by the number of successes, in float64."""
    with jax.enable_x64(True):
        success = jnp.arange(size)[None] < jnp.arange(size + 1)[:, None]
        worth = np.asarray(advantage(Outcomes(success.astype(jnp.float64), success)), float)
    count = np.arange(size + 1)
    return ByCount(
        success=np.where(count > 0, worth[:, 0], 0.0),
        failure=np.where(count < size, worth[:, -1], 0.0),
    )


def outcome_weight(worth: ByCount, p: np.ndarray | float) -> np.ndarray:
    """w(p), of the shape of p, which lies between 0 and 1, both excluded."""
    size = len(worth.success) - 1
    p, count = np.asarray(p, float)[..., None], np.arange(size + 1)
    share = count / size
    each = share * worth.success / p - (1 - share) * worth.failure / (1 - p)
    return np.asarray((binom.pmf(count, size, p) * each).sum(-1))


class DemonstratedWeights(NamedTuple):
    """Of a group of which one walk is a demonstration that arrives; of the shape of p."""

    own: np.ndarray  # w(p), of ∇p
    shown: np.ndarray  # λ(p), of ∇log π(demonstration)


def demonstrated_weights(worth: ByCount, p: np.ndarray | float) -> DemonstratedWeights:
    """What a prompt's expected update is made of, over N, when a demonstration is in its group.

    With K ~ Bin(N-1, p) successes of the policy's own,

        w(p) = E[(K A₊/p - (N-1-K) A₋/(1-p)) / N],   λ(p) = E[A₊] / N,   both worths at K + 1.

    λ goes to 0 as p goes to 1 wherever the advantage is centred: imitation that ends by itself.
    """
    size = len(worth.success) - 1
    p, count = np.asarray(p, float)[..., None], np.arange(size)
    right, wrong = worth.success[1:], worth.failure[1:]
    each = (count * right / p - (size - 1 - count) * wrong / (1 - p)) / size
    chance = binom.pmf(count, size - 1, p)
    return DemonstratedWeights((chance * each).sum(-1), (chance * right).sum(-1) / size)
