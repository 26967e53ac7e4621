"""The environment: reset and step, pure functions of (maze, key).

A walk's state is its arrival arc, goal, time and whether it has reached the goal. Functions here
work on arrays of any one shape, so a batch of walks needs no vmap.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.sampling import multiply_high


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


class Choices(NamedTuple):
    """What can be done after each arrival arc, gathered once per rollout instead of every step."""

    first_arc: Array  # [A+M]
    degree: Array  # [A+M]
    chance: Array  # [A+M] bool


def choices_of(maze: World) -> Choices:
    """Gather them."""
    vertex = arrival_vertex(maze)
    table = (maze.first_arc, maze.degree, maze.chance)
    return Choices(*(jnp.asarray(column)[vertex] for column in table))


def reset(maze: World, key: Array, shape: tuple[int, ...] = ()) -> State:
    """Begin walks at the start, each with a goal drawn uniformly.

    Where several mazes are side by side, walk b is in maze b mod M; of `Prompts` one is drawn.
    """
    bits = jax.random.bits(key, shape, jnp.uint32)
    first, count = (jnp.asarray(column) for column in maze.goal_ranges())
    turn = jnp.arange(bits.size, dtype=jnp.int32).reshape(shape) % len(first)
    drawn = first[turn] + multiply_high(bits, count[turn])
    return State(
        arc=maze.num_arcs + jnp.asarray(maze.goal_mazes())[drawn],
        goal=jnp.asarray(maze.goals)[drawn],
        time=jnp.zeros(shape, jnp.int32),
        reached=jnp.zeros(shape, bool),
    )


def step(maze: World, state: State, port: Array, bits: Array) -> State:
    """Take a port; at a chance vertex the environment draws one from `bits` (uint32) instead.

    A walk that has reached its goal stays as it is. A port outside 0 … degree-1 is the caller's
    error and is not checked here: policies mask illegal ports.
    """
    choices = choices_of(maze)
    return advance(maze, choices, state, environment_port(choices, state, port, bits))


def environment_port(choices: Choices, state: State, port: Array, bits: Array) -> Array:
    """The port taken: the policy's or, at chance vertices, one drawn from `bits` (uint32)."""
    by_chance = multiply_high(bits, choices.degree[state.arc])
    return jnp.where(choices.chance[state.arc], by_chance, port)


def advance(maze: World, choices: Choices, state: State, port: Array) -> State:
    """Take a port that is settled; a walk that has reached its goal stays as it is."""
    arc = choices.first_arc[state.arc] + port
    arrived = jnp.asarray(maze.head)[arc] == state.goal
    return State(
        arc=jnp.where(state.reached, state.arc, arc),
        goal=state.goal,
        time=state.time + ~state.reached,
        reached=state.reached | arrived,
    )
