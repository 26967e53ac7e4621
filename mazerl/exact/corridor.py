"""The corridor's closed forms and a structured solver of the family policy.

All times are in steps from the fork (the paper counts one more, from a source before it).
"""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.families import A, B, C, D, log_sigmoids
from mazerl.maze import Array


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


class _Arithmetic(NamedTuple):
    """How non-negative numbers are added, multiplied and divided: as they are, or by their logs."""

    add: Callable[[Array, Array], Array]
    times: Callable[[Array, Array], Array]
    over: Callable[[Array, Array], Array]
    of_log: Callable[[Array], Array]  # a number from its log


_LINEAR = _Arithmetic(jnp.add, jnp.multiply, jnp.divide, jnp.exp)
_LOG = _Arithmetic(jnp.logaddexp, jnp.add, jnp.subtract, lambda log: log)


class _Stretch(NamedTuple):
    """What happens to a walk that enters part of a branch; each [n].

    Entering forward (from the fork's side) it passes or turns, after an expected time; likewise
    entering backward (from the leaf's side).
    """

    passes_forward: Array
    turns_forward: Array
    time_forward: Array
    passes_backward: Array
    turns_backward: Array
    time_backward: Array


def _join(near: _Stretch, far: _Stretch, arithmetic: _Arithmetic) -> _Stretch:
    """Two adjacent stretches as one, without a subtraction."""
    add, times, over, _ = arithmetic
    # 1 - (far turns forward)(near turns backward), the chance not to bounce between them again.
    leaves = add(near.passes_backward, times(near.turns_backward, far.passes_forward))
    crossing = over(near.passes_forward, leaves)
    returning = over(far.passes_backward, leaves)
    bounced = times(far.turns_forward, near.passes_backward)
    rebounded = times(near.turns_backward, far.passes_forward)
    beyond = add(far.time_forward, times(far.turns_forward, near.time_backward))
    before = add(near.time_backward, times(near.turns_backward, far.time_forward))
    return _Stretch(
        passes_forward=times(crossing, far.passes_forward),
        turns_forward=add(near.turns_forward, times(crossing, bounced)),
        time_forward=add(near.time_forward, times(crossing, beyond)),
        passes_backward=times(returning, near.passes_backward),
        turns_backward=add(far.turns_backward, times(returning, rebounded)),
        time_backward=add(far.time_backward, times(returning, before)),
    )


def _branch(gaps: Array, lanes: Array, arithmetic: _Arithmetic) -> _Stretch:
    """A whole branch, from the first left vertex to the last right one, joined pairwise: O(K)."""
    go, turn = (jax.tree.map(arithmetic.of_log, logs) for logs in log_sigmoids(gaps, lanes))
    one_step = arithmetic.of_log(jnp.zeros_like(gaps[0]))
    left = _Stretch(go[C], turn[C], one_step, go[D], turn[D], one_step)
    right = _Stretch(go[A], turn[A], one_step, go[B], turn[B], one_step)
    stretches = _join(left, right, arithmetic)
    while (n := stretches.time_forward.shape[0]) > 1:
        near = jax.tree.map(lambda x: x[0 : n - 1 : 2], stretches)
        far = jax.tree.map(lambda x: x[1:n:2], stretches)
        joined = _join(near, far, arithmetic)
        if n % 2:
            joined = jax.tree.map(lambda x, y: jnp.append(x, y[-1]), joined, stretches)
        stretches = joined
    return jax.tree.map(lambda x: x[0], stretches)


def hitting_time(gaps: Array, width: Array, lanes: Array) -> Array:
    """The family policy's expected steps H [] from the fork, for one policy; O(K), any W.

    H = W·(time of an excursion into the goal's branch)/P(it succeeds)
    + (W-1)·(time from a dead end back to the fork). Jittable, vmappable and differentiable; trace
    it under `jax.enable_x64(True)`. Beyond 1e308 it is inf: use `log_hitting_time`.

    Args:
        gaps: [4, K] logit gaps of the families a, b, c, d; above -inf, +inf for certainty.
        width: number of branches W [].
        lanes: parallel edges L [].
    """
    branch = _branch(gaps, jnp.asarray(lanes, gaps.dtype), _LINEAR)
    into = (1 + branch.time_forward) / branch.passes_forward
    out = (1 + branch.time_backward) / branch.passes_backward
    return width * into + (width - 1) * out


def log_hitting_time(gaps: Array, width: Array, lanes: Array) -> Array:
    """The log of `hitting_time`, computed in logs throughout: it never over- or underflows."""
    branch = _branch(gaps, jnp.asarray(lanes, gaps.dtype), _LOG)
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
