"""The record of a forest of walks, and what is known of its nodes.

Leaf l of a problem is a whole walk. From step `branch[l]` on it is its own; before, its `parent`'s.
A node is (leaf, step): the arrival before that step, and all walks that were the same walk until
then. It is named by the leaf that walked there first; walks that only happen to be in one place at
one time are no node.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World
from mazerl.walk.env import Choices, choices_of
from mazerl.walk.rollouts import Walks


class Forest(NamedTuple):
    """A tree of N walks for each of X problems, by their leaves."""

    arc: Array  # [X, N, T+1] arrival arc before each step, the shared ones too; then padding
    port: Array  # [X, N, T] port taken
    entropy: Array  # [X, N, T] of the policy before each step, nats; 0 where chance moves
    length: Array  # [X, N] steps from the beginning
    reached: Array  # [X, N] bool
    parent: Array  # [X, N] leaf that it was resumed from; 0 of whole walks, -1 of leaf 0
    branch: Array  # [X, N] step at which it was; 0 of whole walks
    grown: Array  # [X, N] bool: there is such a leaf
    goal: Array  # [X] vertex

    @property
    def own(self) -> Array:
        """Steps that were walked for a leaf, none of them twice: bool [X, N, T]."""
        t = jnp.arange(self.port.shape[-1])[None, None]
        real = (t >= self.branch[..., None]) & (t < self.length[..., None])
        return real & self.grown[..., None]

    @property
    def spent(self) -> Array:
        """Environment steps of each problem [X]."""
        return jnp.where(self.grown, jnp.maximum(self.length - self.branch, 0), 0).sum(1)

    def walks(self) -> Walks:
        """All leaves as whole walks [X·N], those of a problem one after the other."""
        arc, port = (x.reshape(-1, x.shape[2]) for x in (self.arc, self.port))
        goal = jnp.repeat(self.goal, self.port.shape[1])
        length, reached = self.length.reshape(-1), self.reached.reshape(-1)
        return Walks(arc, port, goal, length, reached, ~reached)


def common(forest: Forest) -> Array:
    """How many steps two leaves have in common [X, N, N]; T of one with itself, -1 if not grown."""
    forest = jax.tree.map(jnp.asarray, forest)
    count, leaves, limit = forest.port.shape
    place = jnp.arange(leaves)[None]

    def add(leaf: Array, shared: Array) -> Array:
        parent = jnp.maximum(forest.parent[:, leaf], 0)
        of_parent = jnp.take_along_axis(shared, parent[:, None, None], axis=1)[:, 0]
        mine = jnp.minimum(of_parent, forest.branch[:, leaf, None])
        mine = jnp.where(place == leaf, limit, jnp.where(place < leaf, mine, -1))
        mine = jnp.where(forest.grown[:, leaf, None] & forest.grown, mine, -1)
        shared = shared.at[:, leaf].set(mine)
        return shared.at[:, :, leaf].set(mine)

    begin = jnp.full((count, leaves, leaves), -1, jnp.int32)
    return jax.lax.fori_loop(0, leaves, add, begin)


def below(shared: Array, worth: Array, limit: int) -> Array:
    """Sum of `worth` [X, N] over the leaves that are below each node [X, N, T+1]."""
    count, leaves, _ = shared.shape
    x, leaf = jnp.arange(count)[:, None, None], jnp.arange(leaves)[None, :, None]
    last = jnp.zeros((count, leaves, limit + 2), jnp.float32)
    last = last.at[x, leaf, shared + 1].add(jnp.where(shared >= 0, worth[:, None], 0.0))
    return jnp.flip(jnp.cumsum(jnp.flip(last, -1), -1), -1)[..., 1:]


class Nodes(NamedTuple):
    """What is known of nodes at K places of each leaf, [X, N, K] unless said.

    Places are all T steps (`nodes_of`), or those alone where walks may be resumed (`candidates`).
    """

    candidate: Array  # bool: may be resumed
    arc: Array  # arrival arc
    step: Array  # step before which it is, [1, 1, T] if places are steps; T where there is none
    visits: Array  # leaves below it
    wins: Array  # of them reach the goal
    parent_visits: Array  # leaves below the junction before it, or below the root
    uncertainty: Array  # entropy of the policy over the logarithm of the ports, 0 to 1
    depth: Array  # junctions before it
    length: Array  # [X, N] of the leaf's walk
    shared: Array  # [X, N, N] steps that two leaves have in common, as of `common`
    junction: Array  # step of the junction before it; 0, the root, where there is none
    turn: Array  # [] rounds before this one, or [X, 1, 1]
    turns: Array  # [] in all
    steps: Array  # [T] 0 … T-1

    @property
    def left(self) -> Array:
        """Steps left, of the shape of `step`."""
        return self.steps.size - self.step

    def step_at(self, leaf: Array, place: Array) -> Array:
        """Step [X] of the node at a place [X] of a leaf [X]."""
        step = jnp.broadcast_to(self.step, self.visits.shape)
        return step[jnp.arange(len(leaf)), leaf, place].astype(jnp.int32)


def junctions(arc: Array, length: Array, choices: Choices, ways: int) -> Array:
    """Whether walks [...] are at a junction before each step [..., T], after their first one.

    A junction is a vertex of `ways` ports or more at which the policy moves.
    """
    step = jnp.arange(arc.shape[-1]).reshape(*[1] * length.ndim, -1)
    inside = (step >= 1) & (step < length[..., None])
    return inside & ((choices.degree >= ways) & ~choices.chance)[arc]


def nodes_of(forest: Forest, maze: World, ways: int = 3, root: bool = True) -> Nodes:
    """Gather it. Candidates are junctions of `ways` ports or more, and if `root` the root."""
    limit = forest.port.shape[-1]
    step, choices = jnp.arange(limit)[None, None], choices_of(maze)
    arc = forest.arc[..., :-1]
    junction = junctions(arc, forest.length, choices, ways)
    candidate = junction & (step > forest.branch[..., None]) & forest.grown[..., None]
    if root:
        candidate = candidate.at[:, 0, 0].set(True)
    shared = common(forest)
    visits, wins = (
        below(shared, x.astype(jnp.float32), limit)[..., :-1]
        for x in (forest.grown, forest.reached)
    )
    # The last junction before each step, or the root.
    seen = jax.lax.cummax(jnp.where(junction, step, 0), axis=2)
    before = jnp.pad(seen, ((0, 0), (0, 0), (1, 0)))[..., :-1]
    passed = jnp.cumsum(junction, axis=2)
    return Nodes(
        candidate=candidate,
        arc=arc,
        step=step,
        visits=visits,
        wins=wins,
        parent_visits=jnp.take_along_axis(visits, before, axis=2),
        uncertainty=forest.entropy / jnp.log(jnp.maximum(choices.degree[arc], 2)),
        depth=passed - junction,
        length=forest.length,
        shared=shared,
        junction=before,
        turn=jnp.int32(0),
        turns=jnp.int32(1),
        steps=jnp.arange(limit),
    )


def with_walk(nodes: Nodes, leaf: Array, step: Array, win: Array) -> Nodes:
    """What would be known of the same nodes if one more walk had been resumed, without its own.

    Args:
        nodes: what is known.
        leaf: [X] of the node at which it is resumed.
        step: [X] of that node.
        win: [X] its success, or the chance of one.
    """
    problem = jnp.arange(len(leaf))
    shared = jnp.minimum(nodes.shared[problem, leaf], step[:, None])[..., None]
    passed = shared >= nodes.step
    return nodes._replace(
        visits=nodes.visits + passed,
        wins=nodes.wins + passed * win[:, None, None],
        parent_visits=nodes.parent_visits + (shared >= nodes.junction),
        turn=nodes.turn + 1,
    )
