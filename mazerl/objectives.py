"""Objectives: arrays in, scalars out. No policy, environment or configuration in here."""

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
