"""Rollouts: walks recorded whole, walks of which only the end is kept, and walks that go on.

All three take the same steps: the same key and sizes give the same walks.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.sampling import draw_port
from mazerl.walk.env import Choices, Reward, State, advance, choices_of, environment_port, reset

MOST_RECORDED = 2**28
"""Steps of walks that are recorded, some gigabytes."""


class Walks(NamedTuple):
    """Recorded walks. Step t of walk b is real while t < length[b]; what follows is padding."""

    arc: Array  # [B, T+1] arc[:, t] is the arrival arc before step t, arc[:, 0] = A
    port: Array  # [B, T] port taken at step t (drawn by the environment at chance vertices)
    goal: Array  # [B] vertex
    length: Array  # [B] steps taken
    reached: Array  # [B] bool
    timed_out: Array  # [B] bool: stopped by the time limit, goal not reached


class Arrivals(NamedTuple):
    """How walks ended, without their steps."""

    steps: Array  # [B] steps taken until the goal or the time limit
    reached: Array  # [B] bool


def rewards(walks: Walks, reward: Reward) -> Array:
    """Reward of every step [B, T]; zero on padding."""
    t = jnp.arange(walks.port.shape[1])[None, :]
    real = t < walks.length[:, None]
    arrival = (t == walks.length[:, None] - 1) & walks.reached[:, None]
    return jnp.where(real, -reward.penalty, 0.0) + jnp.where(arrival, reward.arrival, 0.0)


class Steps(NamedTuple):
    """Consecutive steps of walkers that begin anew whenever a walk ends.

    A walk that times out is closed: one more row shows where it got to, so that its value can
    stand for the rest, and no step is taken there.
    """

    arc: Array  # [T+1, B] arrival arc before each step; the last row is where the walkers are now
    goal: Array  # [T+1, B] vertex that each walk is to find
    port: Array  # [T, B] port taken
    terminated: Array  # [T, B] bool: the step reached the goal
    closing: Array  # [T, B] bool: the time limit had been reached, no step was taken
    age: Array  # [T, B] steps of the same walk before this one


class Walking(NamedTuple):
    """A policy on a maze, bound once a rollout: what all loops share."""

    maze: World
    choices: Choices
    walker: Walker
    key: Array
    num_walks: int

    def memories(self) -> Any:
        """What every walker remembers at the start of an episode."""
        batch = (self.num_walks,)
        return jax.tree.map(lambda x: jnp.broadcast_to(x, batch + x.shape), self.walker.memory)

    def begin(self, group: int = 1) -> tuple[State, Any]:
        """Walks that begin, `group` consecutive ones with the same goal, and their memories."""
        key = jax.random.fold_in(self.key, GOALS_KEY)
        state = reset(self.maze, key, (self.num_walks // group,))
        return jax.tree.map(lambda x: jnp.repeat(x, group), state), self.memories()

    def bits(self, steps: Array) -> Array:
        """Random bits [S, B] of steps [S], drawn together: one loop over all instead of S."""

        def of_step(t: Array) -> Array:
            return jax.random.bits(jax.random.fold_in(self.key, t), (self.num_walks,), jnp.uint32)

        return jax.vmap(of_step)(steps)

    def step(self, bits: Array, state: State, memory: Any) -> tuple[State, Any, Array]:
        """A step of all walks, by its random bits [B]: after it, and the ports taken [B].

        One draw serves the policy or, at chance vertices, the environment.
        """
        if self.walker.draw is not None:
            port, memory = jax.vmap(self.walker.draw)(memory, state.arc, bits)
        else:
            logits, memory = jax.vmap(self.walker.logits)(memory, state.arc)
            port = jax.vmap(draw_port)(logits, self.choices.degree[state.arc], bits)
        port = environment_port(self.choices, state, port, bits)
        return advance(self.maze, self.choices, state, port), memory, port


# Named sub-keys of a rollout's key: steps take the fold-ins 0, 1, 2, …, the goals the last one, and
# rounds of a tree (`walk.trees`) those before it.
GOALS_KEY = 0xFFFFFFFF


def walking_of(policy: Policy, params: Any, maze: World, key: Array, num_walks: int) -> Walking:
    """Bind a policy, inside jit."""
    return Walking(maze, choices_of(maze), policy.bind(maze, params), key, num_walks)


# Bits of more walks than these are drawn step by step: those of a block would leave the cache.
_FEW_WALKS = 2**14


@partial(jax.jit, static_argnums=(0, 4, 5, 6))
def rollout(
    policy: Policy, params: Any, maze: World, key: Array, num_walks: int, limit: int, group: int = 1
) -> Walks:
    """Record walks of at most `limit` steps; `group` consecutive walks share a drawn goal.

    The same key gives the same bits; walk b does not depend on the other walks' steps.
    """
    _check(num_walks, limit)
    if num_walks * limit > MOST_RECORDED:
        raise MazerlError(
            f"{num_walks} walks of up to {limit} steps are too many to record; at most "
            f"{MOST_RECORDED} steps in all fit: give fewer, or shorten the time limit"
        )
    if num_walks % require_whole("the group size", group):
        raise MazerlError(f"groups of {group} do not divide {num_walks} walks; give a divisor")
    walking = walking_of(policy, params, maze, key, num_walks)
    state, memory = walking.begin(group)

    def body(
        carry: tuple[State, Any], bits: Array
    ) -> tuple[tuple[State, Any], tuple[Array, Array]]:
        after, memory, port = walking.step(bits, *carry)
        return (after, memory), (after.arc, port)

    begin = state.arc[:, None]
    (state, _), (arcs, ports) = jax.lax.scan(body, (state, memory), walking.bits(jnp.arange(limit)))
    return Walks(
        arc=jnp.concatenate([begin, arcs.T], axis=1),
        port=ports.T,
        goal=state.goal,
        length=state.time,
        reached=state.reached,
        timed_out=~state.reached,
    )


@partial(jax.jit, static_argnums=(0, 4, 5))
def run_walks(
    policy: Policy, params: Any, maze: World, key: Array, num_walks: int, limit: int
) -> Arrivals:
    """Walk until every goal is reached or `limit` steps are taken, keeping only how walks ended.

    The same key and sizes give the walks that `rollout` records.
    """
    _check(num_walks, limit)
    walking = walking_of(policy, params, maze, key, num_walks)
    # Testing for the end every step would cost more than the steps that it saves.
    stride = min(limit, 32)
    ahead = num_walks <= _FEW_WALKS

    def block(carry: tuple[Array, State, Any]) -> tuple[Array, State, Any]:
        t, state, memory = carry
        drawn = walking.bits(t + jnp.arange(stride)) if ahead else None

        def one_step(n: Array, carry: tuple[State, Any]) -> tuple[State, Any]:
            bits = walking.bits((t + n)[None])[0] if drawn is None else drawn[n]
            return walking.step(bits, *carry)[:2]

        count = jnp.minimum(stride, limit - t)
        state, memory = jax.lax.fori_loop(0, count, one_step, (state, memory))
        return t + count, state, memory

    def unfinished(carry: tuple[Array, State, Any]) -> Array:
        t, state, _ = carry
        return (t < limit) & ~jnp.all(state.reached)

    _, state, _ = jax.lax.while_loop(unfinished, block, (jnp.int32(0), *walking.begin()))
    return Arrivals(steps=state.time, reached=state.reached)


def continue_walks(
    policy: Policy,
    params: Any,
    maze: World,
    state: State,
    key: Array,
    num_steps: int,
    limit: Array,
) -> tuple[Steps, State]:
    """Go on walking from `state` [B], for training: ended walks begin anew with a new goal.

    A policy that remembers more than its arrival arc must be given walks that have just begun. Call
    it inside jit.
    """
    num_walks = state.arc.shape[0]
    walking = walking_of(policy, params, maze, key, num_walks)
    goals_key = jax.random.fold_in(key, GOALS_KEY)

    def body(
        carry: tuple[State, Any], now: tuple[Array, Array, Array]
    ) -> tuple[tuple[State, Any], tuple[Array, ...]]:
        state, memory = carry
        bits, home, goal = now
        closing = state.time >= limit
        after, memory, port = walking.step(bits, state, memory)
        taken = (state.arc, state.goal, port, after.reached & ~closing, closing, state.time)
        ended = after.reached | closing
        fresh = State(home, goal, jnp.zeros_like(after.time), jnp.zeros_like(after.reached))
        state = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, after)
        return (state, memory), taken

    steps = jnp.arange(num_steps)
    fresh = jax.vmap(lambda t: reset(maze, jax.random.fold_in(goals_key, t), (num_walks,)))(steps)
    carry = (state, walking.memories())
    (state, _), (arc, goal, *taken) = jax.lax.scan(
        body, carry, (walking.bits(steps), fresh.arc, fresh.goal)
    )
    arc, goal = (jnp.concatenate(x) for x in ((arc, state.arc[None]), (goal, state.goal[None])))
    return Steps(arc, goal, *taken), state


def _check(num_walks: int, limit: int) -> None:
    require_whole("the number of walks", num_walks)
    require_limit("the time limit", limit)
