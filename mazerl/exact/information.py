"""What moves tell of the goal, of a policy that is Markov in the arrival arc and sees its goal.

Goals are drawn uniformly, a walk ends at its goal or after T moves, and all is in nats:

    I(goal; move | arrival at t)   by dynamic programming: what one move tells to someone who sees
                                   where the walk is, and nothing of how it came there
    I(goal; first h moves)         by enumeration, or from walks with exact likelihoods: a mixture
                                   over goals is not Markov, so that it is no sum of the first

A policy that is blind to its goal has 0 of either, whatever its entropy (template collapse; arXiv
2604.06268). `in_batch` are the estimates which that paper makes of the second from P prompts and G
walks of each, L_ikj = log π(walk k of prompt i | prompt j).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import logsumexp

from mazerl.errors import MazerlError, require_limit, require_seed, require_whole
from mazerl.exact.horizon import all_moves
from mazerl.maze import Maze
from mazerl.maze.problems import require_goals
from mazerl.policy.extraction import row_logits
from mazerl.policy.preferences import require_seeing
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout

MOST_LIKELIHOODS = 2**25
"""Sequences of moves times goals that are held at once, a quarter of a GiB."""


class MoveInformation(NamedTuple):
    """Of the move after t steps, t = 0 … T-1; nothing is told by walks that have ended."""

    information: np.ndarray  # [T] I(goal; move | arrival at t), times P(still walking)
    entropy: np.ndarray  # [T] of the move, given goal and arrival, times that
    walking: np.ndarray  # [T] P(still walking) where the policy moves

    def a_move(self) -> float:
        """I(goal; move | arrival) in nats a move: the mean over moves of the policy's own."""
        return float(self.information.sum() / self.walking.sum())

    def entropy_a_move(self) -> float:
        """Entropy in nats a move."""
        return float(self.entropy.sum() / self.walking.sum())


def move_information(
    maze: Maze, probabilities: np.ndarray, limit: int, goals: np.ndarray | None = None
) -> MoveInformation:
    """What each move tells of the goal, by rows [X, R] or those of a blind policy [R].

    Raises:
        MazerlError: the probabilities are no rows of this maze, a goal is none of its vertices or
            is the start, or the limit is no whole number from 1 to 2³¹ - 1.
    """
    require_limit("the time limit", limit)
    goals = require_goals(maze, goals)
    p = require_seeing(maze, probabilities, len(goals))
    rows, size, count = rows_of(maze), maze.num_arcs + 1, len(goals)
    source, target, _ = all_moves(maze, p[0])
    moved = np.stack([all_moves(maze, own)[2] for own in p])
    place = size * np.arange(count)[:, None]
    onward = (place + target).ravel()
    there = np.append(np.asarray(maze.head), -1) == goals[:, None]
    mass = np.zeros((count, size))
    mass[:, -1] = 1.0
    told = MoveInformation(*(np.zeros(limit) for _ in range(3)))
    for t in range(limit):
        joint = mass[:, rows.arrival] * p / count
        told.walking[t] = joint.sum()
        told.entropy[t] = -_x_log(joint, p).sum()
        # Of someone who has seen the arrival, a mixture by who is likely to be there.
        among = mass.mean(0)[rows.arrival]
        mixed = np.divide(joint.sum(0), among, out=np.zeros_like(among), where=among > 0)
        told.information[t] = -_x_log(joint, mixed).sum() - told.entropy[t]
        after = np.bincount(onward, (moved * mass[:, source]).ravel(), size * count)
        mass = np.where(there, 0.0, after.reshape(count, size))
    return told


class Told(NamedTuple):
    """Of the first h moves, fewer where the walk ends before."""

    information: float  # I(goal; moves)
    entropy: float  # of the moves, given the goal


def prefix_information(
    maze: Maze, probabilities: np.ndarray, moves: int, goals: np.ndarray | None = None
) -> Told:
    """I(goal; first h moves) by enumeration of all sequences of moves; arguments as above.

    Raises:
        MazerlError: as of `move_information`, chance moves somewhere, or there are too many
            sequences.
    """
    goals, p = _asked(maze, probabilities, moves, goals)
    sequences = _sequences(maze, moves)
    if sequences * len(goals) > MOST_LIKELIHOODS:
        raise MazerlError(
            f"the first {moves} moves have {sequences:.3g} sequences, which for {len(goals)} goals "
            f"take {sequences * len(goals) * 8 / 2**30:.3g} GiB; give fewer moves, or sample them "
            "(sample_prefixes)"
        )
    information = entropy = 0.0
    for likelihood in _enumerated(maze, p, moves, goals):
        joint, among = likelihood / len(goals), likelihood.mean(1, keepdims=True)
        own = -_x_log(joint, likelihood).sum()
        entropy += own
        information += -_x_log(joint, np.broadcast_to(among, joint.shape)).sum() - own
    return Told(float(information), float(entropy))


