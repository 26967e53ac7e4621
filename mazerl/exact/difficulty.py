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

from mazerl.exact.chain import Moves, moves_of
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
    times = _times(moves_of(maze), p, np.asarray(maze.head), goals) if recurrent else None
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
    times = np.empty(len(goals))
    for x, goal in enumerate(goals):
        at = np.unique(moves.state_of[:-1][head == goal])
        system = np.zeros((len(at) + 1, len(at) + 1))
        system[:-1, :-1], system[:-1, -1] = -inverse[np.ix_(at, at)], 1.0
        # The stationary law is π = wᵀZ, and Σ c_s π_s = 1 makes the equation solvable.
        system[-1, :-1] = stationary[at]
        right = np.append(-ones[at], 1.0)
        unknown = np.linalg.solve(system, right)
        times[x] = ones[start] - inverse[start, at] @ unknown[:-1] + unknown[-1]
    return times if (times < _LONGEST).all() else None
