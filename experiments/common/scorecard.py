"""What a policy is worth on a pool, column by column, exactly."""

from dataclasses import replace

import numpy as np

from mazerl.exact.chain import plan_chain
from mazerl.exact.horizon import follow
from mazerl.exact.information import move_information
from mazerl.exact.markov import hitting_times
from mazerl.exact.pools import success_of
from mazerl.maze.problems import ProblemSet
from mazerl.measure.edits import differences, edits, visits
from mazerl.policy.preferences import row_entropy

TRIES = 16
MOST = 1e9
"""H of a goal counts as so much at most, so that a mean of logarithms is finite."""

COLUMNS = {
    "success": "mean p",
    "tries": f"pass@{TRIES}",
    "hopeless": "goals of p < 1%",
    "time": "H, geometric mean",
    "kl": "KL from the base, nats a token",
    "edited": "tokens with another first choice",
    "entropy": "entropy of a walk, nats",
    "recovery": "p from dead ends",
    "information": "I(goal; move), nats a move",
}


def scorecard(
    asked: ProblemSet, base: np.ndarray, rows: np.ndarray, limit: int
) -> dict[str, float]:
    """The columns of rows [X, R] that are given a limit; the base's rows [R] beside them.

    `time` knows no limit. `recovery` is the chance to arrive in half the limit from where the base
    stands at dead ends, weighted by its visits there, so that all policies are asked the same.
    """
    maze, goals = asked.maze, asked.goals
    seen = np.broadcast_to(base, rows.shape)
    p = success_of(replace(asked, limit=limit), rows)
    here = visits(maze, rows, limit, goals)
    found = edits(differences(maze, seen, rows, len(goals)), here.occupancy)
    moves = move_information(maze, rows, limit, goals)
    return {
        "success": float(p.mean()),
        "tries": float((1 - (1 - p) ** TRIES).mean()),
        "hopeless": float((p < 0.01).mean()),
        "time": float(np.exp(np.log(np.minimum(_times(asked, rows), MOST)).mean())),
        "kl": found.kl,
        "edited": 1 - found.unshifted,
        "entropy": float((here.occupancy * row_entropy(maze, rows)).sum(1).mean()),
        "recovery": _recovery(asked, seen, rows),
        "information": moves.a_move(),
    }


def _times(asked: ProblemSet, rows: np.ndarray) -> np.ndarray:
    """H [X] of each goal for its own rows."""
    plan = plan_chain(replace(asked.maze, goals=asked.goals))
    maze = replace(asked.maze, goals=asked.goals)
    return np.array([hitting_times(maze, row, plan)[x] for x, row in enumerate(rows)])


def _recovery(asked: ProblemSet, base: np.ndarray, rows: np.ndarray) -> float:
    maze, limit = asked.maze, asked.limit
    ends = np.append(np.asarray(maze.degree)[np.asarray(maze.head)] == 1, False)
    worth = weight = 0.0
    for x, goal in enumerate(asked.goals.tolist()):
        there = ends & (np.append(np.asarray(maze.head), -1) != goal)
        visited = follow(maze, base[x], limit, goal).occupancy[:-1].sum(0)[there]
        to_go = follow(maze, rows[x], limit, goal).to_go[limit // 2][there]
        worth, weight = worth + float(visited @ to_go), weight + float(visited.sum())
    return worth / weight
