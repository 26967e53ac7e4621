"""Walks as they were before a step, and from there on otherwise: a maze can be resumed anywhere."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.walk.env import State
from mazerl.walk.nodes import Forest
from mazerl.walk.rollouts import Walking, Walks, walking_of

# State, memories, arcs, ports and, of a policy that remembers, entropies; time is in front.
_Carry = tuple[State, Any, Array, Array, Any]


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


@partial(jax.jit, static_argnums=(0, 5, 6, 7))
def plant(
    policy: Policy, params: Any, maze: World, key: Array, goals: Array | None, count: int,
    limit: int, whole: int,
) -> Forest:  # fmt: skip
    """Forests of `whole` walks of each of X = `count` problems."""
    size = count * whole
    walking = walking_of(policy, params, maze, key, size)
    state, _ = walking.begin(whole)
    goal = state.goal if goals is None else jnp.repeat(jnp.asarray(goals, jnp.int32), whole)
    blank = jnp.zeros((size, limit), jnp.int32)
    unwalked = Walks(
        jnp.broadcast_to(state.arc[:, None], (size, limit + 1)), blank, goal, state.time + limit,
        state.reached, ~state.reached,
    )  # fmt: skip
    walks, entropy = _resume(policy, walking, unwalked, None, limit)
    arc, port, length, reached, entropy = (
        x.reshape(count, whole, *x.shape[1:])
        for x in (walks.arc, walks.port, walks.length, walks.reached, entropy)
    )
    parent = -(jnp.arange(whole) == 0).astype(jnp.int32)
    return Forest(
        arc=arc, port=port, entropy=entropy, length=length, reached=reached,
        parent=jnp.broadcast_to(parent, (count, whole)),
        branch=jnp.zeros((count, whole), jnp.int32), grown=jnp.ones((count, whole), bool),
        goal=goal[::whole],
    )  # fmt: skip


def with_room(forest: Forest, leaves: int) -> Forest:
    """The same with room for as many leaves, of which those that are new are not grown."""
    more = leaves - forest.parent.shape[1]

    def room(x: Array) -> Array:
        return jnp.pad(x, [(0, 0), (0, more)] + [(0, 0)] * (x.ndim - 2))

    fields = {name: room(x) for name, x in forest._asdict().items() if name != "goal"}
    return Forest(**fields, goal=forest.goal)


def _resume(
    policy: Policy, walking: Walking, walks: Walks, step: Array | None, limit: int
) -> tuple[Walks, Array]:
    """Beside the walks the entropy [B, T] of the policy before each step.

    Of a policy that remembers, only of the steps that are walked here; without `step` all are.
    """
    given, taken = walks.arc.T, walks.port.T
    # What a policy remembers is rebuilt by showing it again what it saw.
    begin = jnp.int32(0)
    if policy.markov and step is not None:
        begin = jnp.min(step).astype(jnp.int32)
    over = walks.reached & (walks.length <= begin)
    # Rows are read and written unchecked, which a step of few walks would otherwise take longer for
    # than for walking.
    row = partial(jax.lax.dynamic_index_in_dim, keepdims=False)
    put = partial(jax.lax.dynamic_update_index_in_dim, axis=0)
    start = State(row(given, begin), walks.goal, jnp.minimum(begin, walks.length), over)
    bits = walking.bits(jnp.arange(limit))

    def replay(t: Array, after: State, port: Array) -> tuple[State, Array]:
        """Before `step` as it was."""
        replayed = t < step
        arc = jnp.where(replayed, row(given, t + 1), after.arc)
        was_reached = walks.reached & (walks.length <= t + 1)
        reached = jnp.where(replayed, was_reached, after.reached)
        return State(arc, after.goal, after.time, reached), jnp.where(replayed, row(taken, t), port)

    def one(t: Array, carry: _Carry) -> _Carry:
        state, memory, arcs, ports, entropies = carry
        if entropies is not None:
            logits, _ = jax.vmap(walking.walker.logits)(memory, state.arc)
            entropies = put(entropies, _entropy(walking, state.arc, logits), t)
        after, memory, port = walking.step(row(bits, t), state, memory)
        if step is not None:
            after, port = replay(t, after, port)
        return after, memory, put(arcs, after.arc, t + 1), put(ports, port, t), entropies

    inside = None if policy.markov else jnp.zeros(taken.shape, jnp.float32)
    carry = (start, walking.memories(), given, taken, inside)
    state, _, arcs, ports, inside = jax.lax.fori_loop(begin, limit, one, carry)
    resumed = Walks(arcs.T, ports.T, state.goal, state.time, state.reached, ~state.reached)
    entropy = _entropies(walking, resumed.arc[:, :-1]) if inside is None else inside.T
    return resumed, entropy


def _entropies(walking: Walking, arcs: Array) -> Array:
    """Of a policy that remembers nothing, after arrival arcs [B, T]; after each arc once, if it can
    be."""
    every = walking.maze.num_arrivals <= arcs.size
    asked = jnp.arange(walking.maze.num_arrivals) if every else arcs.reshape(-1)
    logits = jax.vmap(lambda arc: walking.walker.logits(walking.walker.memory, arc)[0])(asked)
    entropy = _entropy(walking, asked, logits)
    return entropy[arcs] if every else entropy.reshape(arcs.shape)


def _entropy(walking: Walking, arc: Array, logits: Array) -> Array:
    """Of the policy's move after each arrival [B], in nats; 0 where chance moves."""
    legal = jnp.arange(logits.shape[-1])[None] < walking.choices.degree[arc][:, None]
    log_p = jax.nn.log_softmax(jnp.where(legal, logits, -jnp.inf), axis=-1)
    p = jnp.exp(log_p)
    terms = jnp.where(p > 0, p * jnp.where(p > 0, log_p, 0.0), 0.0)
    return jnp.where(walking.choices.chance[arc], 0.0, -terms.sum(-1))
