"""Distance from a reference policy, estimated from moves that the policy made (Schulman 2020).

With r = π_ref / π at a move drawn from π, as values k1 = -log r and k3 = r - 1 - log r are unbiased
for KL(π ‖ π_ref), and k2 = (log r)² / 2 is not. What each does to the policy is another matter.

    in the loss, where its slope counts     in the reward, where its value times the score counts
    k1  no pull at all: its mean slope is 0  the slope of the KL of whole walks
    k2  that of the KL, state by state       not that of the KL: its own slope is left out;
    k3  that of the KL the other way round   no pull near it, and away from it further off

So k2 or k3 belong into the loss and k1 into the reward (tested). In the loss none of them sees that
the policy decides which states are visited.
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
