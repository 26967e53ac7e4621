"""Objectives: arrays in, scalars out. No policy, environment or configuration in here."""

from typing import Literal, NamedTuple

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


def collapse_probability(success: Array, group: int) -> Array:
    """Chance that all or none of N walks succeed, so that outcome rewards give GRPO no gradient."""
    # Compiled into one, a mean and its power become a power of the sum, which overflows.
    success = jax.lax.optimization_barrier(success)
    return success**group + (1 - success) ** group


def clipped_surrogate(
    log_ratio: Array, advantage: Array, clip: Array, clip_high: Array | None = None
) -> Array:
    """PPO's pessimistic surrogate per sample [N], to be maximised (Schulman et al. 2017, eq. 7).

    Ratios count from 1 - clip to 1 + clip_high, which is `clip` unless it is given (DAPO's
    clip-higher; Yu et al. 2025).
    """
    ratio, most = jnp.exp(log_ratio), 1 + (clip if clip_high is None else clip_high)
    return jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, most) * advantage)


Normalize = Literal["tokens", "sequence", "constant"]
"""What a walk's moves are divided by: the moves of all walks, the walk's own, or the time limit."""


def move_weights(decided: Array, normalize: Normalize) -> Array:
    """What each move of W walks [W, T] counts for, 0 where the policy did not move.

    "tokens": every move alike, 1 in all (DAPO). "sequence": every walk alike, its moves share 1/W,
    so that moves of long walks count less (GRPO as published). "constant": 1/(W·T) a move, whatever
    the walks' lengths are, so that sums over walks are compared (Dr. GRPO).
    """
    walks, limit = decided.shape
    if normalize == "tokens":
        # Moves that are all chance's teach nothing.
        return decided / jnp.maximum(jnp.sum(decided), 1)
    if normalize == "sequence":
        return decided / (walks * jnp.maximum(jnp.sum(decided, 1, keepdims=True), 1))
    return decided / (walks * limit)


class Moves(NamedTuple):
    """Moves that a policy made, of any one shape [...]."""

    port: Array
    log_probability: Array  # of the port when it was taken; 0 where the policy did not move
    decided: Array  # 1 where the policy moved, 0 where chance did or nothing


class PolicyTerms(NamedTuple):
    """Means over the policy's own moves."""

    gain: Array  # [] clipped surrogate, or its sum where moves have weights
    entropy: Array  # [] of the distribution over ports, nats
    kl: Array  # [] estimate of KL(old ‖ new) = E[(r - 1) - log r], nats (Schulman 2020)


def policy_terms(
    now: Judged,
    moves: Moves,
    advantage: Array,
    clip: Array,
    clip_high: Array | None = None,
    weight: Array | None = None,
) -> PolicyTerms:
    """What PPO and GRPO want of a policy.

    Args:
        now: [...] what the policy says of the moves now.
        moves: [...].
        advantage: [...] of each move.
        clip: how far the probability ratio counts.
        clip_high: how far above 1, if otherwise.
        weight: [...] what each move counts for in the gain; alike, 1 in all, by default.
    """
    log_ratio = jnp.where(moves.decided > 0, now.log_probability - moves.log_probability, 0.0)

    def mean(x: Array) -> Array:
        # Moves that are all chance's teach nothing.
        return jnp.sum(moves.decided * x) / jnp.maximum(jnp.sum(moves.decided), 1)

    surrogate = clipped_surrogate(log_ratio, advantage, clip, clip_high)
    return PolicyTerms(
        gain=mean(surrogate) if weight is None else jnp.sum(weight * surrogate),
        entropy=mean(now.entropy),
        kl=mean(jnp.expm1(log_ratio) - log_ratio),
    )
