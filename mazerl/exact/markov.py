"""Exact answers about any maze, under any policy that is Markov in the arrival arc.

Policies come in as row probabilities [R], laid out by `rows_of` (`row_probabilities` makes
 them from logits, `extract_rows` from any Markov policy). Times are in steps. Nothing is
subtracted on the way to a hitting time, so results keep a relative accuracy near machine precision
even at 1e50; a goal that may never be reached has time +inf.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from mazerl.errors import MazerlError
from mazerl.exact.chain import (
    ChainPlan,
    goal_blocks,
    move_probabilities,
    plan_chain,
    times_from_start,
)
from mazerl.maze import Array, Maze
from mazerl.policy.rows import require_rows
from mazerl.walk.env import Reward


def hitting_times(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected steps from the start to each goal [G]; +inf where the goal may never be reached.

    Raises:
        MazerlError: the probabilities are not of this maze, or a time is finite but overflows.
    """
    plan = plan or plan_chain(maze)
    p = require_rows(maze, probabilities)
    times = np.asarray(times_from_start(plan, p))
    for goal in np.flatnonzero(np.isinf(times)):
        if _arrives_surely(maze, plan, p, int(np.asarray(maze.goals)[goal])):
            raise MazerlError(
                f"the time to goal vertex {maze.goals[goal]} is finite but beyond 1e308; "
                "use corridor.log_hitting_time, or a smaller maze"
            )
    return times


def mean_hitting_time(plan: ChainPlan, probabilities: Array) -> Array:
    """Expected steps H [] from the start to a goal drawn uniformly; jittable and differentiable.

    Trace it with float64 probabilities [R] under `jax.enable_x64(True)`.
    """
    return times_from_start(plan, probabilities).mean()


def hitting_times_by_arc(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected steps to each goal after each arrival arc [G, A+1]; [:, A] is from the start."""
    plan = plan or plan_chain(maze)
    blocks = goal_blocks(plan, require_rows(maze, probabilities))
    return np.concatenate([times[plan.moves.state_of].T for times, _ in blocks])


def occupancy(maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None) -> np.ndarray:
    """Expected number of traversals of each arc until each goal [G, A]; a row sums to its time."""
    plan = plan or plan_chain(maze)
    p = require_rows(maze, probabilities)
    moved = move_probabilities(plan, p)
    flows = (
        moved * visit[plan.moves.source] for _, block in goal_blocks(plan, p) for visit in block.T
    )
    return np.stack([np.bincount(plan.moves.arc, flow, maze.num_arcs) for flow in flows])


def entry_visits(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected number of times each row entry is taken in an episode [R], mean over goals."""
    plan = plan or plan_chain(maze)
    p = require_rows(maze, probabilities)
    total = sum(visits.sum(1) for _, visits in goal_blocks(plan, p))
    return total[plan.moves.source[: len(p)]] * p / maze.num_goals


class Gradient(NamedTuple):
    """An exact policy gradient."""

    value: float  # expected reward per episode
    logits: np.ndarray  # [R] its derivative by every logit of the rows


def policy_gradient(
    maze: Maze, probabilities: np.ndarray, reward: Reward, plan: ChainPlan | None = None
) -> Gradient:
    """Exact gradient of the expected reward of an episode without time limit.

    ∂J/∂θ(e,p) = -penalty · mean over goals of N(e) π(p|e) (Q(e,p) - H(e)), with N(e) expected
    visits, H hitting times and Q(e,p) the time if port p is taken (the policy gradient theorem;
    Sutton et al. 2000, Thm 1). The arrival reward is constant, because every walk arrives.

    Raises:
        MazerlError: some walk never arrives, so the expected reward is -inf.
    """
    plan = plan or plan_chain(maze)
    p = require_rows(maze, probabilities)
    moves, size = plan.moves, len(p)
    source, target = moves.source[:size], moves.target[:size]
    average = csr_array((p, (source, target)), shape=(moves.num_states, moves.num_states))
    total_time, gradient = 0.0, np.zeros(size)
    for times, visits in goal_blocks(plan, p):
        total_time += float(times[moves.state_of[-1]].sum())
        if not np.isfinite(total_time):
            raise MazerlError(
                "some walk never reaches its goal, so the expected reward is -inf; "
                "give every port a positive probability"
            )
        with np.errstate(invalid="ignore"):  # states never visited may never arrive
            excess = times[target] - (average @ times)[source]
            gradient += p * np.where(visits[source] > 0, visits[source] * excess, 0.0).sum(1)
    value = reward.arrival - reward.penalty * total_time / maze.num_goals
    return Gradient(value, -reward.penalty * gradient / maze.num_goals)


def _arrives_surely(maze: Maze, plan: ChainPlan, probabilities: np.ndarray, goal: int) -> bool:
    """Whether every state that the walk can get into before the goal still leads to it."""
    moves, n = plan.moves, plan.moves.num_states
    p = move_probabilities(plan, probabilities)
    absorbing = np.zeros(n, bool)
    absorbing[moves.state_of[:-1]] = np.asarray(maze.head) == goal
    possible = (p > 0) & ~absorbing[moves.source]
    # One extra state gathers all ways into the goal.
    source = moves.source[possible]
    target = np.where(absorbing[moves.target], n, moves.target)[possible]
    onward = csr_array((np.ones(len(source)), (source, target)), shape=(n + 1, n + 1))
    start = int(moves.state_of[-1])
    visited = breadth_first_order(onward, start, return_predecessors=False)
    leads = breadth_first_order(onward.T.tocsr(), n, return_predecessors=False)
    return bool(np.isin(visited, leads).all())
