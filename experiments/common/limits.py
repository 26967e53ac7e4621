"""What is meant where a time limit is: exact gradients, and the best that can be reached."""

import numpy as np
from scipy.optimize import minimize

from mazerl.exact.horizon import all_moves, follow
from mazerl.maze import Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of


def success_and_gradient(maze: Maze, p: np.ndarray, limit: int) -> tuple[float, np.ndarray]:
    """P(τ ≤ T), and its gradient by the logits [R]."""
    rows, seen = rows_of(maze), follow(maze, p, limit, int(maze.goals[0]))
    worth = seen.to_go[limit - 1 :: -1][:limit, rows.arc]
    mean = seen.to_go[limit:0:-1][:, rows.arrival]
    gradient = p * (seen.occupancy[:limit, rows.arrival] * (worth - mean)).sum(0)
    return float(seen.law.sum()), gradient


def discounted_gradient(maze: Maze, p: np.ndarray, gamma: float) -> np.ndarray:
    """∇E[γ^τ] by the logits [R]."""
    rows, (source, target, moved) = rows_of(maze), all_moves(maze, p)
    size = maze.num_arcs + 1
    there = np.append(np.asarray(maze.head) == maze.goals[0], False)
    step = np.zeros((size, size))
    np.add.at(step, (source, target), gamma * moved * ~there[source])
    system = np.eye(size) - step
    worth = np.linalg.solve(system, there.astype(float))
    visits = np.linalg.solve(system.T, np.eye(size)[-1]) * ~there
    ahead = gamma * worth[rows.arc] - worth[rows.arrival]
    return np.asarray(visits[rows.arrival] * p * ahead)


def best_success(maze: Maze, limit: int, starts: int = 4) -> float:
    """The largest P(τ ≤ T) that quasi-Newton ascents find, from the base and random rows."""
    rng, size, found = np.random.default_rng(0), rows_of(maze).size, 0.0

    def loss(logits: np.ndarray) -> tuple[float, np.ndarray]:
        p, gradient = success_and_gradient(maze, row_probabilities(maze, logits), limit)
        return -float(np.log(p)), -gradient / p

    for n in range(starts):
        begin = rng.normal(size=size) * (n > 0)
        bounds = [(-15.0, 15.0)] * size
        found = max(found, np.exp(-minimize(loss, begin, jac=True, bounds=bounds).fun))
    return float(found)
