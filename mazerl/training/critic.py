"""PPO's critic: a value for every goal and arrival, learned by averaging; only training has one.

The goal is hidden from the policy, and need not be from what judges it. A value that does not know
the goal cannot stand for the rest of a walk: arrivals look alike on the way into a branch, where
the goal may be ahead, and on the way back from its end, where it is not. Learned from itself
(λ < 1), such a value says that turning round pays, and walks get lost. For a policy that reads its
arrival, goal and arrival together are a Markov chain, whose values are learned from themselves
truly: with γ = 1, arrival reward minus penalty times the hitting time (`exact.markov`).
Critics that see what the policy does not: Pinto et al. 2017.

A table's entry moves toward the mean of what was seen there, by the share that this is of all it
knows: n seen, `inertia` remembered. Steps of an optimiser would all be of one size, and make noise
that walks of one update have in common.
"""

from typing import Literal

import jax.numpy as jnp

from mazerl.errors import MazerlError
from mazerl.maze import Array, World
from mazerl.training.parallel import replicate

Sees = Literal["goal", "nothing"]
"""What a critic sees besides the arrival."""

AtLimit = Literal["bootstrap", "end"]
"""What the rest of a walk is worth that the time limit cuts off: its value, or nothing."""

MOST_VALUES = 50_000_000
"""More than these are refused."""


def first_values(maze: World, sees: Sees, clock: int = 0) -> Array:
    """Values of zero [G, A+M]; [1, A+M] where arrivals say the goal, or the critic sees none.

    A critic with a clock has them for each of its times, one after the other: [clock·G, A+M].

    Raises:
        MazerlError: that is too large a table.
    """
    told = maze.num_goals == maze.num_mazes
    goals = maze.num_goals if sees == "goal" and not told else 1
    if clock * goals * maze.num_arrivals > MOST_VALUES:
        raise MazerlError(
            f"{clock} times, {goals} goals and {maze.num_arrivals} arrivals are too many for a "
            "critic; give it a shorter clock"
        )
    if goals * maze.num_arrivals > MOST_VALUES:
        raise MazerlError(
            f"{goals} goals and {maze.num_arrivals} arrivals are too many for a critic that sees "
            "the goal; let it see nothing"
        )
    return jnp.zeros((max(clock, 1) * goals, maze.num_arrivals))


def timed_places(
    maze: World, values: Array, arc: Array, goal: Array, left: Array, clock: int
) -> Array:
    """`places` of a critic with a clock, by how many steps are left [...].

    From `clock` steps on all look alike. So do arrivals with none: nobody moves there, and what
    stands for the rest of a walk is the value of going on with a new limit.
    """
    goals = len(values) // clock
    time = jnp.where(left > 0, jnp.minimum(left, clock), clock) - 1
    here = places(maze, values[:goals], arc, goal)
    return time * (goals * maze.num_arrivals) + here


def places(maze: World, values: Array, arc: Array, goal: Array) -> Array:
    """Which entry of the flat values is that of arrivals [...] on walks to goals [...]."""
    if len(values) == 1:
        return arc
    number = jnp.zeros(maze.num_vertices, jnp.int32)
    number = number.at[jnp.asarray(maze.goals)].set(jnp.arange(maze.num_goals))
    return number[goal] * maze.num_arrivals + arc


def average_in(values: Array, place: Array, missed: Array, taken: Array, inertia: Array) -> Array:
    """Values after seeing by how much they missed.

    Args:
        values: [G, A+M]
        place: [T, B] entries of the flat values.
        missed: [T, B] what was seen, minus the value.
        taken: [T, B] bool: a step was taken.
        inertia: how many samples what a value knows counts for.
    """
    zeros, place, taken = jnp.zeros(values.size), place.reshape(-1), taken.reshape(-1)
    count = zeros.at[place].add(taken)
    total = zeros.at[place].add(taken * missed.reshape(-1))
    return replicate(values + (total / (count + inertia)).reshape(values.shape))