def _enumerated(maze: Maze, p: np.ndarray, moves: int, goals: np.ndarray) -> Iterator[np.ndarray]:
    """Likelihoods [sequences, X] by each goal of all that ends after 1, 2, … h moves."""
    rows = rows_of(maze)
    heads = np.append(np.asarray(maze.head), -1)
    arrival, likelihood = np.array([maze.num_arcs]), np.ones((1, len(goals)))
    for left in reversed(range(moves)):
        length = np.diff(rows.start)[arrival]
        before = np.repeat(np.arange(len(arrival)), length)
        port = np.arange(len(before)) - np.repeat(np.cumsum(length) - length, length)
        entry = rows.start[arrival[before]] + port
        likelihood = likelihood[before] * p[:, entry].T
        arrival = rows.arc[entry]
        if left:
            # An end is seen, except after the last move.
            there = heads[arrival][:, None] == goals
            ended = np.where(there, likelihood, 0.0)
            yield ended[ended.any(1)]
            likelihood = np.where(there, 0.0, likelihood)
        possible = likelihood.any(1)
        arrival, likelihood = arrival[possible], likelihood[possible]
    yield likelihood


def _sequences(maze: Maze, moves: int) -> float:
    """How many sequences of so many moves there are."""
    rows = rows_of(maze)
    count = np.append(np.zeros(maze.num_arcs), 1.0)
    for _ in range(moves):
        count = np.bincount(rows.arc, count[rows.arrival], maze.num_arcs + 1)
    return float(count.sum())


class Prefixes(NamedTuple):
    """The first moves of G walks of each of P goals, and what every goal makes of them."""

    log_likelihood: np.ndarray  # [P, G, P] L_ikj, -inf where goal j would have ended it elsewhere
    length: np.ndarray  # [P, G] moves


def sample_prefixes(
    maze: Maze,
    probabilities: np.ndarray,
    moves: int,
    walks: int,
    seed: int,
    goals: np.ndarray | None = None,
) -> Prefixes:
    """The first moves of so many walks of each goal, with exact likelihoods.

    Raises:
        MazerlError: as of `move_information`, chance moves somewhere, or a count or the seed is out
            of range.
    """
    goals, p = _asked(maze, probabilities, moves, goals)
    require_whole("the number of walks", walks)
    rows, heads = rows_of(maze), np.append(np.asarray(maze.head), -1)
    logits = row_logits(p)
    log_p = np.where(p > 0, logits, -np.inf)
    keys = jax.random.split(seeded_key(require_seed("the seed", seed)), len(goals))
    told = Prefixes(
        np.zeros((len(goals), walks, len(goals))), np.zeros((len(goals), walks), np.int64)
    )
    for x, key in enumerate(keys):
        alone = replace(maze, goals=goals[x : x + 1])
        seen = rollout(TABULAR, logits[x].astype(np.float32), alone, key, walks, moves)
        arc, length = np.asarray(seen.arc), np.asarray(seen.length)
        made = np.arange(moves) < length[:, None]
        entry = np.where(made, rows.start[arc[:, :-1]] + np.asarray(seen.port), 0)
        each = np.where(made[..., None], log_p.T[entry], 0.0).sum(1)
        # Where another's walk would have ended, or not have ended.
        arrived = np.where(made, heads[arc[:, 1:]], -1)
        passed = (arrived[:, :-1, None] == goals).any(1)
        ended = np.asarray(seen.reached)[:, None] & (length < moves)[:, None]
        impossible = np.where(ended, goals != goals[x], passed)
        told.log_likelihood[x] = np.where(impossible, -np.inf, each)
        told.length[x] = length
    return told


class InBatch(NamedTuple):
    """The estimates of arXiv 2604.06268 from a batch of P prompts and G walks of each."""

    sequence: float  # MI-Seq-Est: mean of L_iki - log mean_j exp L_ikj; at most log P
    error: float  # standard error of it, prompts as they are
    per_move: float  # MI-Est (its Eq. 1): the same, divided by each walk's length first
    as_coded: float  # as its code has it: L divided by the length before the mean over prompts
    retrieval: float  # Retrieval-Acc: share of walks that their own prompt makes likeliest


def in_batch(prefixes: Prefixes) -> InBatch:
    """What a batch tells of I(goal; moves). Where all goals are in it, `sequence` is unbiased.

    In a draw between prompts a walk counts for `retrieval` by the share of its own among them.
    """
    told, length = prefixes
    prompts, walks = length.shape
    own = np.einsum("iki->ik", told)
    each = own - (logsumexp(told, 2) - np.log(prompts))
    scaled = told / length[..., None]
    coded = np.einsum("iki->ik", scaled) - (logsumexp(scaled, 2) - np.log(prompts))
    likeliest = told >= told.max(2, keepdims=True) - 1e-9
    found = np.einsum("iki->ik", likeliest) / likeliest.sum(2)
    error = np.sqrt(each.var(1, ddof=1).mean() / each.size) if walks > 1 else np.inf
    return InBatch(
        sequence=float(each.mean()),
        error=float(error),
        per_move=float((each / length).mean()),
        as_coded=float(coded.mean()),
        retrieval=float(found.mean()),
    )


def _asked(
    maze: Maze, probabilities: np.ndarray, moves: int, goals: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    require_limit("the number of moves", moves)
    if np.asarray(maze.chance).any():
        raise MazerlError(
            "the maze has vertices where chance moves, which are no moves of the policy's; give "
            'one whose policy moves everywhere, as fork="learned"'
        )
    wanted = require_goals(maze, goals)
    return wanted, require_seeing(maze, probabilities, len(wanted))


def _x_log(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """x log p, 0 where x is 0."""
    return x * np.log(np.where(x > 0, p, 1.0))
