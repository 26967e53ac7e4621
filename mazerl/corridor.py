"""The corridor's closed forms, its four decision families, and a structured solver.

Families (Wei & Kim 2026, §3), each with a probability of the desired move, which is always to keep
the direction of travel:
  a  at right_j, arrived forward:  on, over the single edge        σ(x - log L)
  b  at right_j, arrived backward: back, through any lane          σ(x + log L)
  c  at left_j, arrived forward:   on, through any lane            σ(x + log L)
  d  at left_j, arrived backward:  back, over the single edge      σ(x - log L)
A family policy is an array of logit gaps x [4, K], 0 for the uniform walk, shared by all branches;
the fork stays uniform. All times are in steps from the fork (the paper counts one more).
"""

from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze
from mazerl.policy import rows_of

FAMILIES = ("a", "b", "c", "d")
A, B, C, D = range(4)


def uniform_time(width: int, depth: int, lanes: int) -> Fraction:
    """The uniform walk, (2W-1)(K+1+KL)(K+1+K/L): its commute time minus the way back."""
    W, K, L = width, depth, lanes
    return (2 * W - 1) * (K + 1 + K * L) * (K + 1 + Fraction(K, L))


def rlvr_optimum(width: int, depth: int, lanes: int = 1) -> Fraction:
    """Best memoryless goal-blind policy, a = b = c = d = 1: (W-1)(4K+2) + 2K+1 (Thm 3)."""
    del lanes
    return Fraction((width - 1) * (4 * depth + 2) + 2 * depth + 1)


def sft_limit(width: int, depth: int, lanes: int) -> Fraction:
    """Golden-path SFT in the limit: a = c = 1, b and d as in the uniform walk (Thm 4).

    H = (W-1)(2K+1+T) + 2K+1, with T the time from a dead end back to the fork: T = 1 + R_{K-1},
    where F_j (left_j, going back) and R_j (right_j, going back) are linear in T. Exact rationals.
    """
    W, K, L = width, depth, lanes
    d, b = Fraction(1, L + 1), Fraction(L, L + 1)
    constant, slope = Fraction(0), Fraction(0)  # R_{j-1} = constant + slope·T; 0 at the fork
    for j in range(K):
        f_constant = d * (1 + constant) + (1 - d) * 2 * (K - j)
        f_slope = d * slope + (1 - d)
        constant = b * (1 + f_constant) + (1 - b) * (1 + 2 * (K - 1 - j))
        slope = b * f_slope + (1 - b)
    dead_end = (1 + constant) / (1 - slope)
    return (W - 1) * (2 * K + 1 + dead_end) + 2 * K + 1


def memory_optimum(width: int, depth: int, lanes: int = 1) -> Fraction:
    """Best policy with memory, which never enters a branch twice: (W-1)/2·(4K+2) + 2K+1."""
    del lanes
    return Fraction(width - 1, 2) * (4 * depth + 2) + 2 * depth + 1


def goal_known(depth: int) -> int:
    """The shortest path, 2K+1."""
    return 2 * depth + 1


def sft_base(lanes: int) -> float:
    """The base of the SFT limit's exponential growth in K: (L+1)²/L."""
    return (lanes + 1) ** 2 / lanes


class _Stretch(NamedTuple):
    """Part of a branch, by the logs of what happens to a walk that enters it; each [n].

    Entering forward (from the fork's side) it passes or turns, after an expected time; likewise
    entering backward (from the leaf's side).
    """

    passes_forward: Array
    turns_forward: Array
    time_forward: Array
    passes_backward: Array
    turns_backward: Array
    time_backward: Array


def _join(near: _Stretch, far: _Stretch) -> _Stretch:
    """Two adjacent stretches as one; subtraction-free, in logs: nothing over- or underflows."""
    add = jnp.logaddexp
    # 1 - (far turns forward)(near turns backward), without the subtraction.
    leaves = add(near.passes_backward, near.turns_backward + far.passes_forward)
    crossing = near.passes_forward - leaves
    returning = far.passes_backward - leaves
    return _Stretch(
        passes_forward=crossing + far.passes_forward,
        turns_forward=add(near.turns_forward, crossing + far.turns_forward + near.passes_backward),
        time_forward=add(
            near.time_forward,
            crossing + add(far.time_forward, far.turns_forward + near.time_backward),
        ),
        passes_backward=returning + near.passes_backward,
        turns_backward=add(
            far.turns_backward, returning + near.turns_backward + far.passes_forward
        ),
        time_backward=add(
            far.time_backward,
            returning + add(near.time_backward, near.turns_backward + far.time_forward),
        ),
    )


