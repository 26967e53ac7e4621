"""What a critic ends with that also learns from steps which only reset.

Where an environment resets in the step after an end (`autoreset_mode="NextStep"`, gymnasium's own
default since 1.0), that step's action is ignored and its reward is 0. A loop that does not leave it
out learns that the last observation leads to the first one. Observations are then met in two roles,
so that λ matters. Over visits x (arrival e(x) at a time, or in a resetting step):

    A = δ + γλ P A,  δ = r + γ Q v - v(e(x)),  and v is where Σ_x d(x) A(x) is 0 for every arrival
"""

import numpy as np

from mazerl.exact.horizon import all_moves, follow
from mazerl.measure.conformance.values import Walked

RESETS = "steps that only reset are learned from"


def reset_step_values(walked: Walked, bootstraps: bool) -> np.ndarray:
    """Values [A+1]; `bootstraps` says whether time-outs are."""
    maze, limit = walked.maze, walked.limit
    (goal,) = np.asarray(maze.goals).tolist()
    occupancy = follow(maze, walked.probabilities, limit, goal).occupancy
    begin = maze.num_arcs
    size = begin + 1
    arrives = np.append(np.asarray(maze.head) == goal, False)
    moves = list(zip(*all_moves(maze, walked.probabilities), strict=True))
    # Visit t·size + e is arrival e at time t; t = T are the steps that reset.
    visits = np.append(occupancy[:-1], np.zeros((1, size)), axis=0)
    onward, values = np.zeros((visits.size,) * 2), np.zeros((visits.size, size))
    reward = np.full((limit + 1, size), -walked.reward.penalty)
    for t in range(limit):
        for source, target, p in moves:
            here, cut_off = t * size + source, t + 1 == limit
            if arrives[target]:
                reward[t, source] += p * walked.reward.arrival
            elif cut_off:
                values[here, target] += p * bootstraps
            else:
                onward[here, here + size - source + target] += p
                values[here, target] += p
            if arrives[target] or cut_off:
                visits[-1, target] += occupancy[t, source] * p
    reward[-1] = 0.0
    for e in range(size):
        onward[limit * size + e, begin] = values[limit * size + e, begin] = 1.0
    kind = np.tile(np.eye(size), (limit + 1, 1))  # the arrival of each visit
    summed = np.linalg.inv(np.eye(visits.size) - walked.gamma * walked.lam * onward)
    weighted = (kind * visits.reshape(-1, 1)).T @ summed
    here = np.flatnonzero(visits.sum(0) > 0)
    found = np.zeros(size)
    found[here] = np.linalg.solve(
        (weighted @ (kind - walked.gamma * values))[np.ix_(here, here)],
        (weighted @ reward.reshape(-1))[here],
    )
    return found
