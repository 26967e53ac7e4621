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
