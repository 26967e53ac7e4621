"""Which node of a tree to resume: functions of what is known of nodes → scores [X, N, K].

`UUCB` is InfoTree-style (arXiv 2605.05262), reconstructed from the abstract and a talk: five terms,
whose forms and constants no public source gives. Its terms are functions of their own; others can
be put in their place with `Weighted`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_number
from mazerl.maze import Array
from mazerl.walk.nodes import Nodes, with_walk

Term = Callable[[Nodes], Array]


def value(nodes: Nodes) -> Array:
    """Q̄: share of successes below, with half a success and half a failure seen beforehand."""
    return (nodes.wins + 0.5) / (nodes.visits + 1.0)


def contrast(nodes: Nodes) -> Array:
    """Q̄(1-Q̄): highest where outcomes below are most open."""
    return value(nodes) * (1.0 - value(nodes))


def exploration(nodes: Nodes) -> Array:
    """√(ln(1 + N_parent) / (1 + n))."""
    return jnp.sqrt(jnp.log1p(nodes.parent_visits) / (1.0 + nodes.visits))


def uncertainty(nodes: Nodes) -> Array:
    """Entropy of the policy's move, over the logarithm of its ports."""
    return nodes.uncertainty


def cost(nodes: Nodes) -> Array:
    """Minus the steps left, over their mean over the problem's candidates."""
    left = jnp.broadcast_to(nodes.left, nodes.visits.shape)
    total = jnp.sum(left, (1, 2), where=nodes.candidate, keepdims=True)
    count = jnp.maximum(nodes.candidate.sum((1, 2), keepdims=True), 1)
    return -left / jnp.maximum(total / count, 1.0)


def depth(nodes: Nodes) -> Array:
    """Minus the junctions before it, over the most of the problem's candidates."""
    deepest = jnp.max(nodes.depth, (1, 2), where=nodes.candidate, initial=1, keepdims=True)
    return -nodes.depth / deepest


@dataclass(frozen=True)
class Weighted:
    """A sum of terms; the selector's data are their weights [len(terms)]."""

    terms: tuple[Term, ...]

    def __call__(self, nodes: Nodes, data: Array, key: Array) -> Array:
        """Scores."""
        del key
        if len(data) != len(self.terms):
            raise MazerlError(f"{len(data)} weights for {len(self.terms)} terms; give one for each")
        return sum(
            (weight * term(nodes) for weight, term in zip(data, self.terms, strict=True)),
            start=jnp.zeros(nodes.visits.shape),
        )


UUCB = Weighted((value, exploration, uncertainty, cost, depth))
"""Q̄ + c √(ln(1+N_parent)/(1+n)) + λ_H H/ln(ports) - λ_c cost - λ_d depth."""


def new_outcome(nodes: Nodes) -> Array:
    """Coverage's gain: chance that the next outcome is one that no leaf of the tree has shown."""
    return _unseen(nodes, nodes.wins[:, :1, :1], nodes.visits[:, :1, :1])


def new_contrast(nodes: Nodes) -> Array:
    """Contrast's gain: chance that leaves below a node, until now alike, will differ."""
    return _unseen(nodes, nodes.wins, nodes.visits)


def novelty(nodes: Nodes) -> Array:
    """Novelty's gain at the node alone: √(n+1) - √n."""
    return jnp.sqrt(nodes.visits + 1.0) - jnp.sqrt(nodes.visits)


def _unseen(nodes: Nodes, wins: Array, visits: Array) -> Array:
    """Chance, by Q̄, of an outcome unlike those seen; 0 where both kinds were."""
    q = value(nodes)
    return jnp.where(wins <= 0, q, 0.0) + jnp.where(wins >= visits, 1.0 - q, 0.0)


GREEDY = Weighted((new_outcome, new_contrast, novelty, cost, depth))
"""The step's gain in coverage + contrast + novelty, less cost and depth; reconstructed too."""


