"""Distance from a reference policy, estimated from moves that the policy made (Schulman 2020).

With r = π_ref / π at a move drawn from π, the mean of each estimator stands for KL(π ‖ π_ref):

    k1 = -log r               unbiased; may be negative; differentiated in a loss its mean is not
    k2 = (log r)² / 2         biased; differentiated in a loss its mean slope is the KL's, on policy
    k3 = r - 1 - log r        unbiased and never negative; differentiated in a loss it is that of
                              the KL the other way round, on policy

all at the states that were visited: none of them sees that the policy decides which these are. So
the same letter means something else in a loss than in a reward, where nothing is
differentiated and k1 and k3 are right.
"""

from typing import Literal

import jax.numpy as jnp

from mazerl.maze import Array

Estimator = Literal["k1", "k2", "k3"]
Place = Literal["loss", "reward"]


def divergence(estimator: Estimator, now: Array, reference: Array) -> Array:
    """The estimator at each move, given log-probabilities of any one shape [...]."""
    log_r = reference - now
    if estimator == "k1":
        return -log_r
    if estimator == "k2":
        return log_r**2 / 2
    return jnp.expm1(log_r) - log_r
