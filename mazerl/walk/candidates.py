"""Nodes where walks may be resumed, and what is known of them, kept while a forest grows.

A new leaf changes what is known of the nodes on the walk that it shares, and brings nodes of its
own. `nodes.nodes_of` finds the same anew, of all steps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World
from mazerl.walk.env import Choices, choices_of
from mazerl.walk.nodes import Forest, Nodes, junctions


class Resumed(NamedTuple):
    """Leaves that were resumed together, `width` of them at one node of each problem."""

    first: Array  # [] the first of them
    leaf: Array  # [X] of the node
    place: Array  # [X] of the node
    grows: Array  # [X] bool: whether they are there


def most_met(forest: Forest, maze: World, ways: int) -> Array:
    """How many junctions a leaf meets, at most: []."""
    met = junctions(forest.arc[..., :-1], forest.length, choices_of(maze), ways)
    return jnp.max(met.sum(-1))


def begin(
    forest: Forest, maze: World, whole: int, ways: int, root: bool, places: int
) -> tuple[Nodes, Array]:
    """Of `whole` walks of each problem: K = `places` places of each leaf, and whether all fit.

    Place 0 of leaf 0 is the root, the others are a leaf's own junctions, one after the other.
    """
    count, leaves, limit = forest.port.shape
    choices = choices_of(maze)

    def rows(x: Array) -> Array:
        return x[:, :whole].reshape(count * whole, *x.shape[2:])

    def room(x: Array, empty: int = 0) -> Array:
        x = x.reshape(count, whole, places)
        return jnp.pad(x, ((0, 0), (0, leaves - whole), (0, 0)), constant_values=empty)

    arc, branch = rows(forest.arc)[:, :-1], jnp.zeros(count * whole, jnp.int32)
    own, fits = _own(arc, rows(forest.length), branch, rows(forest.entropy), choices, ways, places)
    step = room(own.step, limit)
    leaf, nth = jnp.arange(leaves)[None, :, None], jnp.arange(places)[None, None]
    at_root, there = (leaf == 0) & (nth == 0), (step < limit).astype(jnp.float32)
    wins = (forest.reached & forest.grown).sum(1).astype(jnp.float32)
    start, place = forest.arc[:, 0, 0], jnp.arange(leaves)
    grown = (place[:, None] < whole) & (place[None] < whole)
    shared = jnp.where(place[:, None] == place[None], limit, 0)
    shared = jnp.where(grown, shared, -1)[None]
    uncertain = forest.entropy[:, 0, 0] / jnp.log(jnp.maximum(choices.degree[start], 2))

    def with_root(x: Array, root: Array) -> Array:
        return jnp.where(at_root, root[:, None, None], x)

    nodes = Nodes(
        candidate=jnp.where(at_root, root, there > 0),
        arc=with_root(room(own.arc), start),
        step=jnp.where(at_root, 0, step),
        visits=jnp.where(at_root, float(whole), there),
        wins=with_root(there * forest.reached[..., None], wins),
        parent_visits=jnp.where(nth <= 1, float(whole), there),
        uncertainty=with_root(room(own.uncertainty), uncertain),
        depth=jnp.broadcast_to(jnp.maximum(nth - 1, 0), step.shape),
        length=forest.length,
        shared=jnp.broadcast_to(shared, (count, leaves, leaves)),
        junction=room(own.before),
        turn=jnp.int32(0),
        turns=jnp.int32(1),
        steps=jnp.arange(limit),
    )
    return nodes, fits


def with_leaves(
    nodes: Nodes, forest: Forest, maze: World, ways: int, width: int, new: Resumed
) -> tuple[Nodes, Array]:
    """What is known after `width` more leaves, which the forest has; whether all places fit."""
    count, _, places = nodes.visits.shape
    problem, limit = jnp.arange(count), nodes.steps.size
    step = nodes.step_at(new.leaf, new.place)

    def rows(x: Array) -> Array:
        mine = jax.lax.dynamic_slice_in_dim(x, new.first, width, 1)
        return mine.reshape(count * width, *x.shape[2:])

    own, fits = _own(
        rows(forest.arc)[:, :-1], rows(forest.length), jnp.repeat(step, width),
        rows(forest.entropy), choices_of(maze), ways, places,
    )  # fmt: skip
    # Steps in common with each leaf that was there: none where none was, or no walk was resumed.
    met = jnp.minimum(nodes.shared[problem, new.leaf], step[:, None])
    met = jnp.where(new.grows[:, None], met, -1)
    around = ((met >= step[:, None]).sum(1) + float(width))[:, None, None]
    reached = rows(forest.reached).reshape(count, width)
    nth = jnp.arange(places)[None, None]
    there = (own.step < limit).astype(jnp.float32).reshape(count, width, places)
    deep = jnp.where(step > 0, nodes.depth[problem, new.leaf, new.place] + 1, 0)[:, None, None]

    def put(old: Array, rows: Array) -> Array:
        rows = rows.reshape(count, width, places).astype(old.dtype)
        now = jax.lax.dynamic_slice_in_dim(old, new.first, width, 1)
        rows = jnp.where(new.grows[:, None, None], rows, now)
        return jax.lax.dynamic_update_slice_in_dim(old, rows, new.first, 1)

    known = nodes._replace(
        candidate=put(nodes.candidate, there > 0), arc=put(nodes.arc, own.arc),
        step=put(nodes.step, own.step), visits=put(nodes.visits, there),
        wins=put(nodes.wins, there * reached[..., None]),
        parent_visits=put(nodes.parent_visits, jnp.where(nth == 1, around, there)),
        uncertainty=put(nodes.uncertainty, own.uncertainty),
        depth=put(nodes.depth, jnp.broadcast_to(deep + nth - 1, there.shape)),
        junction=put(nodes.junction, own.before), length=forest.length,
    )  # fmt: skip
    passed = met[..., None] >= known.step
    known = known._replace(
        visits=known.visits + width * passed,
        wins=known.wins + passed * reached.sum(1)[:, None, None],
        parent_visits=known.parent_visits + width * (met[..., None] >= known.junction),
        shared=_shared(nodes.shared, met, step, new, width, limit),
    )
    return known, fits | ~new.grows.any()


def _shared(shared: Array, met: Array, step: Array, new: Resumed, width: int, limit: int) -> Array:
    """Steps that two leaves have in common [X, N, N], with the new ones."""
    place = jnp.arange(shared.shape[1])
    is_new = (place >= new.first) & (place < new.first + width)
    row, column = is_new[None, :, None], is_new[None, None, :]
    among = jnp.where((place[:, None] == place[None])[None], limit, step[:, None, None])
    after = jnp.where(row, met[:, None, :], jnp.where(column, met[:, :, None], shared))
    after = jnp.where(row & column, among, after)
    return jnp.where(new.grows[:, None, None], after, shared)


class _Own(NamedTuple):
    """A leaf's own junctions [B, K]; place 0 is none of them, nor are places without one."""

    step: Array  # T where there is none
    arc: Array
    uncertainty: Array
    before: Array  # step of the junction before it, or of the node at which the leaf was resumed