@dataclass(frozen=True)
class Lookahead:
    """The gain of a step and of the best one after it: argmax_v g(v) + E max_u g(u | v's outcome).

    The outcome is a success with chance Q̄; what the new walk itself meets is not foreseen. In the
    last round there is no step after it. The selector's data are (weights of the terms, weight of
    the second step); at 0 it is greedy.
    """

    terms: tuple[Term, ...] = GREEDY.terms
    tried: int = 64  # nodes, those that gain most at once, from which a second step is foreseen

    def __call__(self, nodes: Nodes, data: Any, key: Array) -> Array:
        """Scores; of nodes that are not tried, -∞."""
        weights, second = data
        gain = Weighted(self.terms)
        now = gain(nodes, weights, key)
        count, _, places = now.shape
        tried = min(self.tried, now[0].size)
        first, place = jax.lax.top_k(
            jnp.where(nodes.candidate, now, -jnp.inf).reshape(count, -1), tried
        )
        q = value(nodes).reshape(count, -1)

        def after(node: Array, win: Array) -> Array:
            leaf = node // places
            step = nodes.step_at(leaf, node % places)
            score = gain(with_walk(nodes, leaf, step, win), weights, key)
            return jnp.max(score, (1, 2), where=nodes.candidate, initial=-jnp.inf)

        def best(node: Array) -> Array:
            chance = jnp.take_along_axis(q, node[:, None], axis=1)[:, 0]
            ones = jnp.ones(count)
            return chance * after(node, ones) + (1 - chance) * after(node, 0 * ones)

        ahead = jax.lax.map(best, place.T).T
        follows = jnp.asarray(nodes.turn + 1 < nodes.turns).reshape(-1, 1)
        whole = first + second * jnp.where(follows, ahead, 0.0)
        scores = jnp.full((count, now[0].size), -jnp.inf)
        scores = scores.at[jnp.arange(count)[:, None], place].set(whole)
        return scores.reshape(now.shape)


LOOKAHEAD = Lookahead()


def uucb_weights(
    c: float = 0.5, entropy: float = 0.3, cost: float = 0.1, depth: float = 0.05, value: float = 1.0
) -> np.ndarray:
    """Weights of `UUCB`'s terms; the constants are reconstructed too.

    Raises:
        MazerlError: one of them is not finite.
    """
    named = {"value": value, "c": c, "entropy": entropy, "cost": cost, "depth": depth}
    given = [require_number(f"the weight of {name}", each) for name, each in named.items()]
    return np.asarray(given, np.float32)


def at_random(nodes: Nodes, data: Any, key: Array) -> Array:
    """Any candidate as likely as any other."""
    del data
    count, leaves, _ = nodes.visits.shape
    drawn = jax.random.uniform(key, (count, leaves, nodes.steps.size))
    return jnp.take_along_axis(drawn, jnp.minimum(nodes.step, nodes.steps[-1]), axis=2)


def whole(nodes: Nodes, data: Any, key: Array) -> Array:
    """The root: flat groups."""
    del data, key
    root = (_leaf(nodes) == 0) & (nodes.step == 0)
    return jnp.broadcast_to(root, nodes.visits.shape).astype(jnp.float32)


def evenly(nodes: Nodes, data: Any, key: Array) -> Array:
    """A fixed tree: one first walk after the other, at places ever later in it.

    The selector's data are how many first walks there are.
    """
    del key
    share = (nodes.turn + 1) / (nodes.turns + 1)
    away = jnp.abs(nodes.step / jnp.maximum(nodes.length[..., None], 1) - share)
    return -away - 2.0 * (_leaf(nodes) != nodes.turn % jnp.asarray(data))


def _leaf(nodes: Nodes) -> Array:
    return jnp.arange(nodes.visits.shape[1])[None, :, None]


def by_value(score: Callable[[Array], Array]) -> Callable[[Nodes, Any, Array], Array]:
    """An oracle: a function of V, the exact probability to arrive in the steps left.

    The selector's data are tables of V [X, T+1, arrivals] by the steps left, as of
    `exact.horizon.follow`. Make it once: each call makes a selector of its own.
    """

    def select(nodes: Nodes, data: Any, key: Array) -> Array:
        del key
        problem = jnp.arange(nodes.arc.shape[0])[:, None, None]
        return score(jnp.asarray(data)[problem, nodes.left, nodes.arc])

    return select


ORACLE = by_value(lambda v: v * (1.0 - v))
"""Where the next outcome is most open."""

HIGHEST = by_value(lambda v: v)
"""Best where all have failed."""

LOWEST = by_value(lambda v: -v)
"""Best where all have succeeded."""
