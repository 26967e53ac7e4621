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
from mazerl.walk.env import State
from mazerl.walk.nodes import Forest, Nodes, nodes_of
from mazerl.walk.rollouts import GOALS_KEY, MOST_RECORDED, Walking, Walks, walking_of

Selector = Callable[[Nodes, Any, Array], Array]
"""(what is known of each node, the selector's own data, key) → scores [X, N, T], highest first."""

# State, memories, arcs, ports and entropies, the last three with time in front.
_Carry = tuple[State, Any, Array, Array, Array]


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
    shape = budget.first, budget.leaves
    forest = plant(policy, params, maze, key, goals, count, limit, shape)
    for number in range(budget.rounds):
        forest, stuck = _round(
            policy, select, budget, params, maze, key, forest, data, jnp.int32(number)
        )
        if not budget.root and np.asarray(stuck).any():
            raise MazerlError(
                f"problem {int(np.argmax(stuck))} has no node to resume: its walks meet no vertex "
                f"of {budget.ways} ports or more after their first step; let whole walks be "
                "selected too (root), take fewer ways, or a longer limit"
            )
    return forest


def grow_inside(
    policy: Policy, params: Any, maze: World, key: Array, limit: int, budget: Budget,
    select: Selector, data: Any, problems: int,
) -> Forest:  # fmt: skip
    """`grow` inside jit, to the same bits; a problem without a node to resume walks no further."""
    require_room(problems, budget, limit)
    shape = budget.first, budget.leaves
    forest = plant(policy, params, maze, key, None, problems, limit, shape)

    def one(number: Array, forest: Forest) -> Forest:
        return _round(policy, select, budget, params, maze, key, forest, data, number)[0]

    return jax.lax.fori_loop(0, budget.rounds, one, forest)


def require_room(count: int, budget: Budget, limit: int) -> None:
    """Raise a `MazerlError` if there is no limit, or the forest would not fit into memory."""
    require_limit("the time limit", limit)
    require_whole("the number of problems", count)
    if count * budget.leaves * limit > MOST_RECORDED:
        raise MazerlError(
            f"{count} trees of {budget.leaves} walks of up to {limit} steps are too many to "
            f"record; at most {MOST_RECORDED} steps in all fit: give fewer, or shorten the limit"
        )


@partial(jax.jit, static_argnums=(0, 6))
def resume(
    policy: Policy, params: Any, maze: World, walks: Walks, step: Array, key: Array, limit: int
) -> Walks:
    """Walks [B] as they were before `step` [B], and from there on as the key says.

    Step t of walk b takes the bits that it has in a `rollout` of B walks with this key, whatever
    the walks were resumed at: with the key that they were made with, they are unchanged.
    """
    walking = walking_of(policy, params, maze, key, len(walks.goal))
    return _resume(policy, walking, walks, step, limit)[0]


def resume_at(
    policy: Policy, walking: Walking, forest: Forest, leaf: Array, step: Array
) -> tuple[Walks, Array]:
    """Walks [X·W] resumed at W nodes (leaf [X, W], step [X, W]) of each problem, inside jit.

    Beside them the entropy [X·W, T] before each step, that of shared steps from the forest.
    """
    width, limit = leaf.shape[1], forest.port.shape[-1]
    problem, steps = jnp.arange(len(leaf))[:, None], step.reshape(-1)

    def of_leaf(x: Array) -> Array:
        return x[problem, leaf].reshape(-1, *x.shape[2:])

    begun = Walks(
        of_leaf(forest.arc), of_leaf(forest.port), jnp.repeat(forest.goal, width),
        *(of_leaf(x) for x in (forest.length, forest.reached, forest.reached)),
    )  # fmt: skip
    walks, entropy = _resume(policy, walking, begun, steps, limit)
    before = jnp.arange(limit)[None] < steps[:, None]
    return walks, jnp.where(before, of_leaf(forest.entropy), entropy)


def round_key(key: Array, number: Array) -> Array:
    """The key of a round, of a tree's."""
    return jax.random.fold_in(key, jnp.uint32(GOALS_KEY - 1) - number.astype(jnp.uint32))


def best_of(nodes: Nodes, score: Array) -> tuple[Array, Array, Array]:
    """Leaf [X] and step [X] of the candidate of the highest score, and that score [X]."""
    count, _, limit = nodes.visits.shape
    score = jnp.where(nodes.candidate, score, -jnp.inf).reshape(count, -1)
    best = jnp.argmax(score, axis=1)
    return best // limit, (best % limit).astype(jnp.int32), score.max(1)


