"""Rescue: one more walk, at a higher temperature, for groups that say nothing.

    chance that one more walk differs from the group's ← a posterior, or a learned guess
    groups without spread, the likeliest first, while all of their walks together can take no more
    than a share of the steps that were spent
    one walk of each from the beginning, at the temperature; how likely it was is kept

What InfoTree calls adaptive budget allocation (arXiv 2605.05262), reconstructed.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit, require_number
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.scoring import judge
from mazerl.policy.tempering import tempered
from mazerl.walk.nodes import Forest
from mazerl.walk.resuming import resume_at
from mazerl.walk.rollouts import walking_of


def without_spread(forest: Forest) -> Array:
    """Whether all leaves of a problem end alike: bool [X]."""
    wins = (forest.reached & forest.grown).sum(1)
    return (wins == 0) | (wins == forest.grown.sum(1))


def flips_by_posterior(
    successes: np.ndarray, walks: np.ndarray, solved: np.ndarray, prior: tuple[float, float]
) -> np.ndarray:
    """Chance that one more walk ends unlike a group that ends alike [X], by a Beta posterior.

    Args:
        successes: [X] of all walks that are known of a problem, the group's own and earlier ones.
        walks: [X] of them.
        solved: [X] whether the group's walks all succeed, rather than fail.
        prior: (a, b) of the Beta distribution of p.

    Raises:
        MazerlError: a or b is not above 0.
    """
    a, b = (require_number(f"the prior's {n}", x, 0.0, above=True) for n, x in zip("ab", prior,
            strict=True))  # fmt: skip
    success = (successes + a) / (walks + a + b)
    return np.asarray(np.where(solved, 1 - success, success))


def afforded(
    chance: np.ndarray, silent: np.ndarray, spent: np.ndarray, limit: int, share: float = 0.05
) -> np.ndarray:
    """Which groups without spread get another walk [X]: the likeliest to be flipped by it first.

    Args:
        chance: [X] of being flipped.
        silent: [X] bool.
        spent: [X] environment steps until now.
        limit: T, what a walk can take at most.
        share: of all steps spent, that may be added.

    Raises:
        MazerlError: the share is negative or not finite, or the limit is none.
    """
    most = require_number("the share of further steps", share, 0.0) * float(np.sum(spent))
    fits = int(most // require_limit("the time limit", limit))
    order = np.argsort(np.where(silent, -chance, np.inf), kind="stable")[:fits]
    fires = np.zeros(len(chance), bool)
    fires[order] = True
    return fires & np.asarray(silent)


def likeliest(chance: Array, silent: Array, fits: Array) -> Array:
    """Inside jit: of groups without spread [X] the `fits` that are likeliest to be flipped."""
    order = jnp.argsort(jnp.where(silent, -chance, jnp.inf), stable=True)
    rank = jnp.zeros(len(chance), jnp.int32).at[order].set(jnp.arange(len(chance)))
    return silent & (rank < fits)


class Rescued(NamedTuple):
    """A forest with room for one more leaf of each problem, grown where one was asked for."""

    forest: Forest  # N + 1 leaves
    log_probability: Array  # [X, T] of the last leaf's moves where they were drawn; 0 elsewhere


def rescue(
    policy: Policy, params: Any, maze: World, key: Array, forest: Forest, fires: Array,
    temperature: float = 1.5,
) -> Rescued:  # fmt: skip
    """One more walk from the beginning for the problems that are asked for.

    Args:
        policy: what walks, at the temperature.
        params: its parameters.
        maze: what is walked on.
        key: for the walks; one that the forest was not grown with.
        forest: X trees.
        fires: [X] bool.
        temperature: by which logits are divided.

    Raises:
        MazerlError: `fires` is not one for each tree, the temperature is not finite or not above 0,
            or the policy has no whole-sequence form.
    """
    if np.shape(fires) != np.shape(forest.goal):
        raise MazerlError(
            f"rescue is asked for {np.size(fires)} problems, and the forest has "
            f"{len(forest.goal)}; give one bool for each"
        )
    require_trainable(policy)
    hot = tempered(policy, float(temperature))
    return _RESCUE(hot, params, maze, key, forest, fires)


def rescue_inside(
    hot: Policy, params: Any, maze: World, key: Array, forest: Forest, fires: Array
) -> Rescued:
    """`rescue` inside jit, by a policy that is tempered already."""
    forest, fires = jax.tree.map(jnp.asarray, (forest, fires))
    root = jnp.zeros((len(fires), 1), jnp.int32)
    walks, entropy = resume_at(hot, walking_of(hot, params, maze, key, len(fires)), forest, root,
                               root)  # fmt: skip

    def join(old: Array, new: Array) -> Array:
        return jnp.concatenate([old, new.astype(old.dtype)[:, None]], axis=1)

    zeros = root[:, 0]
    grown = Forest(
        arc=join(forest.arc, walks.arc), port=join(forest.port, walks.port),
        entropy=join(forest.entropy, entropy), length=join(forest.length, walks.length),
        reached=join(forest.reached, walks.reached), parent=join(forest.parent, zeros),
        branch=join(forest.branch, zeros), grown=join(forest.grown, fires), goal=forest.goal,
    )  # fmt: skip
    judged = judge(hot, maze, params, walks.arc[:, :-1], walks.port)
    return Rescued(grown, jnp.where(grown.own[:, -1], judged.log_probability, 0.0))


_RESCUE = jax.jit(rescue_inside, static_argnums=0)
