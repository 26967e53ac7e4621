"""Trees that are grown ahead of what is known: W nodes resumed at once, from old statistics.

    until a problem has its leaves:
        W nodes by statistics that are Δ rounds old, each as if those before it had ended as Q̄ says
        resume all of them at once
        one after the other: keep the walk if its node's score is now within `slack` of the highest,
                             else roll it back

InfoTree-style (arXiv 2605.05262), reconstructed: how it bounds staleness and rolls back is in no
public source. With W = 1 and Δ = 0 it is `trees.grow`, bit for bit.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_number, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.walk.nodes import Forest, Nodes, nodes_of, with_walk
from mazerl.walk.resuming import plant, resume_at, with_room
from mazerl.walk.rollouts import GOALS_KEY, Walks, walking_of
from mazerl.walk.selectors import value
from mazerl.walk.trees import Budget, Selector, best_of, require_room, round_key


@dataclass(frozen=True)
class Speculation:
    """How far ahead.

    Raises:
        MazerlError: no choice at once, negative staleness, or a slack that is negative or not
            finite.
    """

    width: int = 4  # W, nodes chosen at once
    stale: int = 0  # Δ, rounds by which what is known lags behind
    slack: float = 0.0  # a walk is kept if its node's score is at most so far below the highest

    def __post_init__(self) -> None:
        """Check."""
        require_whole("W, the number of choices at once,", self.width)
        require_whole("the staleness", self.stale, 0)
        require_number("the slack", self.slack, 0.0)


# What compilations of one score differ by.
_ROUNDING = 1e-5


class Speculated(NamedTuple):
    """A forest, and what it took."""

    forest: Forest
    rounds: Array  # [X] until each problem had its leaves
    resumed: Array  # [X] walks, those rolled back too
    rolled_back: Array  # [X] of them
    wasted: Array  # [X] environment steps of those
    longest: Array  # [R, X] steps of the longest walk of each round; 0 after the last one


def speculate(
    policy: Policy, params: Any, maze: World, key: Array, limit: int, budget: Budget,
    how: Speculation, select: Selector, data: Any = None, problems: int | None = None,
    goals: Array | None = None,
) -> Speculated:  # fmt: skip
    """Grow a tree for each of X problems ahead of what is known.

    Args:
        policy: what walks.
        params: its parameters.
        maze: what is walked on.
        key: the same key gives the same forest.
        limit: T.
        budget: walks; those rolled back count for nothing, and a bound on steps is not kept.
        how: W, Δ and the slack.
        select: which nodes to resume; it has to be a function of its key alone where it draws.
        data: handed to the selector.
        problems: X; as many as mazes by default.
        goals: [X] vertices instead, one for each problem.

    Raises:
        MazerlError: as `trees.grow`; a budget that resumes several walks at a node, bounds steps,
            or keeps the root from being selected.
    """
    if budget.width != 1 or budget.steps is not None or not budget.root:
        raise MazerlError(
            "speculation resumes one walk at a node, counts walks and may select the root; give a "
            "budget of width 1, without steps and with the root"
        )
    count = len(goals) if goals is not None else problems or maze.num_mazes
    require_room(count, budget, limit)
    forest = plant(policy, params, maze, key, goals, count, limit, budget.first)
    forest = with_room(forest, budget.leaves)
    leaves = jnp.full(count, budget.first, jnp.int32)
    # Leaves that were there after each of the last rounds, the latest first.
    known = [leaves] * (how.stale + 1)
    longest: list[Array] = []
    rounds, resumed, rolled_back, wasted = (jnp.zeros(count, jnp.int32) for _ in range(4))
    while bool((leaves < budget.leaves).any()):
        now = round_key(key, jnp.int32(len(longest)))
        first = jax.random.fold_in(now, GOALS_KEY)
        keys = [first, *(jax.random.fold_in(first, w) for w in range(1, how.width))]
        nodes, places = _known(budget, maze, forest, known[-1]), []
        for each in keys:
            place, nodes = _choose(select, nodes, data, each)
            places.append(place)
        walks = _walk(policy, params, maze, now, forest, places)
        before, keeps = leaves, []
        for each, walk in zip(keys, walks, strict=True):
            nodes = _known(budget, maze, forest, leaves)
            forest, leaves, kept = _commit(select, nodes, data, each, how.slack, forest, leaves,
                                           walk)  # fmt: skip
            keeps.append(kept)
        begun = before < budget.leaves
        own = jnp.stack([walk.walks.length - walk.step for walk in walks])
        lost = begun[None] & ~jnp.stack(keeps)
        longest.append(jnp.where(begun, own.max(0), 0))
        known = [leaves, *known[:-1]]
        rounds, resumed = rounds + begun, resumed + begun * how.width
        rolled_back, wasted = rolled_back + lost.sum(0), wasted + jnp.where(lost, own, 0).sum(0)
    each_round = jnp.stack(longest) if longest else jnp.zeros((0, count), jnp.int32)
    return Speculated(forest, rounds, resumed, rolled_back, wasted, each_round)


class _Walk(NamedTuple):
    """A walk of each problem [X] that may be kept."""

    leaf: Array
    step: Array
    walks: Walks
    entropy: Array  # [X, T]


@partial(jax.jit, static_argnums=0)
def _known(budget: Budget, maze: World, forest: Forest, leaves: Array) -> Nodes:
    """What is known by so many leaves [X] of each problem."""
    there = jnp.arange(budget.leaves)[None] < leaves[:, None]
    nodes = nodes_of(forest._replace(grown=forest.grown & there), maze, budget.ways)
    turn = (leaves - budget.first)[:, None, None]
    return nodes._replace(turn=turn, turns=jnp.int32(budget.rounds))


@partial(jax.jit, static_argnums=0)
def _choose(
    select: Selector, nodes: Nodes, data: Any, key: Array
) -> tuple[tuple[Array, Array], Nodes]:
    """The best node, and what is known if a walk from there ends as is foreseen."""
    leaf, step, _ = best_of(nodes, select(nodes, data, key))
    foreseen = value(nodes)[jnp.arange(len(leaf)), leaf, step]
    return (leaf, step), with_walk(nodes, leaf, step, foreseen)


@partial(jax.jit, static_argnums=0)
def _walk(
    policy: Policy, params: Any, maze: World, key: Array, forest: Forest,
    places: list[tuple[Array, Array]],
) -> list[_Walk]:  # fmt: skip
    leaf, step = (jnp.stack(x, 1) for x in zip(*places, strict=True))
    walking = walking_of(policy, params, maze, key, leaf.size)
    walked = resume_at(policy, walking, forest, leaf, step)
    walks, entropy = jax.tree.map(lambda x: x.reshape(*leaf.shape, *x.shape[1:]), walked)
    return [
        _Walk(leaf[:, w], step[:, w], Walks(*(x[:, w] for x in walks)), entropy[:, w])
        for w in range(leaf.shape[1])
    ]


@partial(jax.jit, static_argnums=0)
def _commit(
    select: Selector, nodes: Nodes, data: Any, key: Array, slack: float, forest: Forest,
    leaves: Array, walk: _Walk,
) -> tuple[Forest, Array, Array]:  # fmt: skip
    """Keep a walk of each problem whose node is still good; forest, leaves, which were kept."""
    problem, most = jnp.arange(len(leaves)), forest.grown.shape[1]
    score = select(nodes, data, key)
    least = best_of(nodes, score)[2] - slack - _ROUNDING
    keeps = (score[problem, walk.leaf, walk.step] >= least) & (leaves < most)
    place = jnp.minimum(leaves, most - 1)

    def put(old: Array, new: Array) -> Array:
        mine = keeps.reshape(-1, *[1] * (new.ndim - 1))
        return old.at[problem, place].set(jnp.where(mine, new, old[problem, place]))

    walks = walk.walks
    grown = forest._replace(
        arc=put(forest.arc, walks.arc), port=put(forest.port, walks.port),
        entropy=put(forest.entropy, walk.entropy), length=put(forest.length, walks.length),
        reached=put(forest.reached, walks.reached), branch=put(forest.branch, walk.step),
        parent=put(forest.parent, walk.leaf.astype(jnp.int32)), grown=put(forest.grown, keeps),
    )  # fmt: skip
    return grown, leaves + keeps, keeps


def wall_clock(longest: np.ndarray, stale: int, per_step: float, per_round: float) -> np.ndarray:
    """Time until each problem has its leaves [X], where each of W choices has a worker of its own.

    A round lasts as long as its longest walk. Choosing, and telling workers, takes `per_round` on
    top of it; from statistics a round old or older it is done while walks are on their way.

    Args:
        longest: [R, X] of `Speculated`.
        stale: Δ that it was grown with.
        per_step: time of a step.
        per_round: time of a choice.

    Raises:
        MazerlError: a time that is negative or not finite, or negative staleness.
    """
    require_whole("the staleness", stale, 0)
    walk = np.asarray(longest) * require_number("the time of a step", per_step, 0.0)
    choice = require_number("the time of a choice", per_round, 0.0)
    busy = np.asarray(longest) > 0
    each = np.maximum(walk, choice) if stale else walk + choice
    return np.asarray(np.where(busy, each, 0.0).sum(0))
