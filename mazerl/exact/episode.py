"""The value of an episode with a time limit, for many problems at once, and its exact gradient.

    V_0 = 0,  V_h(e) = reward(e) + Σ_port π(port|e) · (arrival if it reaches the goal, else V_{h-1})

is the expected reward of at most h more steps after arrival e. Its derivatives by probabilities and
rewards are sums over time of occupancy times value to go (the policy gradient theorem; Sutton et
al. 2000), which the adjoint below runs through once, forward in time, beside values that it makes
again from every √T-th one. So memory is O(√T) and nothing is differentiated through a loop.

Arcs lie sorted by the degree of their tail, so that a step is a small product at each vertex. The
state after arrival e is told by the arc that would undo it, one of those that leave there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from math import isqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array, Maze
from mazerl.policy.rows import rows_of


class Group(NamedTuple):
    """Vertices of one degree, and whether chance moves there."""

    vertices: int
    degree: int
    chance: bool


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EpisodePlan:
    """A maze's arcs in the order of their tails' degrees. E are the entries of rows after arrivals.

    Made once by `plan_episode`; mazes of the same shape share compilations.
    """

    head: Array  # [A] vertex
    undo: Array  # [A] position of the reverse arc
    entry: Array  # [E] row entry that each probability comes from
    arrival: Array  # [A] arrival arc whose state is at a position
    first: Array  # [degree of the start] positions of the arcs that a walk can begin with
    first_entry: Array  # [same] their row entries; empty where chance begins
    groups: tuple[Group, ...] = field(metadata={"static": True})


# Occupancy now; and sums over time of occupancy times worth, group by group, and of occupancy.
_Sums = tuple[Array, tuple[tuple[Array, ...], Array]]


class Problems(NamedTuple):
    """What differs between the problems of one maze; an axis [1] stands for all X."""

    goal: Array  # [X] vertex
    probability: Array  # [R, X] of a policy's rows
    reward: Array  # [A+1, X] of the step after each arrival; the last where the walk begins
    arrival: float  # reward of reaching the goal; not differentiated


class _Chain(NamedTuple):
    """Problems laid out by a plan: A positions of arcs, E entries."""

    is_goal: Array  # [A, X] bool: leaving by the arc reaches the goal
    moves: Array  # [E, X] or [E, 1] probabilities
    reward: Array  # [A, X] or [A, 1]
    arrival: Array  # []
    begin: Array  # [ways, X] or [ways, 1] probabilities of the first move


def plan_episode(maze: Maze) -> EpisodePlan:
    """Lay out a maze for `episode_value`."""
    rows = rows_of(maze)
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    degree, chance = np.asarray(maze.degree), np.asarray(maze.chance)
    kinds = sorted({(bool(c), int(d)) for c, d in zip(chance, degree, strict=True) if d})
    arcs, entries, groups = [], [], []
    for by_chance, d in kinds:
        vertices = np.flatnonzero((chance == by_chance) & (degree == d))
        out = np.asarray(maze.first_arc)[vertices][:, None] + np.arange(d)
        arcs.append(out.reshape(-1))
        if not by_chance:
            begin = rows.start[reverse[out]]  # [vertices, d] of the rows after each way in
            entries.append((begin[..., None] + np.arange(d)).reshape(-1))
        groups.append(Group(len(vertices), d, by_chance))
    order = np.concatenate(arcs)
    position = np.empty(maze.num_arcs, np.int64)
    position[order] = np.arange(maze.num_arcs)
    start = int(maze.start)
    leaving = np.asarray(maze.first_arc)[start] + np.arange(degree[start])
    return EpisodePlan(
        head=head[order],
        undo=position[reverse[order]],
        entry=np.concatenate(entries) if entries else np.empty(0, np.int64),
        arrival=reverse[order],
        first=position[leaving],
        first_entry=np.arange(rows.start[-2], rows.start[-1]),
        groups=tuple(groups),
    )


def episode_value(plan: EpisodePlan, problems: Problems, limit: int) -> Array:
    """Expected reward [X] of episodes of at most `limit` steps from the start.

    Jittable and differentiable by probabilities and rewards, in one compilation a shape and limit.
    Trace it with float64 under `jax.enable_x64(True)`.
    """
    _, probability, reward, arrival = problems
    is_goal = jnp.asarray(plan.head)[:, None] == problems.goal[None]
    moves = probability[plan.entry]
    ways = jnp.asarray(plan.first)
    begin = (
        probability[plan.first_entry]
        if len(plan.first_entry)
        else jnp.full((len(ways), 1), 1 / len(ways))
    )
    chain = _Chain(is_goal, moves, reward[plan.arrival], jnp.asarray(arrival, float), begin)
    return reward[-1] + _value(plan, limit - 1, chain)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _value(plan: EpisodePlan, steps: int, chain: _Chain) -> Array:
    """Σ over first moves [X] of their probability and what `steps` steps more are worth."""
    nothing = jnp.zeros(chain.is_goal.shape)
    value = jax.lax.fori_loop(0, steps, lambda _, v: _back(plan, chain, v), nothing)
    return jnp.sum(chain.begin * _ahead(plan, chain, value)[plan.first], 0)


def _value_forward(
    plan: EpisodePlan, steps: int, chain: _Chain
) -> tuple[Array, tuple[EpisodePlan, _Chain, Array, Array]]:
    size, parts = _parts(steps)

    def rise(value: Array, by: int) -> Array:
        return jax.lax.fori_loop(0, by, lambda _, v: _back(plan, chain, v), value)

    def part(value: Array, _: None) -> tuple[Array, Array]:
        return rise(value, size), value

    value, kept = jax.lax.scan(part, jnp.zeros(chain.is_goal.shape), None, length=parts - 1)
    kept = jnp.concatenate([kept, value[None]])
    ahead = _ahead(plan, chain, rise(value, steps - (parts - 1) * size))[plan.first]
    return jnp.sum(chain.begin * ahead, 0), (plan, chain, kept, ahead)


def _value_backward(
    steps: int, kept: tuple[EpisodePlan, _Chain, Array, Array], wanted: Array
) -> tuple[None, _Chain]:
    plan, chain, values, ahead = kept
    is_goal, (size, parts) = chain.is_goal, _parts(steps)
    nothing = jnp.zeros(is_goal.shape)
    first = nothing.at[plan.first].add(chain.begin * wanted[None])
    sums = (tuple(map(jnp.zeros_like, _pairs(plan, chain, nothing, nothing))), nothing)

    def arrive(leaving: Array) -> Array:
        """Occupancy after a step; what reached the goal is gone."""
        return jnp.where(is_goal, 0.0, leaving)[jnp.asarray(plan.undo)]

    entering = arrive(first)

    def step(carry: _Sums, now: tuple[Array, Array]) -> tuple[_Sums, None]:
        mass, (by_move, visits) = carry
        height, value = now
        mass = jnp.where(height == steps - 1, entering, mass)
        worth = _ahead(plan, chain, value)
        by_move = tuple(map(jnp.add, by_move, _pairs(plan, chain, mass, worth)))
        return (arrive(_leaving(plan, chain, mass)), (by_move, visits + mass)), None

    def part(carry: _Sums, now: tuple[Array, Array]) -> tuple[_Sums, None]:
        lowest, value = now

        def up(value: Array, _: None) -> tuple[Array, Array]:
            return _back(plan, chain, value), value

        _, stacked = jax.lax.scan(up, value, None, length=size)
        heights = lowest + jnp.arange(size)
        return jax.lax.scan(step, carry, (heights, stacked), reverse=True)[0], None

    # Above the first step no mass is there yet.
    start = (nothing, sums)
    lowest = size * jnp.arange(parts)
    (_, (by_move, visits)), _ = jax.lax.scan(part, start, (lowest, values), reverse=True)
    return None, _Chain(
        is_goal=None,
        moves=_fold(_joined(by_move), chain.moves),
        reward=_fold(visits, chain.reward),
        arrival=None,
        begin=_fold(ahead * wanted[None], chain.begin),
    )


_value.defvjp(_value_forward, _value_backward)


def _parts(steps: int) -> tuple[int, int]:
    """Steps between kept values, and how many are kept."""
    size = max(isqrt(steps), 1)
    return size, max(-(-steps // size), 1)


def _fold(gradient: Array, like: Array) -> Array:
    """Summed over problems that share what it is the gradient by."""
    return gradient if like.shape[1] > 1 else gradient.sum(1, keepdims=True)


def _total(parts: Iterable[Array]) -> Array:
    """Their sum, one loop over all; a reduction over an inner axis would not be one."""
    return reduce(jnp.add, parts)


def _ahead(plan: EpisodePlan, chain: _Chain, value: Array) -> Array:
    """What leaving by each arc is worth [A, X]."""
    return jnp.where(chain.is_goal, chain.arrival, value[plan.undo])


def _at_vertices(
    plan: EpisodePlan, chain: _Chain, column: Array
) -> Iterator[tuple[Array, Array | None]]:
    """Of each group what `column` [A, X] has at its arcs [vertices, degree, X], and its moves.

    Moves are [vertices, way in, way out, X]; None where chance moves.
    """
    a = e = 0
    for n, d, by_chance in plan.groups:
        here = column[a : a + n * d].reshape(n, d, -1)
        size = 0 if by_chance else n * d * d
        yield here, None if by_chance else chain.moves[e : e + size].reshape(n, d, d, -1)
        a, e = a + n * d, e + size


def _back(plan: EpisodePlan, chain: _Chain, value: Array) -> Array:
    """V_h [A, X] from V_{h-1}."""
    parts = [
        _evenly(ahead) if p is None else _total(p[:, :, j] * ahead[:, None, j] for j in _ways(p))
        for ahead, p in _at_vertices(plan, chain, _ahead(plan, chain, value))
    ]
    return _joined(parts) + chain.reward


def _leaving(plan: EpisodePlan, chain: _Chain, mass: Array) -> Array:
    """Occupancy of the next arcs [A, X]."""
    parts = [
        _evenly(here) if p is None else _total(p[:, i] * here[:, i, None] for i in _ways(p))
        for here, p in _at_vertices(plan, chain, mass)
    ]
    return _joined(parts)


def _pairs(plan: EpisodePlan, chain: _Chain, mass: Array, worth: Array) -> list[Array]:
    """Occupancy times what each move is worth, group by group: [vertices, degree, degree, X]."""
    both = zip(
        _at_vertices(plan, chain, mass), _at_vertices(plan, chain, worth), strict=True
    )  # fmt: skip
    return [here[:, :, None] * ahead[:, None] for (here, p), (ahead, _) in both if p is not None]


def _ways(p: Array) -> range:
    return range(p.shape[1])


def _evenly(here: Array) -> Array:
    """What chance makes of it: the mean, whichever way the walk came or goes."""
    return jnp.broadcast_to(here.mean(1, keepdims=True), here.shape)


def _joined(parts: Sequence[Array]) -> Array:
    """All rows of groups, one after the other."""
    flat = [part.reshape(-1, part.shape[-1]) for part in parts]
    return jnp.concatenate(flat) if flat else jnp.zeros((0, 1))
