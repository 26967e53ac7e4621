"""How hard problems are for a base model: p, H and the shortest way, for many small mazes at once.

H of all goals comes from one inverse. With Z = (I - P + 1wᵀ)⁻¹ of the chain P that no goal stops,
the expected times h to a set S of states, one goal's arrivals, are Z(1 - Σ c_s e_s) + α1, where c
and α make h zero on S and the equation solvable: as many unknowns as S has states, and one.
(Kemeny and Snell, Finite Markov Chains, §4.4, for one state.) Elimination, which plans each maze
anew, takes fifty times as long on a hundred arcs.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mazerl.exact.chain import Moves, arrival_moves
from mazerl.exact.horizon import arrival_law
from mazerl.exact.markov import hitting_times
from mazerl.maze.paths import Paths, shortest_paths
from mazerl.maze.problems import ProblemSet
from mazerl.policy.rows import require_rows

# Beyond, the inverse costs more than elimination, or loses digits that the column should have.
_MOST_STATES = 1500
_LONGEST = 1e7


class Difficulty(NamedTuple):
    """Of X problems."""

    success: np.ndarray  # [X] p = P(arrive within the limit)
    hitting_time: np.ndarray  # [X] H in steps, without a limit; +inf where walks may never arrive
    shortest: np.ndarray  # [X] steps
    paths: Paths  # that these are the lengths of


def difficulty_of(problems: ProblemSet, probabilities: np.ndarray) -> Difficulty:
    """How hard problems are for a policy that does not see the goal, by its rows [R].

    Raises:
        MazerlError: the probabilities are no rows of the maze.
    """
    maze, goals = problems.maze, problems.goals
    p = require_rows(maze, probabilities)
    paths = shortest_paths(maze)
    law = arrival_law(maze, p, problems.limit, goals)
    recurrent = bool((p > 0).all()) and len(paths.distance) == maze.num_vertices
    times = _times(arrival_moves(maze), p, np.asarray(maze.head), goals) if recurrent else None
    if times is None:
        times = hitting_times(replace(maze, goals=goals), p)
    shortest = np.array([paths.distance[int(goal)] for goal in goals])
    return Difficulty(np.minimum(law.sum(1), 1.0), times, shortest, paths)


def _times(moves: Moves, p: np.ndarray, head: np.ndarray, goals: np.ndarray) -> np.ndarray | None:
    """H of each goal [X] on a chain that is all one; None where this is not the way to it."""
    n = moves.num_states
    if n > _MOST_STATES:
        return None
    chain = np.zeros((n, n))
    np.add.at(chain, (moves.source, moves.target), np.concatenate([p, moves.by_chance]))
    inverse = np.linalg.inv(np.eye(n) - chain + 1 / n)
    ones, stationary, start = inverse.sum(1), inverse.mean(0), int(moves.state_of[-1])
    times, arrivals = np.empty(len(goals)), _arrivals(moves.state_of[:-1], head, goals)
    for size in {len(at) for at in arrivals}:
        asked = [x for x, at in enumerate(arrivals) if len(at) == size]
        at = np.stack([arrivals[x] for x in asked])
        system, right = np.zeros((len(at), size + 1, size + 1)), np.ones((len(at), size + 1, 1))
        system[:, :-1, :-1], system[:, :-1, -1] = -inverse[at[:, :, None], at[:, None]], 1.0
        # The stationary law is π = wᵀZ, and Σ c_s π_s = 1 makes the equation solvable.
        system[:, -1, :-1], right[:, :-1, 0] = stationary[at], -ones[at]
        unknown = np.linalg.solve(system, right)[..., 0]
        lost = (inverse[start, at] * unknown[:, :-1]).sum(1)
        times[asked] = ones[start] - lost + unknown[:, -1]
    return times if (times < _LONGEST).all() else None


def _arrivals(state_of: np.ndarray, head: np.ndarray, goals: np.ndarray) -> list[np.ndarray]:
    """The states in which each goal has just been reached."""
    order = np.argsort(head, kind="stable")
    first = np.searchsorted(head[order], goals)
    last = np.searchsorted(head[order], goals, "right")
    return [np.unique(state_of[order[a:b]]) for a, b in zip(first, last, strict=True)]
