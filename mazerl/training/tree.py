"""GRPO on trees of walks: what a group may spend goes where a selector says.

    for each update:
        forest = `groups` trees, each to a drawn goal: `first` whole walks, then walks resumed at
                 nodes that a selector chooses, until there are `leaves` (`walk.trees`)
        one tempered walk for trees whose leaves all end alike, if `rescue` (`training.rescuing`)
        credit = what each step is worth by a rule (`training.credit`)
        for each of `epochs` passes over `minibatches` parts:
            loss = -mean over the policy's own moves of min(r A, clip(r) A) - entropy · H(π)

A step that leaves share is one move of the mean. The reward is 1 for arriving within the limit,
and steps cost nothing. A tree that does not branch is GRPO's group. UUCB is InfoTree-style
(arXiv 2605.05262), reconstructed (`walk.selectors`); a selector may also be told something of the
world and the parameters before each update, as an oracle is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.scoring import is_decided, judge
from mazerl.policy.tabular import TABULAR
from mazerl.training.credit import RULES, Credit
from mazerl.training.method import Batch, Method, Metrics, Params, Training
from mazerl.training.objectives import Moves, Normalize, move_weights, policy_terms
from mazerl.training.parallel import split_walkers
from mazerl.training.rescuing import Rescue, learned_of, nothing_known, rescued
from mazerl.walk.nodes import Forest
from mazerl.walk.rescue import Rescued
from mazerl.walk.selectors import UUCB, at_random, evenly, uucb_weights, whole
from mazerl.walk.trees import Budget, Selector, grow_inside

TRAINING = Training(
    steps=400, optimizer="adam", rate=0.01, record_every=10, max_norm=0.5, kl_stop=0.05
)


class TreeTask(NamedTuple):
    """What is traced."""

    clip: float = 0.2
    entropy: float = 0.0
    weights: Any = uucb_weights()  # of UUCB's terms


@dataclass(frozen=True)
class Informed:
    """A selector, and what it is told before each update: (world, task, params) → its data."""

    select: Selector
    tell: Callable[[World, TreeTask, Params], Any] = lambda world, task, params: None


SELECTORS: dict[str, Selector] = {
    "uucb": UUCB, "evenly": evenly, "at_random": at_random, "whole": whole
}  # fmt: skip
"""By name: a fixed tree is `evenly`, flat groups are `whole`."""


@dataclass(frozen=True)
class Trees:
    """What is static: shapes, counts, the selector and the rule of credit."""

    groups: int = 16  # trees an update
    leaves: int = 16  # walks of a tree, at least 2
    first: int = 8  # of them whole ones, before anything is selected
    at_once: int = 1  # walks resumed at a node that is selected
    ways: int = 3  # ports from which on a vertex is a junction, where walks may be resumed
    most_steps: int | None = None  # a tree that has taken so many takes no further walk
    limit: int = 256  # steps after which a walk has failed
    epochs: int = 1
    minibatches: int = 1
    selector: str | Informed = "uucb"  # of `SELECTORS`, or another
    credit: str | Credit = "leaves"  # of `credit.RULES`, or another
    normalize: Normalize = "tokens"
    rescue: Rescue | None = None  # none is asked for

    @property
    def budget(self) -> Budget:
        """Of each tree."""
        return Budget(self.leaves, self.first, self.at_once, self.most_steps, self.ways)


class _Samples(NamedTuple):
    """Leaves as whole walks."""

    arc: Array  # [L, T]
    moves: Moves  # [L, T]; decided where the step is the leaf's own; by what drew them
    credit: Array  # [L, T]
    mine: Array  # [L, T] log-probability by the policy itself, which KL is counted from


def tree(maze: World, policy: Policy = TABULAR, sizes: Trees | None = None) -> Method:
    """GRPO on trees in a maze. Parameters: the policy's. Task: a `TreeTask`.

    Raises:
        MazerlError: a size below 1, trees of one walk or of fewer than their first ones, rounds or
            minibatches that do not divide them, an unknown selector, rule or normalisation, a maze
            without a junction, or a policy that cannot be trained.
    """
    sizes = sizes or Trees()
    for name in ("groups", "leaves", "first", "at_once", "ways", "limit", "epochs", "minibatches"):
        require_whole(name, getattr(sizes, name))
    asked: tuple[tuple[str, object, Iterable[str]], ...] = (
        ("selector", sizes.selector, SELECTORS),
        ("rule of credit", sizes.credit, RULES),
        ("normalisation", sizes.normalize, get_args(Normalize)),
    )
    for told, chosen, known in asked:
        if isinstance(chosen, str) and chosen not in known:
            raise MazerlError(f"unknown {told} {chosen!r}; known: {', '.join(known)}")
    _require_shapes(sizes)
    if sizes.leaves > sizes.first and sizes.selector != "whole":
        decided = np.asarray(maze.degree)[~np.asarray(maze.chance)]
        if not (decided >= sizes.ways).any():
            raise MazerlError(
                f"no vertex of the maze has {sizes.ways} ports or more, so that no walk could be "
                "resumed; give fewer ways, or the selector 'whole'"
            )
    require_trainable(policy)
    return replace(_tree(policy, sizes), world=maze)


def _require_shapes(sizes: Trees) -> None:
    if sizes.leaves < 2:
        raise MazerlError("a tree of 1 walk has nothing to compare it with; give 2 leaves or more")
    later = sizes.leaves - sizes.first
    if later > 0 and later % sizes.at_once:
        raise MazerlError(
            f"{later} walks after the first are no rounds of {sizes.at_once}; let at_once divide "
            "them"
        )
    _ = sizes.budget  # which checks the rest
    walks = sizes.groups * (sizes.leaves + (sizes.rescue is not None))
    if walks % sizes.minibatches:
        raise MazerlError(
            f"{sizes.minibatches} minibatches do not divide {walks} walks; give a divisor"
        )


@lru_cache
def _tree(policy: Policy, sizes: Trees) -> Method:
    """The method, but for the maze."""
    budget = sizes.budget
    named = _informed(sizes)
    rule = RULES[sizes.credit] if isinstance(sizes.credit, str) else sizes.credit

    def begin(maze: World, task: TreeTask, key: Array) -> Any:
        del task, key
        return () if sizes.rescue is None else nothing_known(maze)

    def walk(maze: World, task: TreeTask, params: Any, state: Any, key: Array
             ) -> tuple[Forest | Rescued, Any]:  # fmt: skip
        told = named.tell(maze, task, params)
        forest = grow_inside(
            policy, params, maze, key, sizes.limit, budget, named.select, told, sizes.groups
        )
        if sizes.rescue is None:
            return split_walkers(forest), state
        known = learned_of(state, forest, sizes.first)
        more = rescued(sizes.rescue, policy, params, maze, key, forest, known)
        return split_walkers(more), known

    def collect(
        maze: World, task: TreeTask, params: Any, walked: Any, key: Array, share: Array
    ) -> Batch:
        del key
        forest, hot = (walked, None) if sizes.rescue is None else walked
        walks = forest.walks()
        arc = walks.arc[:, :-1]
        judged = judge(policy, maze, params, arc, walks.port)
        own = (forest.own.reshape(arc.shape) & is_decided(maze, arc)).astype(jnp.float32)
        mine = drawn = judged.log_probability
        if hot is not None:
            drawn = mine.reshape(forest.port.shape).at[:, -1].set(hot).reshape(arc.shape)
        moves = Moves(walks.port, drawn, own)
        samples = _Samples(arc, moves, rule(forest).reshape(arc.shape), mine)
        return Batch(samples, (task.clip, task.entropy * (1 - share)), _seen(forest, sizes))

    def loss(maze: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        samples, (clip, entropy) = batch.samples, batch.shared
        now = judge(policy, maze, params, samples.arc, samples.moves.port)
        weight = None
        if sizes.normalize != "tokens":
            weight = move_weights(samples.moves.decided, sizes.normalize)
        terms = policy_terms(now, samples.moves, samples.credit, clip, weight=weight)
        kl = terms.kl
        if sizes.rescue is not None:
            plain = samples.moves._replace(log_probability=samples.mine)
            kl = policy_terms(now, plain, samples.credit, clip).kl
        told = {"entropy": terms.entropy, "kl": kl}
        return -terms.gain - entropy * terms.entropy, told

    return Method(collect, loss, begin, walk, epochs=sizes.epochs, minibatches=sizes.minibatches)


def _informed(sizes: Trees) -> Informed:
    """UUCB is told its weights, other names how many first walks there are."""
    if isinstance(sizes.selector, Informed):
        return sizes.selector
    if sizes.selector == "uucb":
        return Informed(UUCB, lambda world, task, params: task.weights)
    return Informed(SELECTORS[sizes.selector], lambda world, task, params: sizes.first)


def _seen(forest: Forest, sizes: Trees) -> Metrics:
    """Success and length are of whole walks alone: those resumed are no sample of the policy's."""
    first = slice(None), slice(sizes.first)
    wins = (forest.reached & forest.grown).sum(1)
    leaf = jnp.arange(forest.grown.shape[1])[None]
    resumed = forest.grown & (leaf >= sizes.first) & (leaf < sizes.leaves)
    told = {
        "success": forest.reached[first].mean(),
        "length": forest.length[first].mean(),
        "mixed": jnp.mean((wins > 0) & (wins < forest.grown.sum(1))),
        "steps": forest.spent.sum().astype(jnp.float32),
        "depth": jnp.sum(forest.branch * resumed) / jnp.maximum(resumed.sum(), 1),
    }
    if sizes.rescue is None:
        return told
    last = forest.grown[:, -1]
    flipped = last & (wins > 0) & (wins < forest.grown.sum(1))
    return told | {
        "rescues": last.sum().astype(jnp.float32),
        "flips": flipped.sum().astype(jnp.float32),
    }
