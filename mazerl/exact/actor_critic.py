"""What an actor-critic with a table of values expects to do to a policy, exactly.

    walks end at the goal or after T steps; the policy is that of rows, blind to the time
    values    = where averaging advantages in leaves them: each the mean of the λ-returns seen there
    advantage = GAE(γ, λ) of them
    update    = Σ_{t<T} of expected advantage times the score of the move, a walk

Two things are chosen. What the limit cuts off is worth its value (a time-out: partial-episode
bootstrapping), or nothing (an end). The critic sees the steps that are left (time-awareness), or
arrivals alone. Both are of Pardo et al. 2018. A critic that sees the time takes a time-out to be
the begin of as many steps more, so that its value there is the value of going on for ever.
Arrivals that no walk leaves in time keep the value of 0 that tables begin with.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from mazerl.errors import require_limit, require_number
from mazerl.exact.horizon import all_moves, follow
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of


@dataclass(frozen=True)
class ActorCritic:
    """Rewards, returns, and what the end at the limit is."""

    limit: int  # T
    arrival: float = 1.0  # reward of reaching the goal
    penalty: float = 0.0  # cost of a step
    gamma: float = 1.0  # discount a step
    lam: float = 1.0  # decay of later errors
    bootstraps: bool = True  # at the limit
    sees_time: bool = False


class Update(NamedTuple):
    """An expected update, and what it rests on."""

    logits: np.ndarray  # [R] of a walk, by the logits of the rows
    values: np.ndarray  # [T+1, A+1] the critic's after t steps; the last stands for the rest
    occupancy: np.ndarray  # [T+1, A+1] P(after arrival e at time t, goal not reached)
    advantage: np.ndarray  # [T, A+1] expected, of the move after arrival e at time t


class _Chain(NamedTuple):
    there: np.ndarray  # [A+1] bool: arrivals at the goal
    onward: csr_array  # [A+1, A+1] moves that do not arrive
    reward: np.ndarray  # [A+1] expected, of the step after an arrival


def expected_update(
    maze: Maze, p: np.ndarray, goal: int, method: ActorCritic, table: np.ndarray | None = None
) -> Update:
    """The expected update of one problem, with row probabilities [R].

    A table [A+1] of values that are still being learned, blind to the time, may stand for those
    that averaging ends with. Memory and time grow with T, and where the critic does not see the
    time with (A+1)² as well.

    Raises:
        MazerlError: the probabilities are no rows of this maze, the goal is none of its vertices or
            is the start, or a number is out of range.
    """
    limit = require_limit("the time limit", method.limit)
    for name, value in (("gamma", method.gamma), ("lam", method.lam)):
        require_number(name, value, 0.0, 1.0)
    occupancy = follow(maze, p, limit, goal).occupancy
    chain = _chain(maze, p, goal, method)
    if table is None:
        values = (_timed if method.sees_time else _blind)(chain, occupancy, method)
    else:
        values = _always(table, method)
    rows, gradient = rows_of(maze), np.zeros(len(p))
    here, on = rows.arrival, ~chain.there[rows.arc]
    step = np.where(on, 0.0, method.arrival) - method.penalty
    later, advantage = np.zeros(maze.num_arcs + 1), np.zeros_like(occupancy[1:])
    for t in range(limit - 1, -1, -1):
        ahead = method.gamma * on * (values[t + 1] + method.lam * later)[rows.arc]
        worth = step + ahead
        mean = np.bincount(here, p * worth, len(later))
        gradient += occupancy[t, here] * p * (worth - mean[here])
        error = chain.reward + method.gamma * (chain.onward @ values[t + 1]) - values[t]
        later = error + method.gamma * method.lam * (chain.onward @ later)
        advantage[t] = later
    return Update(gradient, values, occupancy, advantage)


def _chain(maze: Maze, p: np.ndarray, goal: int, method: ActorCritic) -> _Chain:
    source, target, moved = all_moves(maze, p)
    size = maze.num_arcs + 1
    there = np.append(np.asarray(maze.head) == goal, False)
    on = ~there[target]
    onward = csr_array((moved[on], (source[on], target[on])), shape=(size, size))
    arrives = np.bincount(source[~on], moved[~on], size)
    return _Chain(there, onward, method.arrival * arrives - method.penalty)


def _timed(chain: _Chain, occupancy: np.ndarray, method: ActorCritic) -> np.ndarray:
    values = np.zeros_like(occupancy)
    if method.bootstraps:
        # With a new limit at every time-out a walk goes on for ever.
        system = np.eye(values.shape[1]) - method.gamma * chain.onward.toarray()
        values[:] = np.linalg.solve(system, chain.reward)
        return values
    for t in range(method.limit - 1, -1, -1):
        values[t] = chain.reward + method.gamma * (chain.onward @ values[t + 1])
    return values


def _blind(chain: _Chain, occupancy: np.ndarray, method: ActorCritic) -> np.ndarray:
    """The values v with Σ_t d_t(e) (advantage after e at time t) = 0: the advantages are linear."""
    size = occupancy.shape[1]
    before = np.eye(size)
    # A column of what rewards say, and one for each value.
    error = np.column_stack([chain.reward, method.gamma * chain.onward.toarray() - before])
    later = error if method.bootstraps else np.column_stack([chain.reward, -before])
    total = occupancy[-2][:, None] * later
    for here in occupancy[-3::-1]:
        later = error + method.gamma * method.lam * (chain.onward @ later)
        total += here[:, None] * later
    left = np.flatnonzero(occupancy[:-1].sum(0) > 0)
    found = np.zeros(size)
    found[left] = np.linalg.solve(total[np.ix_(left, left + 1)], -total[left, 0])
    return _always(found, method)


def _always(table: np.ndarray, method: ActorCritic) -> np.ndarray:
    """Values [T+1, A+1] that are the same at all times, but for an end."""
    values = np.tile(table, (method.limit + 1, 1))
    if not method.bootstraps:
        values[-1] = 0.0
    return values


def success_variance(maze: Maze, p: np.ndarray, goal: int, values: np.ndarray) -> float:
    """Total variance of one walk's update Σ_t (1{τ ≤ T} - v_t) ∇log π, the sum over logits.

    By first and second moments of what is still to come, given how the walk will end. Any values
    leave the mean at ∇P(τ ≤ T), because they do not depend on the move.

    Args:
        maze: what is walked on.
        p: row probabilities [R].
        goal: vertex.
        values: [T+1, A+1] or [T, A+1], of arrivals by time.
    """
    limit, size = len(values) - 1, maze.num_arcs + 1
    rows, (source, target, moved) = rows_of(maze), all_moves(maze, p)
    there = np.append(np.asarray(maze.head) == goal, False)
    scores = _scores(rows.arrival, p, len(source))
    length = (scores**2).sum(1)
    total, mean = 0.0, np.zeros(len(p))
    by_source = csr_array((moved, (source, np.arange(len(source)))), shape=(size, len(source)))
    for reward in (0.0, 1.0):
        # Over walks that end so: their share, and moments of their updates.
        share = np.where(there, reward, 1.0 - reward)
        first, second = np.zeros((size, len(p))), np.zeros(size)
        for t in range(limit - 1, -1, -1):
            by = (reward - values[t])[source]
            pull = by * (scores * first[target]).sum(1)
            second_of = by**2 * length * share[target] + 2 * pull + second[target]
            first_of = by[:, None] * scores * share[target][:, None] + first[target]
            stays = there
            second = np.where(stays, 0.0, by_source @ second_of)
            first = np.where(stays[:, None], 0.0, by_source @ first_of)
            share = np.where(stays, reward, by_source @ share[target])
        total, mean = total + float(second[-1]), mean + first[-1]
    return total - float(mean @ mean)


def _scores(arrival: np.ndarray, p: np.ndarray, moves: int) -> np.ndarray:
    """∇log π of every move [M, R]; none of chance's."""
    scores = np.zeros((moves, len(p)))
    scores[: len(p)] = np.eye(len(p)) - np.where(arrival[:, None] == arrival, p, 0.0)
    return scores