def _own(
    arc: Array, length: Array, branch: Array, entropy: Array, choices: Choices, ways: int,
    places: int,
) -> tuple[_Own, Array]:  # fmt: skip
    """Of walks [B], and whether all of their junctions have a place."""
    size, limit = arc.shape

    def back(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        first = jnp.where(now[1], now[0], later)
        return first, first

    # The next junction from each step on, [T+2, B]; then from one to the next.
    never, met = jnp.full(size, limit, jnp.int32), junctions(arc, length, choices, ways)
    t = jnp.arange(limit, dtype=jnp.int32)
    following = jax.lax.scan(back, never, (t, met.T), reverse=True)[1]
    following = jnp.pad(following, ((0, 2), (0, 0)), constant_values=limit)

    def on(step: Array, _: None) -> tuple[Array, Array]:
        step = following[step + 1, jnp.arange(size)]
        return step, step

    found = jax.lax.scan(on, branch, None, length=places)[1].T
    step = jnp.concatenate([never[:, None], found[:, :-1]], 1)
    there, at = step < limit, jnp.minimum(step, limit - 1)
    mine = jnp.where(there, jnp.take_along_axis(arc, at, axis=1), 0)
    open_ones = jnp.take_along_axis(entropy, at, axis=1)
    open_ones = open_ones / jnp.log(jnp.maximum(choices.degree[mine], 2))
    before = jnp.concatenate([jnp.zeros_like(branch)[:, None], branch[:, None], step[:, 1:-1]], 1)
    before = before[:, :places]
    return _Own(step, mine, jnp.where(there, open_ones, 0.0), before), (found[:, -1] == limit).all()
