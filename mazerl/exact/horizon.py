"""Exact answers with a time limit T, of any policy that is Markov in the arrival arc.

A problem is a goal and a limit. Policies come in as row probabilities: [R] of one that is blind to
the goal, [X, R] of one that sees which of X goals it is to find. T counts every step, chance's too.
Nothing is subtracted on the way to a probability, so results keep a relative accuracy near machine
precision.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from mazerl.cores import usable_cores
from mazerl.errors import MazerlError, require_limit
from mazerl.exact.chain import GOAL_BLOCK, ChainPlan, arrival_moves
from mazerl.exact.episode import EpisodePlan, Problems, episode_value, plan_episode
from mazerl.maze import Array, Maze
from mazerl.maze.problems import require_goals
from mazerl.policy.rows import require_rows, require_rows_of, rows_of

# Problems whose gradients a core finds at once, in its cache; and derivatives held, 2 GiB.
_BLOCK = 4
_MOST_DERIVATIVES = 2**28
_SMALL = 2**16  # states times goals that are followed at once


def arrival_law(
    maze: Maze,
    probabilities: np.ndarray,
    limit: int,
    goals: np.ndarray | None = None,
    plan: ChainPlan | None = None,
) -> np.ndarray:
    """P(τ = t) for t = 0 … limit [X, limit+1] of each goal; its sums are P(τ ≤ t).

    Args:
        maze: what is walked on.
        probabilities: [R], or [X, R] where the policy sees the goal.
        limit: T.
        goals: [X] vertices; the maze's by default.
        plan: of the maze, where it has been made.

    Raises:
        MazerlError: the probabilities are no rows of this maze, a goal is none of its vertices or
            is the start, or the limit is no whole number from 1 to 2³¹ - 1.
    """
    require_limit("the time limit", limit)
    goals = require_goals(maze, goals)
    rows = require_rows_of(maze, probabilities, len(goals))
    moves, head = plan.moves if plan else arrival_moves(maze), np.asarray(maze.head)
    law, n, sees = np.zeros((len(goals), limit + 1)), moves.num_states, len(rows) > 1
    # On small chains a step costs the same whatever number of goals it is made for.
    most = max(GOAL_BLOCK, _SMALL // n)
    onward = None
    for block in np.array_split(np.arange(len(goals)), -(-len(goals) // most)):
        if onward is None or sees:
            # A policy that sees the goal walks on copies of the states, one a goal.
            own = rows[block] if sees else rows
            chance = np.broadcast_to(moves.by_chance, (len(own), len(moves.by_chance)))
            p, copy = np.concatenate([own, chance], 1), n * np.arange(len(own))[:, None]
            place = ((copy + moves.target).ravel(), (copy + moves.source).ravel())
            onward = csr_array((p.ravel(), place), shape=(n * len(own), n * len(own)))
        absorbing = np.zeros((n, len(block)), bool)
        absorbing[moves.state_of[:-1]] = head[:, None] == goals[block]
        mass = np.zeros((n, len(block)))
        mass[moves.state_of[-1]] = 1.0
        if sees:
            absorbing, mass = absorbing.T, mass.T
        for t in range(1, limit + 1):
            mass = (onward @ mass.reshape(onward.shape[0], -1)).reshape(mass.shape)
            law[block, t] = mass.sum(1 if sees else 0, where=absorbing)
            mass[absorbing] = 0.0
    return law


def hit_probability(maze: Maze, probabilities: np.ndarray, limit: int) -> np.ndarray:
    """P(hit ≤ T) for T = 0 … limit, goal drawn uniformly: [limit+1]."""
    law = arrival_law(maze, probabilities, limit).mean(0)
    # Sums of probabilities may pass 1 by a rounding.
    return np.minimum(np.cumsum(law), 1.0)


class Horizon(NamedTuple):
    """One problem, followed forward and backward."""

    law: np.ndarray  # [T+1] P(τ = t)
    occupancy: np.ndarray  # [T+1, A+1] P(after arrival e at time t, goal not reached)
    to_go: np.ndarray  # [T+1, A+1] P(arrive within h more steps after arrival e); 1 at the goal


def follow(maze: Maze, probabilities: np.ndarray, limit: int, goal: int) -> Horizon:
    """Follow one problem, with probabilities [R]: memory grows with the limit times the arcs.

    What port p after arrival e is worth with h steps left, Q_h(e, p), is `to_go[h-1]` at its arc.
    """
    require_limit("the time limit", limit)
    wanted = require_goals(maze, np.asarray([goal]))
    (p,) = require_rows_of(maze, np.asarray(probabilities)[None], len(wanted))
    source, target, moved = all_moves(maze, p)
    size = maze.num_arcs + 1
    there = np.append(np.asarray(maze.head) == goal, False)
    law, occupancy = np.zeros(limit + 1), np.zeros((limit + 1, size))
    to_go = np.tile(there.astype(float), (limit + 1, 1))
    occupancy[0, -1] = 1.0
    for t in range(1, limit + 1):
        mass = np.bincount(target, moved * occupancy[t - 1, source], size)
        law[t] = mass[there].sum()
        occupancy[t] = np.where(there, 0.0, mass)
        ahead = np.bincount(source, moved * to_go[t - 1, target], size)
        to_go[t] = np.where(there, 1.0, ahead)
    return Horizon(law, occupancy, to_go)


def expected_visits(maze: Maze, probabilities: np.ndarray, limit: int) -> np.ndarray:
    """Expected number of times [A+1] that a walk of `limit` steps which no goal ends decides there.

    The walk that begins is arrival A; visits add up to the limit.
    """
    require_limit("the time limit", limit)
    source, target, moved = all_moves(maze, require_rows(maze, probabilities))
    total = np.zeros(maze.num_arcs + 1)
    mass = np.append(np.zeros(maze.num_arcs), 1.0)
    for _ in range(limit):
        total += mass
        mass[:] = np.bincount(target, moved * mass[source], len(mass))
    return total


class SuccessGradient(NamedTuple):
    """P(τ ≤ T) of each problem, and its exact derivative."""

    success: np.ndarray  # [X]
    logits: np.ndarray  # [X, R] by every logit of the rows that the problem's walk reads


def success_gradient(
    maze: Maze,
    probabilities: np.ndarray,
    limit: int,
    goals: np.ndarray | None = None,
    plan: EpisodePlan | None = None,
) -> SuccessGradient:
    """p_x = P(τ ≤ T) and ∇p_x for X goals, arguments as of `arrival_law`.

    ∂p/∂θ(e, port) = Σ_{t<T} d_t(e) π(port|e) [Q_{T-t}(e, port) - V_{T-t}(e)].

    Raises:
        MazerlError: as of `arrival_law`, or the gradients would not fit into memory.
    """
    require_limit("the time limit", limit)
    goals = require_goals(maze, goals)
    rows = require_rows_of(maze, probabilities, len(goals))
    entries, arrival = rows.shape[1], rows_of(maze).arrival
    if len(goals) * entries > _MOST_DERIVATIVES:
        raise MazerlError(
            f"{len(goals)} gradients of {entries} entries take "
            f"{len(goals) * entries * 8 / 2**30:.0f} GiB; give fewer goals at a time"
        )
    plan = plan or plan_episode(maze)
    success, gradient = np.empty(len(goals)), np.empty((len(goals), entries))
    size = min(_BLOCK, len(goals))

    def solve(begin: int) -> None:
        here = np.arange(begin, min(begin + size, len(goals)))
        # The last block is filled up, so that all are of one shape.
        filled = np.resize(here, size)
        p = np.ascontiguousarray(rows[filled % len(rows)].T)
        with jax.enable_x64(True):
            found, by_entry = _value_and_gradient(plan, goals[filled], p, limit)
        success[here] = np.asarray(found)[: len(here)]
        slopes = np.asarray(by_entry) * p
        for x, slope in zip(here, slopes.T, strict=False):
            mean = np.bincount(arrival, slope, maze.num_arcs + 1)
            gradient[x] = slope - rows[x % len(rows)] * mean[arrival]

    with ThreadPoolExecutor(len(usable_cores())) as threads:
        list(threads.map(solve, range(0, len(goals), size)))
    return SuccessGradient(np.minimum(success, 1.0), gradient)


@jax.jit(static_argnums=3)
def _value_and_gradient(
    plan: EpisodePlan, goals: Array, probability: Array, limit: int
) -> tuple[Array, Array]:
    def total(probability: Array) -> tuple[Array, Array]:
        idle = jnp.zeros((plan.head.shape[0] + 1, 1))
        problems = Problems(goals, probability, idle, 1.0)
        success = episode_value(plan, problems, limit)
        return success.sum(), success

    gradient, success = jax.grad(total, has_aux=True)(probability)
    return success, gradient


def all_moves(maze: Maze, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every move after every arrival: arrival, arc taken, probability; chance's among them."""
    rows = rows_of(maze)
    vertex = np.append(np.asarray(maze.head), maze.start)
    degree = np.where(np.asarray(maze.chance), np.asarray(maze.degree), 0)[vertex]
    source = np.repeat(np.arange(len(vertex)), degree)
    port = np.arange(degree.sum()) - np.repeat(np.cumsum(degree) - degree, degree)
    arc = np.asarray(maze.first_arc)[vertex[source]] + port
    return (
        np.concatenate([rows.arrival, source]),
        np.concatenate([rows.arc, arc]),
        np.concatenate([p, 1.0 / degree[source]]),
    )
