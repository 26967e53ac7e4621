"""What a group's outcomes say of each of its walks: the family of GRPO, a formula each.

    rewards [groups, N] → advantages [groups, N]

Whatever depends on the number K of successes among N alone makes the expected update w(p)·∇p, with
p the prompt's success probability: `measure.outcome_weights` has w, and what objective it climbs.
The centred ones are exactly 0 in a group whose rewards are all equal.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.special import comb

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array


class Outcomes(NamedTuple):
    """Outcomes of walks that share a goal, N ≥ 2 a group."""

    reward: Array  # [groups, N] of whole walks
    success: Array  # [groups, N] bool


Advantage = Callable[[Outcomes], Array]


def centred(outcomes: Outcomes) -> Array:
    """Reward minus the group's mean (Dr. GRPO; Liu et al. 2025)."""
    # Rewards that are all equal are exactly 0 after this, and stay so.
    reward = outcomes.reward - outcomes.reward[:, :1]
    return reward - reward.mean(1, keepdims=True)


def _spread(outcomes: Outcomes, unbiased: bool = False) -> Array:
    """Centred, divided by the standard deviation (÷N, or ÷(N-1)); as published by Shao et al."""
    away, size = centred(outcomes), outcomes.reward.shape[1]
    variance = (away**2).sum(1, keepdims=True) / (size - unbiased)
    return away / (jnp.sqrt(variance) + 1e-8)


def _leave_one_out(outcomes: Outcomes) -> Array:
    """Reward minus the mean of the others, which is unbiased (RLOO; Kool et al. 2019)."""
    size = outcomes.reward.shape[1]
    return centred(outcomes) * (size / (size - 1))


def _leave_one_out_spread(outcomes: Outcomes) -> Array:
    size = outcomes.reward.shape[1]
    return _spread(outcomes) * (size / (size - 1))


def _clipped(outcomes: Outcomes) -> Array:
    """Of the published kind, but nowhere beyond ±2.5 (as ReasonMaxxer's)."""
    return jnp.clip(_spread(outcomes), -2.5, 2.5)


def _positives(outcomes: Outcomes) -> Array:
    """Of the published kind, of the walks above the mean alone."""
    return jnp.maximum(_spread(outcomes), 0.0)


def _rewards(outcomes: Outcomes) -> Array:
    """The rewards as they are: rejection-sampled fine-tuning, pooled over groups."""
    return outcomes.reward


def _own_successes(outcomes: Outcomes) -> Array:
    """The mean over the group's own successes: fine-tuning prompt by prompt."""
    count = outcomes.success.sum(1, keepdims=True)
    return outcomes.success * (outcomes.success.shape[1] / jnp.maximum(count, 1))


def _by_count(right: np.ndarray, wrong: np.ndarray, outcomes: Outcomes) -> Array:
    """Advantages that the number of successes decides, by tables [N+1]."""
    count = outcomes.success.sum(1, keepdims=True)
    tables = jnp.asarray(right, jnp.float32), jnp.asarray(wrong, jnp.float32)
    return jnp.where(outcomes.success, tables[0][count], tables[1][count])


def _pass_at_k(outcomes: Outcomes, k: int) -> Array:
    """Unbiased for pass@k with the least variance (PKPO's sloo-1; Walder & Karkhanis 2025).

    N·C(N-K, k-1)/C(N, k) for the K successes, 0 for failures.
    """
    size = outcomes.success.shape[1]
    count = np.arange(size + 1)
    return _by_count(size * comb(size - count, k - 1) / comb(size, k), 0.0 * count, outcomes)


def _pass_at_k_spread(outcomes: Outcomes, k: int) -> Array:
    """Pass@k Training (Chen et al. 2025): centred and divided by the spread of groups of k."""
    size = outcomes.success.shape[1]
    count = np.arange(size + 1)
    reached = 1 - comb(size - count, k) / comb(size, k)
    spread = np.sqrt(reached * (1 - reached)) + 1e-6
    others = comb(np.maximum(size - count - 1, 0), k - 1) / comb(size - 1, k - 1)
    return _by_count((1 - reached) / spread, (1 - reached - others) / spread, outcomes)


_PLAIN: dict[str, Advantage] = {
    "spread": _spread,
    "sample_spread": partial(_spread, unbiased=True),
    "mean": centred,
    "leave_one_out": _leave_one_out,
    "leave_one_out_spread": _leave_one_out_spread,
    "clipped": _clipped,
    "positives": _positives,
    "rewards": _rewards,
    "own_successes": _own_successes,
}
_OF_K: dict[str, Callable[[Outcomes, int], Array]] = {
    "pass_at_k": _pass_at_k,
    "pass_at_k_spread": _pass_at_k_spread,
}
ADVANTAGES = (*_PLAIN, *_OF_K)
"""Names of the family's members."""


def advantage_of(name: str, size: int, k: int = 4) -> Advantage:
    """A member of the family by its name, for groups of `size` walks.

    Args:
        name: of `ADVANTAGES`.
        size: N, at least 2.
        k: tries of pass@k, at most N; other members do without.

    Raises:
        MazerlError: the name is unknown, or a number out of range.
    """
    if require_whole("the group size", size) < 2:
        raise MazerlError("a group of 1 walk has nothing to compare it with; give at least 2")
    if name in _PLAIN:
        return _PLAIN[name]
    if name not in _OF_K:
        raise MazerlError(f"unknown advantage {name!r}; known: {', '.join(ADVANTAGES)}")
    if require_whole("pass_k", k) > size:
        raise MazerlError(f"pass_k is {k}, but a group has {size} walks; give at most {size}")
    of_k = _OF_K[name]
    return lambda outcomes: of_k(outcomes, k)
