"""Rescue inside training: one tempered walk for groups that all end alike, and what it costs.

    known of each goal = successes and whole walks of it, older updates counting for less
    chance that one more walk flips a silent group ← Beta posterior by what is known | a network
    the likeliest are given one, while all of them together can take no more than a share of the
    steps that the forest took (`walk.rescue`)

InfoTree's adaptive budget allocation (arXiv 2605.05262), reconstructed. What a tempered walk says
is weighed move by move by the ratio to the behaviour that drew it. That is unbiased for a walk with
one decision; with several it is not, since how likely the moves before were is left out, and
clipping is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.errors import require_number
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.policy.tempering import tempered
from mazerl.walk.learned import Net, logit
from mazerl.walk.nodes import Forest
from mazerl.walk.rescue import Rescued, likeliest, rescue_inside, without_spread

TERMS = ("solved", "posterior", "length", "mean_entropy", "most_entropy")
"""What a network is told of a group: its success share, what is known of its goal, its walks' mean
length over the limit, and the mean and most of the policy's entropy on its steps."""

NEVER, POSTERIOR = "never", "posterior"
RULES = (NEVER, POSTERIOR)
"""Who decides, by name, beside a network."""

_KEPT = 0.9  # of what an update has taught of a goal, until the next one
_KEY = 0x7E5C0E  # fold-in of the update's key


class Known(NamedTuple):
    """Of each goal, by its vertex."""

    successes: Array  # [V]
    walks: Array  # [V]


@dataclass(frozen=True)
class Rescue:
    """Who decides, and how. Without a network it is a Beta posterior.

    Raises:
        MazerlError: a temperature, share or prior that is not finite or too small.
    """

    temperature: float = 1.5  # by which logits are divided
    share: float = 0.05  # of an update's steps, that may be added
    prior: tuple[float, float] = (0.5, 0.5)  # Beta distribution of p
    net: Any = None  # () → network on `TERMS`

    def __post_init__(self) -> None:
        """Check."""
        require_number("the temperature", self.temperature, 0.0, above=True)
        require_number("the share of further steps", self.share, 0.0)
        for number in self.prior:
            require_number("the prior of rescue", number, 0.0, above=True)


def nothing_known(world: World) -> Known:
    """Before the first update."""
    return Known(jnp.zeros(world.num_vertices), jnp.zeros(world.num_vertices))


def learned_of(known: Known, forest: Forest, whole: int) -> Known:
    """What is known after an update, by its whole walks, each tree's first ones."""
    wins = forest.reached[:, :whole].sum(1).astype(jnp.float32)
    return Known(
        (_KEPT * known.successes).at[forest.goal].add(wins),
        (_KEPT * known.walks).at[forest.goal].add(float(whole)),
    )


def features_of(forest: Forest, known: Known, prior: Sequence[float]) -> Array:
    """`TERMS` of each group [X, F]."""
    a, b = prior
    own = forest.own
    spent = jnp.maximum(own.sum((1, 2)), 1)
    grown, limit = jnp.maximum(forest.grown.sum(1), 1), forest.port.shape[-1]
    entropy = jnp.where(own, forest.entropy, 0.0)
    goal = forest.goal
    return jnp.stack([
        (forest.reached & forest.grown).sum(1) / grown,
        (known.successes[goal] + a) / (known.walks[goal] + a + b),
        (forest.length * forest.grown).sum(1) / grown / limit,
        entropy.sum((1, 2)) / spent, entropy.max((1, 2)),
    ], 1)  # fmt: skip


def rescued(
    how: Rescue, policy: Policy, params: Any, maze: World, key: Array, forest: Forest, known: Known
) -> Rescued:
    """The forest with one more leaf of each problem, grown where it was worth it; inside jit.

    `known` is of the forest's walks too.
    """
    features = features_of(forest, known, how.prior)
    if how.net is None:
        solved = features[:, 0] > 0
        chance = jnp.where(solved, 1 - features[:, 1], features[:, 1])
    else:
        net: Net = how.net()
        chance = jax.nn.sigmoid(logit(net, features))
    limit = forest.port.shape[-1]
    fits = jnp.floor(how.share * forest.spent.sum() / limit)
    fires = likeliest(chance, without_spread(forest), fits)
    hot = tempered(policy, how.temperature)
    return rescue_inside(hot, params, maze, jax.random.fold_in(key, _KEY), forest, fires)
