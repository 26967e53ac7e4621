"""Policies that have names: the base model, and what SFT and RLVR come to in the limit."""

from typing import Any

import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.families import family_map, limit_gaps, tabular_from_families
from mazerl.exact.optimum import best_blind
from mazerl.maze import Maze
from mazerl.policy.rows import rows_of
from mazerl.walk.corpora import golden_visits

POLICIES = ("uniform", "sft", "rlvr")


# Certain moves get this gap when they are sampled: e⁻³⁰ is below what 24 random bits can show.
CERTAIN = 30.0


def policy_logits(topology: str, parameters: dict[str, Any], maze: Maze, policy: str) -> np.ndarray:
    """Tabular logits [R] of a named policy; +inf marks moves that are certain in the limit.

    Raises:
        MazerlError: the policy is unknown.
    """
    if policy not in POLICIES:
        raise MazerlError(f"unknown policy {policy!r}; known: {', '.join(POLICIES)}")
    if policy == "uniform":
        return np.zeros(rows_of(maze).size)
    if policy == "sft":
        # Rows that golden paths visit become what they show; all others stay at the base.
        rows, visits = rows_of(maze), golden_visits(maze)
        seen = np.bincount(rows.arrival, visits, maze.num_arcs + 1)[rows.arrival] > 0
        with np.errstate(divide="ignore"):
            return np.where(seen, np.log(visits), 0.0)
    if topology != "corridor":
        with np.errstate(divide="ignore"):
            return np.log(best_blind(maze).probabilities)
    families = family_map(maze, parameters["depth"])
    logits = np.asarray(tabular_from_families(families, limit_gaps("rlvr", parameters["depth"])))
    return np.where(_to_the_next_branch(maze), np.inf, logits)


def _to_the_next_branch(maze: Maze) -> np.ndarray:
    """Entries [R] that leave a corridor's fork, where it is the policy's, for the next branch.

    The arrival arc tells which branch was just left, so going round the branches in order never
    enters one twice: the edge-state policy reaches the optimum with memory.
    """
    rows, start = rows_of(maze), int(maze.start)
    head = np.append(np.asarray(maze.head), maze.start)
    left = np.asarray(maze.reverse)[np.minimum(rows.arrival, maze.num_arcs - 1)]
    back_at_fork = (head[rows.arrival] == start) & (rows.arrival < maze.num_arcs)
    return back_at_fork & (rows.arc == (left + 1) % int(maze.degree[start]))
