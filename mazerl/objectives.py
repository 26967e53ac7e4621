"""Objectives: arrays in, scalars out. No policy, environment or configuration in here."""

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array


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
    reward: Array,
    value: Array,
    next_value: Array,
    terminated: Array,
    truncated: Array,
    gamma: Array,
    lam: Array,
) -> Array:
    """GAE(γ, λ) advantages [T, B] of consecutive steps (Schulman et al. 2016, eq. 16).

    Reaching the goal ends the return; a time-out only ends the sum, and the value of where the walk
    was, `next_value`, stands for the rest.
    """
    delta = reward + gamma * next_value * (1 - terminated) - value
    carries_on = gamma * lam * (1 - terminated) * (1 - truncated)

    def backward(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        delta, carries_on = now
        advantage = delta + carries_on * later
        return advantage, advantage

    end = jnp.zeros_like(value[-1])
    return jax.lax.scan(backward, end, (delta, carries_on), reverse=True)[1]


def clipped_surrogate(log_ratio: Array, advantage: Array, clip: Array) -> Array:
    """PPO's pessimistic surrogate per sample [N], to be maximised (Schulman et al. 2017, eq. 7)."""
    ratio = jnp.exp(log_ratio)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)