def _resume(
    policy: Policy, walking: Walking, walks: Walks, step: Array, limit: int
) -> tuple[Walks, Array]:
    """Beside the walks the entropy [B, T] of the policy before each step that was walked here."""
    # What a policy remembers is rebuilt by showing it again what it saw.
    begin = jnp.min(step).astype(jnp.int32) if policy.markov else jnp.int32(0)
    given, taken = walks.arc.T, walks.port.T
    over = walks.reached & (walks.length <= begin)
    start = State(given[begin], walks.goal, jnp.minimum(begin, walks.length), over)

    def one(t: Array, carry: _Carry) -> _Carry:
        state, memory, arcs, ports, entropies = carry
        logits, _ = jax.vmap(walking.walker.logits)(memory, state.arc)
        after, memory, port = walking.step(t, state, memory)
        replayed = t < step
        arc = jnp.where(replayed, given[t + 1], after.arc)
        was_reached = walks.reached & (walks.length <= t + 1)
        reached = jnp.where(replayed, was_reached, after.reached)
        after = State(arc, state.goal, after.time, reached)
        port = jnp.where(replayed, taken[t], port)
        entropy = jnp.where(replayed, 0.0, _entropy(walking, state.arc, logits))
        return (
            after, memory, arcs.at[t + 1].set(arc), ports.at[t].set(port),
            entropies.at[t].set(entropy),
        )  # fmt: skip

    blank = jnp.zeros(taken.shape, jnp.float32)
    carry = (start, walking.memories(), given, taken, blank)
    state, _, arcs, ports, entropies = jax.lax.fori_loop(begin, limit, one, carry)
    resumed = Walks(arcs.T, ports.T, state.goal, state.time, state.reached, ~state.reached)
    return resumed, entropies.T


def _entropy(walking: Walking, arc: Array, logits: Array) -> Array:
    """Of the policy's move after each arrival [B], in nats; 0 where chance moves."""
    legal = jnp.arange(logits.shape[-1])[None] < walking.choices.degree[arc][:, None]
    log_p = jax.nn.log_softmax(jnp.where(legal, logits, -jnp.inf), axis=-1)
    p = jnp.exp(log_p)
    terms = jnp.where(p > 0, p * jnp.where(p > 0, log_p, 0.0), 0.0)
    return jnp.where(walking.choices.chance[arc], 0.0, -terms.sum(-1))


@partial(jax.jit, static_argnums=(0, 5, 6, 7))
def plant(
    policy: Policy, params: Any, maze: World, key: Array, goals: Array | None, count: int,
    limit: int, shape: tuple[int, int],
) -> Forest:  # fmt: skip
    """Each problem's first walks, and room for the others: `shape` is how many, and leaves."""
    first, leaves = shape
    size = count * first
    walking = walking_of(policy, params, maze, key, size)
    state, _ = walking.begin(first)
    goal = state.goal if goals is None else jnp.repeat(jnp.asarray(goals, jnp.int32), first)
    blank = jnp.zeros((size, limit), jnp.int32)
    unwalked = Walks(
        jnp.broadcast_to(state.arc[:, None], (size, limit + 1)), blank, goal, state.time + limit,
        state.reached, ~state.reached,
    )  # fmt: skip
    walks, entropy = _resume(policy, walking, unwalked, jnp.zeros(size, jnp.int32), limit)

    def room(x: Array) -> Array:
        x = x.reshape(count, first, *x.shape[1:])
        return jnp.pad(x, [(0, 0), (0, leaves - first)] + [(0, 0)] * (x.ndim - 2))

    parent = -(jnp.arange(leaves) == 0).astype(jnp.int32)
    return Forest(
        arc=room(walks.arc), port=room(walks.port), entropy=room(entropy),
        length=room(walks.length), reached=room(walks.reached),
        parent=jnp.broadcast_to(parent, (count, leaves)),
        branch=jnp.zeros((count, leaves), jnp.int32),
        grown=jnp.broadcast_to(jnp.arange(leaves) < first, (count, leaves)),
        goal=goal[::first],
    )  # fmt: skip


@partial(jax.jit, static_argnums=(0, 1, 2))
def _round(
    policy: Policy, select: Selector, budget: Budget, params: Any, maze: World, key: Array,
    forest: Forest, data: Any, number: Array,
) -> tuple[Forest, Array]:  # fmt: skip
    """One more round; beside it which problems had no candidate [X]."""
    count = len(forest.goal)
    key = round_key(key, number)
    nodes = nodes_of(forest, maze, budget.ways, budget.root)
    nodes = nodes._replace(turn=number, turns=jnp.int32(budget.rounds))
    leaf, step, _ = best_of(nodes, select(nodes, data, jax.random.fold_in(key, GOALS_KEY)))
    stuck = ~nodes.candidate.any((1, 2))
    grows = ~stuck
    if budget.steps is not None:
        grows &= forest.spent < budget.steps
    size = count * budget.width
    walking = walking_of(policy, params, maze, key, size)
    at = (jnp.repeat(x[:, None], budget.width, axis=1) for x in (leaf, step))
    walks, entropy = resume_at(policy, walking, forest, *at)
    place = budget.first + number * budget.width

    def put(old: Array, new: Array) -> Array:
        new = new.reshape(count, budget.width, *new.shape[1:])
        mine = grows.reshape(-1, *[1] * (new.ndim - 1))
        now = jax.lax.dynamic_slice_in_dim(old, place, budget.width, 1)
        return jax.lax.dynamic_update_slice_in_dim(old, jnp.where(mine, new, now), place, 1)

    leaves, steps = (jnp.repeat(x, budget.width).astype(jnp.int32) for x in (leaf, step))
    grown = forest._replace(
        arc=put(forest.arc, walks.arc), port=put(forest.port, walks.port),
        entropy=put(forest.entropy, entropy), length=put(forest.length, walks.length),
        reached=put(forest.reached, walks.reached), parent=put(forest.parent, leaves),
        branch=put(forest.branch, steps), grown=put(forest.grown, jnp.ones(size, bool)),
    )  # fmt: skip
    return grown, stuck
