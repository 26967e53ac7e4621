"""Trees of walks: some whole walks of each problem, then walks resumed where a selector says.

    forest ← `first` whole walks of each problem
    until each has `leaves` walks, or has spent its steps:
        score every node of every tree from what is known below it (`walk.selectors`)
        resume each problem's best node `width` times

A maze can be resumed anywhere, so that an expansion is exact. All problems grow together, and a
round has one shape, hence one compilation, whatever is selected. A tree that does not branch is the
flat group of `rollout`, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.walk.candidates import Resumed, begin, most_met, with_leaves
from mazerl.walk.nodes import Forest, Nodes
from mazerl.walk.resuming import plant, resume_at, with_room
from mazerl.walk.rollouts import GOALS_KEY, MOST_RECORDED, walking_of

Selector = Callable[[Nodes, Any, Array], Array]
"""(what is known of each node, the selector's own data, key) → scores [X, N, K], highest first."""


@dataclass(frozen=True)
class Budget:
    """What a problem may spend, and how.

    Raises:
        MazerlError: a number is out of range, fewer leaves than first walks, or rounds of `width`
            that do not add up to the leaves.
    """

    leaves: int  # N, walks in all
    first: int  # of them whole ones, before anything is selected
    width: int = 1  # walks resumed at a node that is selected
    steps: int | None = None  # a problem that has taken so many takes no further walk
    ways: int = 3  # ports from which on a vertex is a junction, where walks may be resumed
    root: bool = True  # whether a whole walk may be selected too

    def __post_init__(self) -> None:
        """Check."""
        for name, value in (("leaves", self.leaves), ("first", self.first), ("width", self.width)):
            require_whole(name, value)
        require_whole("ways", self.ways, 1)
        if self.steps is not None:
            require_whole("steps", self.steps)
        if self.leaves < self.first:
            raise MazerlError(
                f"a budget of {self.leaves} walks is smaller than the {self.first} first ones; "
                "give more leaves, or fewer first walks"
            )
        if (self.leaves - self.first) % self.width:
            raise MazerlError(
                f"{self.leaves - self.first} walks after the first are no rounds of {self.width}; "
                "give a width that divides them"
            )

    @property
    def rounds(self) -> int:
        """How often a node is selected."""
        return (self.leaves - self.first) // self.width


def grow(
    policy: Policy,
    params: Any,
    maze: World,
    key: Array,
    limit: int,
    budget: Budget,
    select: Selector,
    data: Any = None,
    problems: int | None = None,
    goals: Array | None = None,
) -> Forest:
    """Grow a tree for each of X problems, all together.

    Args:
        policy: what walks; one that remembers more than its arrival has its memory rebuilt.
        params: its parameters.
        maze: what is walked on; problem x is in maze x mod M of several side by side.
        key: the same key gives the same forest; the first walks are those of `rollout`.
        limit: T.
        budget: walks, and steps.
        select: which node to resume; one of `walk.selectors`, or a function at the top of a module.
        data: handed to the selector: weights, or tables.
        problems: X, each with a goal of its maze drawn by the key; as many as mazes by default.
        goals: [X] vertices instead, one for each problem.

    Raises:
        MazerlError: the limit is none, the forest would not fit into memory, or a problem has no
            node that could be resumed.
    """
    count = len(goals) if goals is not None else problems or maze.num_mazes
    require_room(count, budget, limit)
    planted = plant(policy, params, maze, key, goals, count, limit, budget.first)
    if not budget.rounds:
        return planted
    # Later walks seldom meet more junctions than the first; where one does, all begin anew.
    met = int(most_met(planted, maze, budget.ways))
    for places in (min(_room_for(met), limit), limit):
        forest, stuck, fits = _rounds(
            policy, select, budget, places, params, maze, key, planted, data
        )
        if fits:
            break
    if not budget.root and np.asarray(stuck).any():
        raise MazerlError(
            f"problem {int(np.argmax(stuck))} has no node to resume: its walks meet no vertex "
            f"of {budget.ways} ports or more after their first step; let whole walks be "
            "selected too (root), take fewer ways, or a longer limit"
        )
    return forest


def _room_for(met: int) -> int:
    """A power of two above it, so that few numbers are compiled for, and an eighth to spare."""
    return 1 << (met + met // 8 + 1).bit_length()


def grow_inside(
    policy: Policy, params: Any, maze: World, key: Array, limit: int, budget: Budget,
    select: Selector, data: Any, problems: int,
) -> Forest:  # fmt: skip
    """`grow` inside jit, to the same bits; a problem without a node to resume walks no further."""
    require_room(problems, budget, limit)
    forest = plant(policy, params, maze, key, None, problems, limit, budget.first)
    return _rounds(policy, select, budget, limit, params, maze, key, forest, data)[0]


def require_room(count: int, budget: Budget, limit: int) -> None:
    """Raise a `MazerlError` if there is no limit, or the forest would not fit into memory."""
    require_limit("the time limit", limit)
    require_whole("the number of problems", count)
    if count * budget.leaves * limit > MOST_RECORDED:
        raise MazerlError(
            f"{count} trees of {budget.leaves} walks of up to {limit} steps are too many to "
            f"record; at most {MOST_RECORDED} steps in all fit: give fewer, or shorten the limit"
        )


def round_key(key: Array, number: Array) -> Array:
    """The key of a round, of a tree's."""
    return jax.random.fold_in(key, jnp.uint32(GOALS_KEY - 1) - number.astype(jnp.uint32))


def best_of(nodes: Nodes, score: Array) -> tuple[Array, Array, Array]:
    """Leaf [X] and place [X] of the candidate of the highest score, and that score [X]."""
    count, _, places = nodes.visits.shape
    score = jnp.where(nodes.candidate, score, -jnp.inf).reshape(count, -1)
    best = jnp.argmax(score, axis=1)
    return best // places, best % places, score.max(1)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _rounds(
    policy: Policy, select: Selector, budget: Budget, places: int, params: Any, maze: World,
    key: Array, forest: Forest, data: Any,
) -> tuple[Forest, Array, Array]:  # fmt: skip
    """All rounds; beside them which problems had no candidate [X], and whether all places fit."""
    count, width = len(forest.goal), budget.width
    forest = with_room(forest, budget.leaves)
    nodes, fits = begin(forest, maze, budget.first, budget.ways, budget.root, places)
    nodes = nodes._replace(turns=jnp.int32(budget.rounds))
    stuck = ~nodes.candidate.any((1, 2))

    def one(number: Array, grown: tuple[Forest, Nodes, Array]) -> tuple[Forest, Nodes, Array]:
        forest, nodes, fits = grown
        mine = round_key(key, number)
        nodes = nodes._replace(turn=number)
        score = select(nodes, data, jax.random.fold_in(mine, GOALS_KEY))
        leaf, place, highest = best_of(nodes, score)
        step, grows = nodes.step_at(leaf, place), highest > -jnp.inf
        if budget.steps is not None:
            grows &= forest.spent < budget.steps
        walking = walking_of(policy, params, maze, mine, count * width)
        at = (jnp.repeat(x[:, None], width, axis=1) for x in (leaf, step))
        walks, entropy = resume_at(policy, walking, forest, *at)
        first = budget.first + number * width

        def put(old: Array, new: Array) -> Array:
            new = new.reshape(count, width, *new.shape[1:])
            mine = grows.reshape(-1, *[1] * (new.ndim - 1))
            now = jax.lax.dynamic_slice_in_dim(old, first, width, 1)
            return jax.lax.dynamic_update_slice_in_dim(old, jnp.where(mine, new, now), first, 1)

        leaves, steps = (jnp.repeat(x, width).astype(jnp.int32) for x in (leaf, step))
        forest = forest._replace(
            arc=put(forest.arc, walks.arc), port=put(forest.port, walks.port),
            entropy=put(forest.entropy, entropy), length=put(forest.length, walks.length),
            reached=put(forest.reached, walks.reached), parent=put(forest.parent, leaves),
            branch=put(forest.branch, steps),
            grown=put(forest.grown, jnp.ones(count * width, bool)),
        )  # fmt: skip
        new = Resumed(first, leaf, place, grows)
        nodes, fit = with_leaves(nodes, forest, maze, budget.ways, width, new)
        return forest, nodes, fits & fit

    forest, _, fits = jax.lax.fori_loop(0, budget.rounds, one, (forest, nodes, fits))
    return forest, stuck, fits
