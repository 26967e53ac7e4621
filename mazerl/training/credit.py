"""Credit in a tree of walks: what each step is worth, rules of public implementations.

    forest → credit [X, N, T] of each leaf's own steps, 0 elsewhere

so that a prefix that leaves share counts once. A problem's update is Σ credit ∇log π over its own
steps, divided by its leaves. An edge is what lies between two places where a tree branches; all
its steps are worth the same. In a tree of whole walks alone `leaves` and `siblings(spread=True)`
are GRPO, and `siblings` is Dr. GRPO.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array
from mazerl.walk.nodes import Forest, below, common

Credit = Callable[[Forest], Array]
_SMALL = 1e-8


def leaves(forest: Forest, once: bool = True) -> Array:
    """GRPO's advantage of the leaves below a step (Shao et al. 2024), their mean.

    Args:
        forest: X trees.
        once: otherwise their sum, as if a shared step had been walked for each of them.
    """
    worth = _standardised(forest, jnp.zeros_like(forest.parent))
    return _spread_over(forest, worth, once)


def leaves_and_trees(forest: Forest) -> Array:
    """GRPO's advantage among all leaves, and among those of a tree, added (Tree-GRPO, 2509.21240).

    A tree is a whole walk and what was resumed from it; one of a single leaf adds nothing.
    """
    among_all = _standardised(forest, jnp.zeros_like(forest.parent))
    return _spread_over(forest, among_all + _standardised(forest, _trees(forest)), once=True)


def siblings(forest: Forest, spread: bool = False) -> Array:
    """V(child) - V(parent) of an edge, V the mean of the children's (SPO-tree, 2505.23564).

    Args:
        forest: X trees.
        spread: divide by the standard deviation of the siblings' V, as SPO's "grpo".
    """
    family = _families(forest)
    away = family.child - family.parent
    return _own(forest, away / (family.spread + _SMALL) if spread else away)


def global_and_local(forest: Forest) -> Array:
    """[V(n) - V(root) + V(n) - V(parent)] / √leaves below n (TreeRL, 2506.11902, the paper's form).

    V is the mean of the leaves below; n is the end of the step's edge. TreeRL's code scales node
    and parent each by its own leaves instead.
    """
    limit, shared = forest.port.shape[-1], common(forest)
    visits = below(shared, forest.grown.astype(jnp.float32), limit)
    wins = below(shared, forest.reached.astype(jnp.float32), limit)
    value = wins / jnp.maximum(visits, 1.0)
    begin = jnp.take_along_axis(value, _edge_begins(forest), axis=2)
    node, root = value[..., 1:], value[:, :1, :1]
    return _own(forest, (2 * node - root - begin) / jnp.sqrt(jnp.maximum(visits[..., 1:], 1.0)))


def vine(forest: Forest) -> Array:
    """V(next) - V(this) between nodes at which walks were resumed (VinePPO, 2410.01679).

    V of a node is the mean outcome of walks from there other than the leaf's own: at the node at
    which it was itself resumed, of those that were resumed there too and of its parent. At a leaf's
    end V is its outcome. Where outcomes do not decide what is resumed, each is unbiased; in a tree
    of whole walks it is RLOO. VinePPO does not learn from the walks that V is estimated by; here
    all leaves are learned from.
    """
    forest = jax.tree.map(jnp.asarray, forest)
    problem = jnp.arange(forest.parent.shape[0])[:, None]
    parent, branch = jnp.maximum(forest.parent, 0), forest.branch
    reward = forest.reached.astype(jnp.float32)
    count = _resumed(forest)
    is_child = forest.grown & (forest.parent >= 0)
    won = jnp.zeros(count.shape, jnp.float32)
    won = won.at[problem, parent, branch].add(jnp.where(is_child, reward, 0.0))
    # At the node at which each leaf was resumed; of leaf 0, from its own root.
    others = won[problem, parent, branch] + jnp.where(is_child, reward[problem, parent] - reward, 0)
    first = others / jnp.maximum(count[problem, parent, branch], 1)
    step = jnp.arange(count.shape[-1])[None, None]
    here = (count > 0) & (step > branch[..., None])
    value = jnp.where(here, won / jnp.maximum(count, 1), reward[..., None])
    begin = _edge_begins(forest)
    before = jnp.take_along_axis(value, begin, axis=2)
    before = jnp.where(begin == branch[..., None], first[..., None], before)

    def back(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        known, v = now
        return jnp.where(known, v, later), later

    along = jnp.moveaxis(here, 2, 0), jnp.moveaxis(value, 2, 0)
    after = jnp.moveaxis(jax.lax.scan(back, reward, along, reverse=True)[1], 0, 2)
    return _own(forest, after - before)


RULES: dict[str, Credit] = {
    "leaves": leaves,
    "siblings": siblings,
    "leaves_and_trees": leaves_and_trees,
    "global_and_local": global_and_local,
    "vine": vine,
}
"""The rules by name."""


class _Families(NamedTuple):
    """Of the edge that each step is on [X, N, T]."""

    child: Array  # V where it ends
    parent: Array  # V where it begins
    spread: Array  # standard deviation of V over it and its siblings


def _own(forest: Forest, credit: Array) -> Array:
    return jnp.where(forest.own, credit, 0.0)


def _standardised(forest: Forest, group: Array) -> Array:
    """Outcome of each leaf minus the mean of its group, by their standard deviation [X, N]."""
    mine = (group[:, :, None] == group[:, None, :]) & forest.grown[:, None, :]
    size = jnp.maximum(mine.sum(2), 1)
    reward = forest.reached.astype(jnp.float32)
    # From differences, so that outcomes that are all alike are exactly 0.
    away = jnp.where(mine, reward[:, :, None] - reward[:, None, :], 0.0).sum(2) / size
    square = jnp.where(mine, away[:, None, :] ** 2, 0.0).sum(2) / size
    return jnp.where(forest.grown, away / (jnp.sqrt(square) + _SMALL), 0.0)


def _spread_over(forest: Forest, worth: Array, once: bool) -> Array:
    """Worth of leaves [X, N], at each step that of those below it."""
    limit, shared = forest.port.shape[-1], common(forest)
    total = below(shared, worth, limit)[..., 1:]
    visits = below(shared, forest.grown.astype(jnp.float32), limit)[..., 1:]
    return _own(forest, total / jnp.maximum(visits, 1.0) if once else total)


def _trees(forest: Forest) -> Array:
    """The whole walk that each leaf goes back to [X, N]."""
    forest = jax.tree.map(jnp.asarray, forest)

    def add(leaf: Array, tree: Array) -> Array:
        parent = jnp.maximum(forest.parent[:, leaf], 0)
        of_parent = jnp.take_along_axis(tree, parent[:, None], axis=1)[:, 0]
        return tree.at[:, leaf].set(jnp.where(forest.branch[:, leaf] == 0, leaf, of_parent))

    return jax.lax.fori_loop(0, forest.parent.shape[1], add, jnp.zeros_like(forest.parent))


def _resumed(forest: Forest) -> Array:
    """How many walks were resumed at each step of each leaf [X, N, T]."""
    problem = jnp.arange(forest.parent.shape[0])[:, None]
    leaf, is_child = jnp.maximum(forest.parent, 0), forest.grown & (forest.parent >= 0)
    count = jnp.zeros(forest.port.shape, jnp.int32)
    return count.at[problem, leaf, forest.branch].add(is_child)


def _edge_begins(forest: Forest) -> Array:
    """The step at which the edge of each step begins [X, N, T]; at `branch` at the parent's."""
    step, branch = jnp.arange(forest.port.shape[-1])[None, None], forest.branch[..., None]
    branches = (_resumed(forest) > 0) & (step > branch)
    return jax.lax.cummax(jnp.where(branches, step, branch), axis=2)


def _families(forest: Forest) -> _Families:
    forest = jax.tree.map(jnp.asarray, forest)
    problem = jnp.arange(forest.parent.shape[0])[:, None]
    parent, resumed = jnp.maximum(forest.parent, 0), _resumed(forest)
    is_child = forest.grown & (forest.parent >= 0)

    def back(after: Array, t: Array) -> tuple[Array, tuple[Array, Array]]:
        """V before step t from V after it, and its spread."""
        here = is_child & (forest.branch == t)
        size = 1 + resumed[:, :, t]

        def mean(x: Array) -> Array:
            return (x.at[problem, parent].add(jnp.where(here, x, 0.0))) / size

        value = mean(after)
        # Differences to the parent's, so that siblings that are all alike have none.
        own = (after - value) ** 2
        others = jnp.where(here, (after - value[problem, parent]) ** 2, 0.0)
        spread = jnp.sqrt(own.at[problem, parent].add(others) / size)
        return value, (value, spread)

    steps = jnp.arange(forest.port.shape[-1])
    reward = forest.reached.astype(jnp.float32)
    _, (value, spread) = jax.lax.scan(back, reward, steps, reverse=True)
    value, spread = (jnp.moveaxis(x, 0, 2) for x in (value, spread))
    after = jnp.concatenate([value[..., 1:], reward[..., None]], axis=2)
    begin = _edge_begins(forest)
    numbers = jnp.arange(parent.shape[1])[None, :, None]
    leaf = jnp.where(begin == forest.branch[..., None], parent[..., None], numbers)
    whose = jnp.arange(len(parent))[:, None, None]
    return _Families(after, value[whose, leaf, begin], spread[whose, leaf, begin])
