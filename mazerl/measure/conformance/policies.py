"""What a policy ends with at the fork, where one port arrives and the other costs two steps.

An entropy bonus β holds a policy where pushes balance (its slope at a row of two ports with
log-ratio x is -β x p(1-p), the surrogate's Δ p(1-p)/scale):

    x = Δ(x) / (β scale),  Δ = Q(goal) - Q(end)

Scale is what advantages are divided by, so that where the policy settles tells it. With λ = 0 each
advantage is δ, and its spread is known.
"""

from typing import Literal

import numpy as np

from mazerl.exact.horizon import all_moves, follow
from mazerl.measure.conformance.values import Walked, settled_values
from mazerl.policy.rows import rows_of

Scale = Literal["own moves", "all steps", "variance", "nothing"]
"""What advantages are divided by; the first two are both in use, and right."""

_GRID = 60  # shares at which a balance is looked for


def fork_rows(walked: Walked, share: float) -> np.ndarray:
    """Rows [R] of the policy that goes to the goal with a probability, wherever it can."""
    rows, maze = rows_of(walked.maze), walked.maze
    to_goal = np.isin(np.asarray(maze.head)[rows.arc], maze.goals)
    ports = np.diff(rows.start)[rows.arrival]
    return np.where(ports == 1, 1.0, np.where(to_goal, share, 1 - share))


def pushes(walked: Walked, share: float) -> tuple[float, dict[Scale, float]]:
    """Δ of a walk's first move, and every scale."""
    maze, p = walked.maze, fork_rows(walked, share)
    walked = walked._replace(probabilities=p)
    values = settled_values(walked)
    source, target, moved = all_moves(maze, p)
    arrives = np.append(np.isin(np.asarray(maze.head), maze.goals), False)[target]
    worth = walked.reward.arrival * arrives - walked.reward.penalty
    worth = worth + walked.gamma * np.where(arrives, 0.0, values[target])
    (goal,) = np.asarray(maze.goals).tolist()
    visits = follow(maze, p, walked.limit, goal).occupancy[:-1].sum(0)
    weight, error = visits[source] * moved, worth - values[source]
    own = np.arange(len(source)) < len(p)  # chance's moves come last
    first = source == maze.num_arcs
    gap = float(worth[first & arrives][0] - worth[first & ~arrives][0])
    spread = {which: _spread(error[of], weight[of]) for which, of in
              (("own moves", own), ("all steps", own | True))}  # fmt: skip
    return gap, {
        "own moves": spread["own moves"],
        "all steps": spread["all steps"],
        "variance": spread["own moves"] ** 2,
        "nothing": 1.0,
    }


def settled_shares(walked: Walked, entropy: float) -> dict[Scale, float]:
    """Where the share of moves to the goal settles, coming from one half; 1 where nothing holds it.

    Balances are found to within a step of a grid by linear interpolation.
    """
    shares = 0.5 + 0.5 * np.arange(_GRID) / _GRID
    each = [pushes(walked, share) for share in shares]
    pull = entropy * np.log(shares / (1 - shares))
    found: dict[Scale, float] = {}
    for scale in each[0][1]:
        excess = np.array([gap / scales[scale] for gap, scales in each]) - pull
        below = np.flatnonzero(excess <= 0)
        found[scale] = 1.0
        if len(below):
            n = below[0]
            part = excess[n - 1] / (excess[n - 1] - excess[n])
            found[scale] = float(shares[n - 1] + part * (shares[n] - shares[n - 1]))
    return found


def _spread(error: np.ndarray, weight: np.ndarray) -> float:
    mean = (weight * error).sum() / weight.sum()
    return float(np.sqrt((weight * (error - mean) ** 2).sum() / weight.sum()))