def _branch(gaps: Array, lanes: Array) -> _Stretch:
    """A whole branch, from the first left vertex to the last right one, joined pairwise: O(K)."""
    log_lanes = jnp.log(lanes)
    sign = jnp.array([-1.0, 1.0, 1.0, -1.0])[:, None]
    go = jax.nn.log_sigmoid(gaps + sign * log_lanes)
    turn = jax.nn.log_sigmoid(-(gaps + sign * log_lanes))

    def along(left: Array, right: Array) -> Array:
        return jnp.stack([left, right], axis=1).reshape(-1)  # left₀, right₀, left₁, …

    one_step = jnp.zeros(2 * gaps.shape[1])
    stretches = _Stretch(
        along(go[C], go[A]), along(turn[C], turn[A]), one_step,
        along(go[D], go[B]), along(turn[D], turn[B]), one_step,
    )  # fmt: skip
    while (n := stretches.time_forward.shape[0]) > 1:
        near = jax.tree.map(lambda x: x[0 : n - 1 : 2], stretches)
        far = jax.tree.map(lambda x: x[1:n:2], stretches)
        joined = _join(near, far)
        if n % 2:
            joined = jax.tree.map(lambda x, y: jnp.append(x, y[-1]), joined, stretches)
        stretches = joined
    return jax.tree.map(lambda x: x[0], stretches)


def log_hitting_time(gaps: Array, width: Array, lanes: Array) -> Array:
    """Log of the family policy's expected steps from the fork, for one policy; O(K), any W.

    Jittable, vmappable and differentiable; trace it under `jax.enable_x64(True)`. The log holds
    times beyond 1e308.

    Args:
        gaps: [4, K] logit gaps of the families a, b, c, d; above -inf, +inf for certainty.
        width: number of branches W [].
        lanes: parallel edges L [].

    Returns:
        log H []. H = W·(time of an excursion into the goal's branch)/P(it succeeds)
        + (W-1)·(time from a dead end back to the fork).
    """
    branch = _branch(gaps, jnp.asarray(lanes, gaps.dtype))
    width = jnp.asarray(width, gaps.dtype)
    into = jnp.log(width) + jnp.logaddexp(0.0, branch.time_forward) - branch.passes_forward
    out = jnp.logaddexp(0.0, branch.time_backward) - branch.passes_backward
    # A single branch has no dead ends; the guarded log keeps the gradient finite there.
    others = jnp.where(width > 1, jnp.log(jnp.maximum(width - 1, 1)), -jnp.inf)
    return jnp.where(width > 1, jnp.logaddexp(into, others + out), into)


_jit_log_hitting_time = jax.jit(log_hitting_time)


def solve_families(gaps: np.ndarray, width: int, lanes: int) -> float:
    """Log of the hitting time of a family policy, in float64 (see `log_hitting_time`)."""
    gaps = np.asarray(gaps, np.float64)
    if gaps.ndim != 2 or gaps.shape[0] != 4 or not (gaps > -np.inf).all():
        raise MazerlError(
            f"gaps of shape {gaps.shape}; give [4, depth] numbers above -inf, rows a, b, c, d"
        )
    with jax.enable_x64(True):
        return float(_jit_log_hitting_time(gaps, float(width), float(lanes)))


def limit_gaps(policy: str, depth: int) -> np.ndarray:
    """The gaps [4, K] of "uniform", of "sft" (a, c certain) or of "rlvr" (all certain)."""
    certain = {"uniform": (), "sft": (A, C), "rlvr": (A, B, C, D)}
    if policy not in certain:
        raise MazerlError(f"unknown policy {policy!r}; known: {', '.join(certain)}")
    gaps = np.zeros((4, depth))
    gaps[list(certain[policy])] = np.inf
    return gaps


def probabilities(gaps: np.ndarray, lanes: int) -> np.ndarray:
    """Probability of the desired move, [..., 4, K], from gaps [..., 4, K]."""
    sign = np.array([-1.0, 1.0, 1.0, -1.0])[:, None]
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-(np.asarray(gaps) + sign * np.log(lanes))))


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
        """Mean logit of each row's members [A+1], after checking that they are equal."""
        low, high = np.full(num_rows, np.inf), np.full(num_rows, -np.inf)
        np.minimum.at(low, rows.arrival[member], logits[member])
        np.maximum.at(high, rows.arrival[member], logits[member])
        _require_family((high - low)[high > -np.inf], "the lanes of one diamond", tolerance)
        return high

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
