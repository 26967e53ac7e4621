"""The corridor's four decision families, and the policy that shares one gap among each.

Each family has a probability of the desired move, which is always to keep the direction of travel
(Wei & Kim 2026, §3); σ is the logistic function and x the family's logit gap at depth j:

    a  at right_j, arrived forward:  on, over the single edge        σ(x - log L)
    b  at right_j, arrived backward: back, through any lane          σ(x + log L)
    c  at left_j, arrived forward:   on, through any lane            σ(x + log L)
    d  at left_j, arrived backward:  back, over the single edge      σ(x - log L)

A family policy is an array of gaps [4, K], 0 for the uniform walk, shared by all branches; lanes of
one diamond are equally likely and the fork stays uniform.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze
from mazerl.policy.rows import rows_of

FAMILIES = ("a", "b", "c", "d")
A, B, C, D = range(4)
# Towards several lanes the uniform walk leans by +log L, towards the single edge by -log L.
_SIGN = np.array([-1.0, 1.0, 1.0, -1.0])[:, None]


def log_sigmoids(gaps: Array, lanes: Array) -> tuple[Array, Array]:
    """Log-probabilities [4, K] of the desired move (through any lane) and of turning round."""
    logits = gaps + _SIGN * jnp.log(lanes)
    return jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)


def limit_gaps(policy: str, depth: int) -> np.ndarray:
    """The gaps [4, K] of "uniform", of "sft" (a, c certain) or of "rlvr" (all certain)."""
    certain = {"uniform": (), "sft": (A, C), "rlvr": (A, B, C, D)}
    if policy not in certain:
        raise MazerlError(f"unknown policy {policy!r}; known: {', '.join(certain)}")
    gaps = np.zeros((4, depth))
    gaps[list(certain[policy])] = np.inf
    return gaps


class FamilyVisits(NamedTuple):
    """A demonstrator's visits, summed over the branches and lanes that a family policy shares."""

    visits: Array  # [4, K, 2] of the desired moves and of the others
    lanes: Array  # [] L


def family_visits(families: "FamilyMap", visits: np.ndarray, lanes: int) -> FamilyVisits:
    """Sum tabular visits [R] by family, depth and whether the move is the desired one."""
    inside = families.family >= 0
    total = np.zeros((4, int(families.depth.max()) + 1, 2))
    index = (families.family, families.depth, np.where(families.desired, 0, 1))
    np.add.at(total, tuple(column[inside] for column in index), visits[inside])
    return FamilyVisits(total, np.float64(lanes))


def family_log_probabilities(gaps: Array, lanes: Array) -> Array:
    """Log-probabilities [4, K, 2] of one desired move and of one other; lanes count one by one."""
    go, turn = log_sigmoids(gaps, lanes)
    log_lanes = jnp.log(lanes)
    by_lane = jnp.where(_SIGN > 0, log_lanes, 0.0)
    return jnp.stack([go - by_lane, turn - (log_lanes - by_lane)], axis=-1)


def probabilities(gaps: np.ndarray, lanes: int) -> np.ndarray:
    """Probability of the desired move, [..., 4, K], from gaps [..., 4, K]."""
    return expit(np.asarray(gaps) + _SIGN * np.log(lanes))


class FamilyMap(NamedTuple):
    """How the family policy sits in a corridor's tabular rows."""

    family: np.ndarray  # [R] 0 … 3 for a … d; -1 for an entry of no family (fork, leaf)
    depth: np.ndarray  # [R] j
    desired: np.ndarray  # [R] bool: the entry keeps the direction of travel


def family_map(maze: Maze, depth: int) -> FamilyMap:
    """Find the family, depth and desired moves of every entry of `corridor(depth=depth)`'s rows."""
    rows = rows_of(maze)
    length = 2 * depth + 1
    head = np.append(np.asarray(maze.head), maze.start)
    tail = np.append(np.asarray(maze.head)[np.asarray(maze.reverse)], maze.start)
    if maze.num_vertices != 1 + maze.num_goals * length:
        raise MazerlError(f"this maze is no corridor of depth {depth}; give the depth it has")
    here = head[rows.arrival]
    place = (here - 1) % length  # left₀, right₀, left₁, …, leaf
    interior = (here > 0) & (place < 2 * depth)
    forward = head[rows.arrival] > tail[rows.arrival]
    onward = head[rows.arc] > here
    right = place % 2 == 1
    family = np.where(right, np.where(forward, A, B), np.where(forward, C, D))
    return FamilyMap(
        family=np.where(interior, family, -1),
        depth=np.where(interior, place // 2, 0),
        desired=interior & (forward == onward),
    )


def tabular_from_families(families: FamilyMap, gaps: Array) -> Array:
    """Tabular logits [R] of a family policy; linear in the gaps, traceable."""
    xp: Any = jnp if isinstance(gaps, jax.Array) else np
    return xp.where(families.desired, gaps[families.family, families.depth], 0.0)


def families_from_tabular(
    maze: Maze, families: FamilyMap, logits: np.ndarray, tolerance: float = 1e-9
) -> np.ndarray:
    """The gaps [4, K] of a tabular policy.

    Raises:
        MazerlError: rows of one family and depth differ, or lanes of one diamond, by more than
            `tolerance` in the logits, or the fork is not uniform: no family policy is this one.
    """
    rows = rows_of(maze)
    logits = np.asarray(logits, np.float64)
    num_rows = maze.num_arcs + 1

    def group_logit(member: np.ndarray) -> np.ndarray:
        """The logit of each row's members [A+1], after checking that they are equal."""
        low, high = np.full(num_rows, np.inf), np.full(num_rows, -np.inf)
        np.minimum.at(low, rows.arrival[member], logits[member])
        np.maximum.at(high, rows.arrival[member], logits[member])
        some = high > -np.inf
        _require_family(high[some] - low[some], "the lanes of one diamond", tolerance)
        return np.where(some, high, 0.0)

    inside = families.family >= 0
    gap = group_logit(families.desired) - group_logit(inside & ~families.desired)
    group_logit(~inside)
    depth = int(families.depth.max()) + 1
    low, high = np.full((4, depth), np.inf), np.full((4, depth), -np.inf)
    index = (families.family[inside], families.depth[inside])
    np.minimum.at(low, index, gap[rows.arrival[inside]])
    np.maximum.at(high, index, gap[rows.arrival[inside]])
    _require_family(high - low, "branches of the corridor", tolerance)
    return high


def _require_family(spread: np.ndarray, what: str, tolerance: float) -> None:
    if spread.size and not spread.max() <= tolerance:
        raise MazerlError(
            f"{what} differ by {spread.max():.3g} in their logits, so this is no family policy; "
            "keep it tabular"
        )
