"""The environment: reset, step and rollouts, pure functions of (maze, key).

A walk's state is its arrival arc, goal, time and whether it has reached the goal. Functions here
work on arrays of any one shape, so a batch of walks needs no vmap.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.policy.tabular import Policy, Walker, arrival_vertex, draw_port, multiply_high


class State(NamedTuple):
    """Where walks are; every field has the same shape, [] or [B]."""

    arc: Array  # arc just traversed; A, or A + m in maze m of several, where the walk begins
    goal: Array  # vertex
    time: Array  # steps taken
    reached: Array  # bool: the goal, which absorbs


class Reward(NamedTuple):
    """Verifiable reward: `arrival` on the step that reaches the goal, minus `penalty` a step."""

    arrival: float = 1.0
    penalty: float = 1e-3


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


class _Choices(NamedTuple):
    """What can be done after each arrival arc, gathered once per rollout instead of every step."""

    first_arc: Array  # [A+M]
    degree: Array  # [A+M]
    chance: Array  # [A+M] bool


def _choices(maze: World) -> _Choices:
    vertex = arrival_vertex(maze)
    table = (maze.first_arc, maze.degree, maze.chance)
    return _Choices(*(jnp.asarray(column)[vertex] for column in table))


def reset(maze: World, key: Array, shape: tuple[int, ...] = ()) -> State:
    """Begin walks at the start, each with a goal drawn uniformly.

    Where several mazes are side by side, walk b is in maze b mod M.
    """
    bits = jax.random.bits(key, shape, jnp.uint32)
    home = jnp.arange(bits.size, dtype=jnp.int32).reshape(shape) % maze.num_mazes
    first, count = (jnp.asarray(column)[home] for column in maze.goal_ranges())
    return State(
        arc=maze.num_arcs + home,
        goal=jnp.asarray(maze.goals)[first + multiply_high(bits, count)],
        time=jnp.zeros(shape, jnp.int32),
        reached=jnp.zeros(shape, bool),
    )


def step(maze: World, state: State, port: Array, bits: Array) -> State:
    """Take a port; at a chance vertex the environment draws one from `bits` (uint32) instead.

    A walk that has reached its goal stays as it is. A port outside 0 … degree-1 is the caller's
    error and is not checked here: policies mask illegal ports.
    """
    choices = _choices(maze)
    return _advance(maze, choices, state, _environment_port(choices, state, port, bits))


def _environment_port(choices: _Choices, state: State, port: Array, bits: Array) -> Array:
    by_chance = multiply_high(bits, choices.degree[state.arc])
    return jnp.where(choices.chance[state.arc], by_chance, port)


def _advance(maze: World, choices: _Choices, state: State, port: Array) -> State:
    arc = choices.first_arc[state.arc] + port
    arrived = jnp.asarray(maze.head)[arc] == state.goal
    return State(
        arc=jnp.where(state.reached, state.arc, arc),
        goal=state.goal,
        time=state.time + ~state.reached,
        reached=state.reached | arrived,
    )


def rewards(walks: Walks, reward: Reward) -> Array:
    """Reward of every step [B, T]; zero on padding."""
    t = jnp.arange(walks.port.shape[1])[None, :]
    real = t < walks.length[:, None]
    arrival = (t == walks.length[:, None] - 1) & walks.reached[:, None]
    return jnp.where(real, -reward.penalty, 0.0) + jnp.where(arrival, reward.arrival, 0.0)


@partial(jax.jit, static_argnums=(0, 4, 5, 6))
def rollout(
    policy: Policy, params: Any, maze: World, key: Array, num_walks: int, limit: int, group: int = 1
) -> Walks:
    """Record walks of at most `limit` steps; `group` consecutive walks share a drawn goal.

    The same key gives the same bits; walk b does not depend on the other walks' steps.
    """
    require_whole("the number of walks", num_walks)
    require_whole("the time limit", limit)
    if num_walks % require_whole("the group size", group):
        raise MazerlError(f"groups of {group} do not divide {num_walks} walks; give a divisor")
    walker, choices = policy.bind(maze, params), _choices(maze)
    state, memory = _begin(maze, walker, key, num_walks, group)

    def body(carry: tuple[State, Any], t: Array) -> tuple[tuple[State, Any], tuple[Array, Array]]:
        state, memory = carry
        port, memory = _choose(walker, choices, state, memory, _step_bits(key, t, num_walks))
        after = _advance(maze, choices, state, port)
        return (after, memory), (after.arc, port)

    begin = state.arc[:, None]
    (state, _), (arcs, ports) = jax.lax.scan(body, (state, memory), jnp.arange(limit))
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
    require_whole("the number of walks", num_walks)
    require_whole("the time limit", limit)
    walker, choices = policy.bind(maze, params), _choices(maze)
    # Testing for the end every step would cost more than the steps that it saves.
    stride = min(limit, 32)

    def one_step(t: Array, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, memory = carry
        port, memory = _choose(walker, choices, state, memory, _step_bits(key, t, num_walks))
        return _advance(maze, choices, state, port), memory

    def block(carry: tuple[Array, State, Any]) -> tuple[Array, State, Any]:
        t, state, memory = carry
        end = jnp.minimum(t + stride, limit)
        state, memory = jax.lax.fori_loop(t, end, one_step, (state, memory))
        return end, state, memory

    def unfinished(carry: tuple[Array, State, Any]) -> Array:
        t, state, _ = carry
        return (t < limit) & ~jnp.all(state.reached)

    begin = (jnp.int32(0), *_begin(maze, walker, key, num_walks))
    _, state, _ = jax.lax.while_loop(unfinished, block, begin)
    return Arrivals(steps=state.time, reached=state.reached)


class Steps(NamedTuple):
    """Consecutive steps of walkers that begin anew whenever a walk ends.

    A walk that times out is closed: one more row shows where it got to, so that its value can
    stand for the rest, and no step is taken there.
    """

    arc: Array  # [T+1, B] arrival arc before each step; the last row is where the walkers are now
    port: Array  # [T, B] port taken
    terminated: Array  # [T, B] bool: the step reached the goal
    closing: Array  # [T, B] bool: the time limit had been reached, no step was taken
    age: Array  # [T, B] steps of the same walk before this one


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
    walker, choices = policy.bind(maze, params), _choices(maze)
    num_walks = state.arc.shape[0]
    goals_key = jax.random.fold_in(key, _GOALS_KEY)

    def body(carry: tuple[State, Any], t: Array) -> tuple[tuple[State, Any], tuple[Array, ...]]:
        state, memory = carry
        closing = state.time >= limit
        port, memory = _choose(walker, choices, state, memory, _step_bits(key, t, num_walks))
        after = _advance(maze, choices, state, port)
        taken = (state.arc, port, after.reached & ~closing, closing, state.time)
        fresh = reset(maze, jax.random.fold_in(goals_key, t), (num_walks,))
        ended = after.reached | closing
        state = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, after)
        return (state, memory), taken

    carry = (state, _memories(walker, num_walks))
    (state, _), (arc, *taken) = jax.lax.scan(body, carry, jnp.arange(num_steps))
    return Steps(jnp.concatenate([arc, state.arc[None]]), *taken), state


# Named sub-keys of a rollout's key: steps take the fold-ins 0, 1, 2, …, the goals the last one.
_GOALS_KEY = 0xFFFFFFFF


def _begin(
    maze: World, walker: Walker, key: Array, num_walks: int, group: int = 1
) -> tuple[State, Any]:
    state = reset(maze, jax.random.fold_in(key, _GOALS_KEY), (num_walks // group,))
    state = jax.tree.map(lambda x: jnp.repeat(x, group), state)
    return state, _memories(walker, num_walks)


def _memories(walker: Walker, num_walks: int) -> Any:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (num_walks, *x.shape)), walker.memory)


def _step_bits(key: Array, t: Array, num_walks: int) -> Array:
    return jax.random.bits(jax.random.fold_in(key, t), (num_walks,), jnp.uint32)


def _choose(
    walker: Walker, choices: _Choices, state: State, memory: Any, bits: Array
) -> tuple[Array, Any]:
    """Ports [B] by the policy or, at chance vertices, the environment; one draw serves either."""
    if walker.draw is not None:
        port, memory = jax.vmap(walker.draw)(memory, state.arc, bits)
    else:
        logits, memory = jax.vmap(walker.logits)(memory, state.arc)
        port = jax.vmap(draw_port)(logits, choices.degree[state.arc], bits)
    return _environment_port(choices, state, port, bits), memory
