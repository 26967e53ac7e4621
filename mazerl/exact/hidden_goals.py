"""Which goal is it? Walks that look for a hidden goal and end in an answer, exactly.

A goal is drawn uniformly from the maze's K and hidden. Who comes to the vertex of one sees whether
it is the hidden one, so that a state is an arrival and the set of goals still possible. At each
state the policy moves or ends the walk, after T moves it must end; then its answer head, a row of
probabilities over goals a state, is asked. Asked earlier, after ⌊kL/5⌋ of L moves, it would

    c_k = a(hidden goal | state after ⌊kL/5⌋ moves)              be right with its confidence,
    o_k = Σ_y a(y | state at the end) a(y | state after ⌊kL/5⌋)  say what it says in the end.

Progressive confidence shaping (arXiv 2605.24396) pays R - η⟨c, w⟩, w = (.5 .3 .1 -.1 -.3 -.5),
which is R + 3.5 η × the slope of c_k on k by least squares. Where a checkpoint lies is known when
the walk has ended: mass forward in time meets the chance of ending L - t moves on.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit
from mazerl.maze import Array, Maze
from mazerl.policy.rows import rows_of

CHECKPOINTS = 6
PROGRESS = np.linspace(0.5, -0.5, CHECKPOINTS)
MOST_GOALS = 10
_MOST_ENTRIES = 2**26


class Hidden(NamedTuple):
    """S states: an arrival arc, or that a walk begins, and the goals that are possible there."""

    leads: np.ndarray  # [K, S, D, S] 1 from a state by a port to the next if this goal is hidden
    first: np.ndarray  # [K] state in which a walk begins
    possible: np.ndarray  # [S, K] goals that what was seen leaves
    arrival: np.ndarray  # [S] arrival arc; A where a walk begins

    @property
    def legal(self) -> np.ndarray:
        """Ports that there are [S, D]."""
        return self.leads[0].any(-1)


class Answering(NamedTuple):
    """A policy by its logits."""

    moves: Array  # [S, D+1] of each port, then of ending the walk
    answers: Array | None = None  # [S, K] of the answer head; None: it has none


class Checkpoints(NamedTuple):
    """What is expected of walks, goals drawn uniformly."""

    at: Array  # [6, K, S] mass of walks by hidden goal and state at each checkpoint, in all 1 each
    right: Array  # [6] c_k; the last is the chance that the answer is right
    own: Array  # [6] o_k
    moves: Array  # of a walk


def hidden_goals(maze: Maze, told: bool = False) -> Hidden:
    """Who walks does not know which of the maze's goals it is, or is told at the start.

    Raises:
        MazerlError: chance moves somewhere, or there are fewer than 2 goals or more than 10.
    """
    goals = np.asarray(maze.goals)
    if not 2 <= len(goals) <= MOST_GOALS:
        raise MazerlError(
            f"a maze of {len(goals)} goals has no answer to learn, or more sets of goals than are "
            f"kept; give one with 2 to {MOST_GOALS} goals"
        )
    if np.asarray(maze.chance).any():
        raise MazerlError("chance moves at vertices of the maze; give one without such vertices")
    rows, count = rows_of(maze), len(goals)
    sets, length = 2**count - 1, np.diff(rows.start)
    port = np.arange(rows.size) - rows.start[rows.arrival]
    arc = np.full((len(length), length.max()), -1)
    arc[rows.arrival, port] = rows.arc
    marked = (np.asarray(maze.head)[:, None] == goals) @ 2 ** np.arange(count)
    seen, before = marked[arc][:, None], np.arange(1, sets + 1)[:, None]
    after = np.stack(
        [arc[:, None] * sets + _known(before, seen, 2**goal) - 1 for goal in range(count)]
    ).reshape(count, len(length) * sets, -1)  # [K, all states, D]
    legal = np.repeat(arc >= 0, sets, 0)
    start = maze.num_arcs * sets
    some, aware = np.full(count, start + sets - 1), start + 2 ** np.arange(count) - 1
    kept = _reached(after, legal, np.append(some, aware))
    if kept.size**2 * legal.shape[1] * count > _MOST_ENTRIES:
        raise MazerlError(
            f"{count} goals leave {kept.size} states to be told apart; give a smaller maze or fewer"
        )
    leads = (after[:, kept][..., None] == kept) & legal[kept][..., None]
    known = kept % sets + 1
    return Hidden(
        leads.astype(float),
        np.searchsorted(kept, aware if told else some),
        (known[:, None] >> np.arange(count) & 1).astype(bool),
        kept // sets,
    )


def _reached(after: np.ndarray, legal: np.ndarray, first: np.ndarray) -> np.ndarray:
    """States that can be come to, in order."""
    found, new = np.unique(first), first
    while new.size:
        next_ones = np.unique(after[:, new][:, legal[new]])
        new = np.setdiff1d(next_ones, found)
        found = np.union1d(found, new)
    return found


def _known(before: np.ndarray, seen: np.ndarray, goal: int) -> np.ndarray:
    """Sets after a look: the goal alone where it was seen, else all but what it turned out not."""
    left = np.where(before & ~seen, before & ~seen, before)
    return np.where(seen == goal, goal, left)


@partial(jax.jit, static_argnames="limit")
def follow(world: Hidden, policy: Answering, limit: int) -> Checkpoints:
    """Checkpoints of a policy that `require_answers` let pass; differentiable."""
    legal = jnp.pad(world.leads[0].any(-1), ((0, 0), (0, 1)), constant_values=True)
    p = jax.nn.softmax(jnp.where(legal, policy.moves, -jnp.inf), axis=-1)
    answer = jax.nn.softmax(head_of(policy), axis=-1)  # [S, K]
    step = jnp.einsum("sd,gsdn->gsn", p[:, :-1], world.leads)

    def onward(mass: Array, _: None) -> tuple[Array, Array]:
        return jnp.einsum("gs,gsn->gn", mass, step), mass

    def before(ends: Array, _: None) -> tuple[Array, Array]:
        return step @ ends, ends

    count = len(world.first)
    begin = jnp.zeros(step.shape[:2]).at[jnp.arange(count), world.first].set(1 / count)
    mass = jax.lax.scan(onward, begin, None, limit + 1)[1]  # [T+1, K, S]
    # [T+1, K, S, K] the walk ends n moves on, and what is said there; at T it must.
    free, forced = (
        jax.lax.scan(before, jnp.broadcast_to(said, (count, *answer.shape)), None, limit + 1)[1]
        for said in (p[:, -1:] * answer, answer)
    )
    lengths = np.arange(limit + 1)
    at, own = [], []
    for k in range(CHECKPOINTS):
        time = k * lengths // (CHECKPOINTS - 1)
        later = jnp.concatenate([free[(lengths - time)[:-1]], forced[(lengths - time)[-1:]]])
        joint = (mass[time][..., None] * later).sum(0)  # [K, S, K] and what is said at the end
        at.append(joint.sum(-1))
        own.append((joint * answer[None]).sum())
    held = jnp.stack(at)
    right = jnp.einsum("kgs,sg->k", held, answer)
    return Checkpoints(held, right, jnp.stack(own), mass[1:].sum())


def head_of(policy: Answering) -> Array:
    """Logits of the answer head; a `MazerlError` if the policy has none."""
    if policy.answers is None:
        raise MazerlError(
            "the policy has no answer head, so that it cannot be asked which goal it is; give it "
            "logits of answers, a row of as many as there are goals for each state"
        )
    return policy.answers


def checkpoints(world: Hidden, policy: Answering, limit: int) -> Checkpoints:
    """What is expected of walks of at most `limit` moves, in float64.

    Raises:
        MazerlError: the policy has no answer head, its logits are of another maze or no numbers, or
            the limit is out of range.
    """
    require_limit("the limit", limit)
    with jax.enable_x64(True):
        told = follow(world, require_answers(world, policy), limit)
        return Checkpoints(*(np.asarray(each) for each in told))


def require_answers(world: Hidden, policy: Answering) -> Answering:
    """The policy in float64; a `MazerlError` if it cannot be asked which goal it is."""
    states, ports = world.legal.shape
    found = Answering(*(np.asarray(each, np.float64) for each in (policy.moves, head_of(policy))))
    wanted = ((states, ports + 1), (states, len(world.first)))
    for name, each, shape in zip(("moves", "answers"), found, wanted, strict=True):
        if np.shape(each) != shape or not np.isfinite(each).all():
            raise MazerlError(
                f"logits of {name} have shape {np.shape(each)}, or are not finite; this maze needs "
                f"finite ones of shape {shape}"
            )
    return found


def informed(told: Checkpoints, answers: np.ndarray, world: Hidden) -> float:
    """Faithfulness: I(goal; final answer | state at the start) / log K, what the walk put into it.

    0 where all was known at the start, whatever confidence does on the way. `answers` [S, K] are
    the head's probabilities.
    """
    joint = np.asarray(told.at[-1]) @ answers  # [K, K] goal, answer
    total = 0.0
    for first in np.unique(world.first):
        mine = joint[world.first == first]
        free = mine.sum(1, keepdims=True) * mine.sum(0) / mine.sum()
        ratio = np.divide(mine, free, out=np.ones_like(mine), where=mine > 0)
        total += float((mine * np.log(ratio)).sum())
    return total / float(np.log(len(joint)))


class Reliability(NamedTuple):
    """Of answers that are drawn from the head at a checkpoint, by how sure it was of them."""

    mass: np.ndarray  # [bins]
    confidence: np.ndarray  # [bins] its mean there; 0 where the mass is 0
    right: np.ndarray  # [bins] how often they are right
    error: float  # mean |confidence - how often right| over bins


def reliability(at: np.ndarray, answers: np.ndarray, bins: int = 10) -> Reliability:
    """Calibration of a head (probabilities [S, K]) at one checkpoint's mass [K, S]."""
    said = at.sum(0)[:, None] * answers
    hit = at.T * answers
    bin_of = np.minimum((answers * bins).astype(int), bins - 1).ravel()
    mass, sure, right = (
        np.bincount(bin_of, each.ravel(), bins) for each in (said, said * answers, hit)
    )
    over = np.where(mass > 0, mass, 1.0)
    return Reliability(mass, sure / over, right / over, float(np.abs(sure - right).sum()))
