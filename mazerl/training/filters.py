"""Which groups of walks are learned from, of those that were drawn.

    "all"     every one
    "mixed"   those in which some walks succeed and some do not, in the order of drawing: dynamic
              sampling (DAPO; Yu et al. 2025), here with a bound on how many are drawn
    "spread"  those with the largest spread of rewards (RAGEN; Wang et al. 2025)

Groups that are not mixed have nothing to compare, so leaving them out and filling up from other
prompts rescales GRPO's update and does not turn it (claim O1.3).
"""

from typing import Literal, get_args

import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array
from mazerl.training.advantages import Outcomes

Keep = Literal["all", "mixed", "spread"]


def check_filter(keep: str, draws: int) -> None:
    """Raise a `MazerlError` for an unknown filter, or draws that nothing would choose among."""
    if keep not in get_args(Keep):
        raise MazerlError(f"unknown filter {keep!r}; known: {', '.join(get_args(Keep))}")
    if require_whole("draws", draws) > 1 and keep == "all":
        raise MazerlError(
            f"draws is {draws}, but every group is kept; let keep be 'mixed' or 'spread'"
        )
    if draws == 1 and keep == "spread":
        raise MazerlError("of as many groups as are kept there is no choice; let draws be above 1")


def choose_groups(outcomes: Outcomes, keep: Keep, count: int) -> tuple[Array, Array]:
    """Which `count` groups to learn from [count], and whether each passes the filter [count].

    Where too few pass, others stand in their places that are to count for nothing.
    """
    if keep == "spread":
        passes = outcomes.reward.max(1) > outcomes.reward.min(1)
        order = jnp.argsort(-_spread(outcomes.reward), stable=True)
    else:
        passes = _mixed(outcomes)
        order = jnp.argsort(~passes, stable=True)
    return order[:count], passes[order[:count]]


def _mixed(outcomes: Outcomes) -> Array:
    """Groups in which some walks succeed and some do not [groups]."""
    successes = outcomes.success.sum(1)
    return (successes > 0) & (successes < outcomes.success.shape[1])


def _spread(reward: Array) -> Array:
    """N² times the variance [groups], of rewards [groups, N].

    Of rewards 0 and 1 it is exactly K(N-K), so that K successes rank as N-K do, whoever has them.
    """
    away = reward - reward[:, :1]
    return reward.shape[1] * (away**2).sum(1) - away.sum(1) ** 2


def were_drawn(outcomes: Outcomes, keep: Keep, count: int) -> Array:
    """Which groups had to be drawn [groups]: mixed ones are looked for until `count` are found."""
    if keep != "mixed":
        return jnp.ones(len(outcomes.success), bool)
    mixed = _mixed(outcomes)
    return jnp.cumsum(mixed) - mixed < count
