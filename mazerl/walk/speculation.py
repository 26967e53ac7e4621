"""Trees that are grown ahead of what is known: W nodes resumed at once, from old statistics.

    until a problem has its leaves:
        W nodes by statistics that are Δ rounds old, each as if those before it had ended as Q̄ says
        resume all of them at once
        one after the other: keep the walk if its node's score is now within `slack` of the highest,
                             else roll it back

InfoTree-style (arXiv 2605.05262), reconstructed: how it bounds staleness and rolls back is in no
public source. With W = 1 and Δ = 0 it is `trees.grow`, bit for bit.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_number, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.walk.nodes import Forest, Nodes, nodes_of, with_walk
from mazerl.walk.rollouts import GOALS_KEY, Walks, walking_of
from mazerl.walk.selectors import value
from mazerl.walk.trees import (
    Budget,
    Selector,
    best_of,
    plant,
    require_room,
    resume_at,
    round_key,
)


@dataclass(frozen=True)
class Speculation:
    """How far ahead.

    Raises:
        MazerlError: no choice at once, negative staleness, or a slack that is negative or not
            finite.
    """

    width: int = 4  # W, nodes chosen at once
    stale: int = 0  # Δ, rounds by which what is known lags behind
    slack: float = 0.0  # a walk is kept if its node's score is at most so far below the highest

    def __post_init__(self) -> None:
        """Check."""
        require_whole("W, the number of choices at once,", self.width)
        require_whole("the staleness", self.stale, 0)
        require_number("the slack", self.slack, 0.0)


# What compilations of one score differ by.
_ROUNDING = 1e-5


class Speculated(NamedTuple):
    """A forest, and what it took."""

    forest: Forest
    rounds: Array  # [X] until each problem had its leaves
    resumed: Array  # [X] walks, those rolled back too
    rolled_back: Array  # [X] of them
    wasted: Array  # [X] environment steps of those
    longest: Array  # [R, X] steps of the longest walk of each round; 0 after the last one


class _State(NamedTuple):
    number: Array  # [] of the round
    forest: Forest
    count: Array  # [X] leaves
    known: Array  # [Δ+1, X] leaves that were there after each of the last rounds, the latest first
    rounds: Array  # [X]
    resumed: Array  # [X]
    rolled_back: Array  # [X]
    wasted: Array  # [X]
    longest: Array  # [R, X]


def speculate(
    policy: Policy, params: Any, maze: World, key: Array, limit: int, budget: Budget,
    how: Speculation, select: Selector, data: Any = None, problems: int | None = None,
    goals: Array | None = None,
) -> Speculated:  # fmt: skip
    """Grow a tree for each of X problems ahead of what is known.

    Args:
        policy: what walks.
        params: its parameters.
        maze: what is walked on.
        key: the same key gives the same forest.
        limit: T.
        budget: walks; those rolled back count for nothing, and a bound on steps is not kept.
        how: W, Δ and the slack.
        select: which nodes to resume; it has to be a function of its key alone where it draws.
        data: handed to the selector.
        problems: X; as many as mazes by default.
        goals: [X] vertices instead, one for each problem.

    Raises:
        MazerlError: as `trees.grow`; a budget that resumes several walks at a node, bounds steps, or
            keeps the root from being selected.
    """
    if budget.width != 1 or budget.steps is not None or not budget.root:
        raise MazerlError(
            "speculation resumes one walk at a node, counts walks and may select the root; give a "
            "budget of width 1, without steps and with the root"
        )
    count = len(goals) if goals is not None else problems or maze.num_mazes
    require_room(count, budget, limit)
    return _speculate(policy, select, budget, how, limit, count, params, maze, key, data, goals)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4, 5))
def _speculate(
    policy: Policy, select: Selector, budget: Budget, how: Speculation, limit: int, count: int,
    params: Any, maze: World, key: Array, data: Any, goals: Array | None,
) -> Speculated:  # fmt: skip
    forest = plant(policy, params, maze, key, goals, count, limit, (budget.first, budget.leaves))
    # A round whose statistics are of now keeps its first walk at least.
    most = max(budget.rounds * (how.stale + 1), 1)
    none, first = jnp.zeros(count, jnp.int32), jnp.full(count, budget.first, jnp.int32)
    state = _State(
        jnp.int32(0), forest, first, jnp.broadcast_to(first, (how.stale + 1, count)),
        none, none, none, none, jnp.zeros((most, count), jnp.int32),
    )  # fmt: skip

    def known_of(forest: Forest, count: Array) -> Nodes:
        nodes = nodes_of(forest, maze, budget.ways)
        turn = (count - budget.first)[:, None, None]
        return nodes._replace(turn=turn, turns=jnp.int32(budget.rounds))

    def one(state: _State) -> _State:
        now = round_key(key, state.number)
        begun = jax.random.fold_in(now, GOALS_KEY)
        others = jax.vmap(jax.random.fold_in, (None, 0))(begun, jnp.arange(1, how.width))
        keys = jnp.concatenate([begun[None], others])
        there = jnp.arange(budget.leaves)[None] < state.known[-1][:, None]

        def choose(nodes: Nodes, key: Array) -> tuple[Nodes, tuple[Array, Array]]:
            leaf, step, _ = best_of(nodes, select(nodes, data, key))
            foreseen = value(nodes)[jnp.arange(count), leaf, step]
            return with_walk(nodes, leaf, step, foreseen), (leaf, step)

        old = known_of(state.forest._replace(grown=there), state.known[-1])
        old = old._replace(
            visits=jnp.asarray(old.visits, jnp.float32), turn=jnp.asarray(old.turn, jnp.int32)
        )
        _, (leaf, step) = jax.lax.scan(choose, old, keys)
        walking = walking_of(policy, params, maze, now, count * how.width)
        walks, entropy = resume_at(policy, walking, state.forest, leaf.T, step.T)
        walked = jax.tree.map(
            lambda x: x.reshape(count, how.width, *x.shape[1:]).swapaxes(0, 1), (walks, entropy)
        )

        def score(forest: Forest, count: Array, key: Array) -> tuple[Nodes, Array]:
            nodes = known_of(forest, count)
            return nodes, select(nodes, data, key)

        return _commit(state, score, how.slack, keys, _Tried(leaf, step, *walked))

    def unfinished(state: _State) -> Array:
        return (state.count < budget.leaves).any() & (state.number < most)

    ended = jax.lax.while_loop(unfinished, one, state)
    return Speculated(
        ended.forest, ended.rounds, ended.resumed, ended.rolled_back, ended.wasted, ended.longest
    )


class _Tried(NamedTuple):
    """W walks of each problem that may be kept, [W, X] and what they are."""

    leaf: Array
    step: Array
    walks: Walks
    entropy: Array


def _commit(state: _State, score: Any, slack: float, keys: Array, tried: _Tried) -> _State:
    """Keep the walks whose nodes are still good, one after the other."""
    leaves, problem = state.forest.grown.shape[1], jnp.arange(len(state.count))
    begun = state.count < leaves
    own = jnp.where(begun, tried.walks.length - tried.step, 0)

    def one(carry: tuple[Forest, Array], each: tuple[Array, _Tried]
            ) -> tuple[tuple[Forest, Array], Array]:  # fmt: skip
        (forest, count), (key, walk) = carry, each
        nodes, now = score(forest, count, key)
        least = best_of(nodes, now)[2] - slack - _ROUNDING
        keeps = (now[problem, walk.leaf, walk.step] >= least) & (count < leaves)
        place = jnp.minimum(count, leaves - 1)

        def put(old: Array, new: Array) -> Array:
            mine = keeps.reshape(-1, *[1] * (new.ndim - 1))
            return old.at[problem, place].set(jnp.where(mine, new, old[problem, place]))

        walks = walk.walks
        forest = forest._replace(
            arc=put(forest.arc, walks.arc), port=put(forest.port, walks.port),
            entropy=put(forest.entropy, walk.entropy), length=put(forest.length, walks.length),
            reached=put(forest.reached, walks.reached), branch=put(forest.branch, walk.step),
            parent=put(forest.parent, walk.leaf.astype(jnp.int32)),
            grown=put(forest.grown, keeps),
        )  # fmt: skip
        return (forest, count + keeps), keeps

    (forest, count), kept = jax.lax.scan(one, (state.forest, state.count), (keys, tried))
    lost = begun & ~kept
    return _State(
        number=state.number + 1, forest=forest, count=count,
        known=jnp.concatenate([count[None], state.known[:-1]]),
        rounds=state.rounds + begun, resumed=state.resumed + begun * len(keys),
        rolled_back=state.rolled_back + lost.sum(0),
        wasted=state.wasted + jnp.where(lost, own, 0).sum(0),
        longest=state.longest.at[state.number].set(own.max(0)),
    )  # fmt: skip


def wall_clock(longest: np.ndarray, stale: int, per_step: float, per_round: float) -> np.ndarray:
    """Time until each problem has its leaves [X], where each of W choices has a worker of its own.

    A round lasts as long as its longest walk. Choosing, and telling workers, takes `per_round` on
    top of it; from statistics a round old or older it is done while walks are on their way.

    Args:
        longest: [R, X] of `Speculated`.
        stale: Δ that it was grown with.
        per_step: time of a step.
        per_round: time of a choice.

    Raises:
        MazerlError: a time that is negative or not finite, or negative staleness.
    """
    require_whole("the staleness", stale, 0)
    walk = np.asarray(longest) * require_number("the time of a step", per_step, 0.0)
    choice = require_number("the time of a choice", per_round, 0.0)
    busy = np.asarray(longest) > 0
    each = np.maximum(walk, choice) if stale else walk + choice
    return np.asarray(np.where(busy, each, 0.0).sum(0))
