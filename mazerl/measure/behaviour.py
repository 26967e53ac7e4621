"""What a policy does on a maze, arc by arc: how often it goes there, and what it decides next."""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.chain import plan_chain
from mazerl.exact.markov import hitting_times, occupancy
from mazerl.exact.plans import ChainTooLargeError
from mazerl.maze import Array, Maze, arrival_vertex
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.extraction import extract_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.scoring import is_decided, port_log_probabilities
from mazerl.walk.rollouts import Arrivals, rollout
from mazerl.walk.times import tail_time

# Walks whose attention is held in memory at once.
_TOGETHER = 8


class Behaviour(NamedTuple):
    """Averages over episodes, goals drawn uniformly. Unknown is NaN, or -1 for an arc."""

    visits: np.ndarray  # [A] traversals an episode
    divergence: np.ndarray  # [A+1] KL(policy ‖ uniform) after each arrival, nats; NaN at chance
    next_arc: np.ndarray  # [A+1] most likely move after each arrival; -1 at chance or a draw
    hitting_time: float
    how: str


def exact_behaviour(maze: Maze, probabilities: np.ndarray) -> Behaviour:
    """Of a policy that reads the arrival arc alone, given its rows [R].

    Raises:
        ChainTooLargeError: the maze is too large to be solved exactly.
    """
    rows, plan = rows_of(maze), plan_chain(maze)
    visits = occupancy(maze, probabilities, plan).mean(0)
    time = float(hitting_times(maze, probabilities, plan).mean())
    has_row = np.diff(rows.start) > 0
    begin = rows.start[:-1][has_row]
    length = np.diff(rows.start)[has_row]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probabilities > 0, probabilities * np.log(probabilities), 0.0)
    divergence = np.full(maze.num_arcs + 1, np.nan)
    divergence[has_row] = np.maximum(np.add.reduceat(terms, begin) + np.log(length), 0.0)
    best = np.full(maze.num_arcs + 1, -1)
    peak = np.maximum.reduceat(probabilities, begin)
    leads = probabilities >= np.repeat(peak, length) * (1 - 1e-9)
    alone = np.add.reduceat(leads, begin) == 1
    first = np.maximum.reduceat(np.where(leads, rows.arc, -1), begin)
    best[has_row] = np.where(alone, first, -1)
    return Behaviour(visits, divergence, best, time, "exact")


def walked_behaviour(
    policy: Policy, params: Any, maze: Maze, key: jax.Array, walks: int = 400, limit: int = 1000
) -> Behaviour:
    """Of any policy, from walks; what no walk came to is unknown.

    Raises:
        MazerlError: the policy has no whole-sequence form.
    """
    if policy.score is None:
        raise MazerlError("this policy has no whole-sequence form; draw the one that it wraps")
    walked = rollout(policy, params, maze, key, walks, limit)
    longest = int(np.asarray(walked.length).max())
    arcs = walked.arc[:, :longest]
    log_p = walk_log_probabilities(policy, maze, params, arcs)
    real = np.arange(longest) < np.asarray(walked.length)[:, None]
    own = real & np.asarray(is_decided(maze, arcs))
    arrival, p = np.asarray(arcs)[own], np.exp(np.asarray(log_p, np.float64)[own])
    degree = np.asarray(maze.degree)[np.asarray(arrival_vertex(maze))]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(1)
        count = np.bincount(arrival, minlength=maze.num_arcs + 1)
        away = np.log(degree[arrival]) - entropy
        divergence = np.bincount(arrival, away, maze.num_arcs + 1) / count
    total = np.zeros((maze.num_arcs + 1, p.shape[1]))
    np.add.at(total, arrival, p)
    port = total.argmax(1)
    alone = (total >= total.max(1, keepdims=True) * (1 - 1e-5)).sum(1) == 1
    first_arc = np.asarray(maze.first_arc)[np.asarray(arrival_vertex(maze))]
    taken = np.asarray(walked.arc)[:, 1 : longest + 1][real]
    ended = jax.tree.map(np.asarray, (walked.length, walked.reached))
    return Behaviour(
        np.bincount(taken, minlength=maze.num_arcs)[: maze.num_arcs] / walks,
        divergence,
        np.where((count > 0) & alone, first_arc + port, -1),
        tail_time(Arrivals(*ended), limit).value,
        f"{walks} walks",
    )


@partial(jax.jit, static_argnums=0)
def walk_log_probabilities(policy: Policy, maze: Maze, params: Any, arcs: Array) -> Array:
    """Of every port after every arrival [B, T, D], a few walks at a time to save memory.

    Raises:
        MazerlError: the policy has no whole-sequence form.
    """
    score = require_trainable(policy)

    def one(arcs: Array) -> Array:
        return port_log_probabilities(maze, score(maze, params, arcs[None])[0], arcs)

    return jax.lax.map(one, arcs, batch_size=_TOGETHER)


def behaviour(
    policy: Policy, params: Any, maze: Maze, key: jax.Array, walks: int = 400, limit: int = 1000
) -> Behaviour:
    """Exact where the arrival arc says all and the maze can be solved, else from walks."""
    if policy.markov:
        try:
            return exact_behaviour(maze, extract_rows(policy, maze, params))
        except ChainTooLargeError:
            pass
    return walked_behaviour(policy, params, maze, key, walks, limit)
