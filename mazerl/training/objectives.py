"""Objectives: arrays in, scalars out. No policy, environment or configuration in here."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array
from mazerl.policy.scoring import Judged


def cross_entropy(log_probability: Array, visits: Array) -> Array:
    """Mean negative log-likelihood [] over tokens, given log-probabilities [R] and visits [R].

    Every visit of an entry is a token. Entries never visited may have any log-probability.
    """
    seen = visits > 0
    total = jnp.sum(jnp.where(seen, visits * jnp.where(seen, log_probability, 0.0), 0.0))
    return -total / jnp.sum(visits)


def expected_reward(mean_time: Array, arrival: Array, penalty: Array) -> Array:
    """Expected reward [] of an episode that ends at the goal after `mean_time` expected steps."""
    return arrival - penalty * mean_time


def row_divergence(
    arrival: np.ndarray, probability: np.ndarray, base: np.ndarray, num_rows: int
) -> np.ndarray:
    """KL(policy ‖ base) in nats of each row [num_rows], for entries [R] of ragged rows."""
    ratio = np.divide(probability, base, where=probability > 0, out=np.ones_like(probability))
    return np.bincount(arrival, probability * np.log(ratio), num_rows)


def generalized_advantages(
    reward: Array, value: Array, terminated: Array, closing: Array, gamma: Array, lam: Array
) -> Array:
    """GAE(γ, λ) advantages [T, B] of consecutive steps (Schulman et al. 2016, eq. 16).

    Reaching the goal ends the return. A time-out only ends the sum, and the value of where the walk
    had got to, in the closing row, stands for the rest (`env.Steps`).

    Args:
        reward: [T, B].
        value: [T+1, B], of the arrival before each step and of the last one.
        terminated: [T, B] the step reached the goal.
        closing: [T, B] no step was taken; the advantage there is 0.
        gamma: discount per step.
        lam: decay of later errors.
    """
    taken = 1 - closing
    delta = taken * (reward + gamma * value[1:] * (1 - terminated) - value[:-1])
    carries_on = gamma * lam * taken * (1 - terminated)

    def backward(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        delta, carries_on = now
        advantage = delta + carries_on * later
        return advantage, advantage

    return jax.lax.scan(backward, jnp.zeros_like(delta[-1]), (delta, carries_on), reverse=True)[1]


def group_advantages(
    reward: Array, divide_by_spread: bool = True, leave_one_out: bool = False
) -> Array:
    """GRPO's advantages [groups, N] of rewards of N walks that share a goal (Shao et al. 2024).

    Args:
        reward: [groups, N] of whole walks, N ≥ 2.
        divide_by_spread: divide by the group's standard deviation, as published; without it the
            gradient is that of the expected reward (Liu et al. 2025).
        leave_one_out: compare with the mean of the other walks, which is unbiased, rather than with
            the mean of all N (Kool et al. 2019).
    """
    size = reward.shape[1]
    # Rewards that are all equal are exactly 0 after this, and stay so.
    reward = reward - reward[:, :1]
    centred = reward - reward.mean(1, keepdims=True)
    advantage = centred * (size / (size - 1)) if leave_one_out else centred
    if divide_by_spread:
        advantage = advantage / (jnp.sqrt((centred**2).mean(1, keepdims=True)) + 1e-8)
    return advantage


def collapse_probability(success: Array, group: int) -> Array:
    """Chance that all or none of N walks succeed, so that outcome rewards give GRPO no gradient."""
    return success**group + (1 - success) ** group


def clipped_surrogate(log_ratio: Array, advantage: Array, clip: Array) -> Array:
    """PPO's pessimistic surrogate per sample [N], to be maximised (Schulman et al. 2017, eq. 7)."""
    ratio = jnp.exp(log_ratio)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)


class Moves(NamedTuple):
    """Moves that a policy made, of any one shape [...]."""

    port: Array
    log_probability: Array  # of the port when it was taken; 0 where the policy did not move
    decided: Array  # 1 where the policy moved, 0 where chance did or nothing


class PolicyTerms(NamedTuple):
    """Means over the policy's own moves."""

    gain: Array  # [] clipped surrogate
    entropy: Array  # [] of the distribution over ports, nats
    kl: Array  # [] estimate of KL(old ‖ new) = E[(r - 1) - log r], nats (Schulman 2020)


def policy_terms(now: Judged, moves: Moves, advantage: Array, clip: Array) -> PolicyTerms:
    """What PPO and GRPO want of a policy.

    Args:
        now: [...] what the policy says of the moves now.
        moves: [...].
        advantage: [...] of each move.
        clip: how far the probability ratio counts.
    """
    log_ratio = jnp.where(moves.decided > 0, now.log_probability - moves.log_probability, 0.0)

    def mean(x: Array) -> Array:
        # Moves that are all chance's teach nothing.
        return jnp.sum(moves.decided * x) / jnp.maximum(jnp.sum(moves.decided), 1)

    return PolicyTerms(
        gain=mean(clipped_surrogate(log_ratio, advantage, clip)),
        entropy=mean(now.entropy),
        kl=mean(jnp.expm1(log_ratio) - log_ratio),
    )
