"""The last states of a chain that fills in, eliminated as dense blocks, without a subtraction.

With M = diag(exits) - P on the eliminated states, M = (I - W)(E - U), where row s of U has what s
leads to when it is eliminated and column s of W what leads to s, over exit(s). A block is factored
state by state beside the sum of its rows over all later states, which is enough to know its exits.
The rest are triangular solves and products in which every term has one sign, so that results keep
their relative accuracy as in `elimination`, and nearly all work is in products of matrices.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
import scipy.linalg

from mazerl.maze import Array

# States that are eliminated one after the other before all later ones are updated.
_BLOCK = 128


class Block(NamedTuple):
    """b states that are eliminated together, and the r states that are left after them."""

    upper: Array  # [b, b] E - U; a state that cannot be left has exit 1 here
    lower: Array  # [b, b] I - W
    right: Array  # [b, r] U
    below: Array  # [r, b] W
    time: Array  # [b] expected steps per visit, until a state that is left
    never: Array  # [b] bool: it may take for ever


class Left(NamedTuple):
    """The chain on the kept states."""

    probability: Array  # [k, k]; its diagonal says nothing
    time: Array  # [k] expected steps per visit, until another kept state; inf if it may never end


def factor(chain: Array, time: Array, num_gone: int) -> tuple[Left, tuple[Block, ...]]:
    """Eliminate the first `num_gone` states of a chain.

    Args:
        chain: [n, n] probabilities; the diagonal is not read.
        time: [n] steps spent per visit.
        num_gone: d; the others are kept.
    """
    xp = jnp if isinstance(chain, jax.Array) else np
    never, blocks = xp.isinf(time), []
    time = xp.where(never, 0, time)
    for begin in range(0, num_gone, _BLOCK):
        b = min(_BLOCK, num_gone - begin)
        right = chain[:b, b:]
        upper, lower, stuck = _small(chain[:b, :b], right.sum(1))
        right = _solve(lower, right, lower=True)
        below = _solve(upper, chain[b:, :b].T, trans=1).T
        steps = _solve(lower, time[:b, None], lower=True)[:, 0]
        comes = xp.tril(lower != 0, -1)
        here = _reached(comes, never[:b] | stuck | xp.isinf(steps))
        steps = xp.where(here, 0, steps)
        blocks.append(Block(upper, lower, right, below, steps, here))
        time = time[b:] + below @ steps
        never = never[b:] | ((below > 0) & here[None]).any(1) | xp.isinf(time)
        time = xp.where(never, 0, time)
        through = below @ right
        through += chain[b:, b:]
        chain = through
    return Left(chain, xp.where(never, xp.inf, time)), tuple(blocks)


def _reached(comes: Array, never: Array) -> Array:
    """Which states of a block [b] take for ever, as they lead to earlier ones [b, b] that do."""
    if isinstance(never, jax.Array):
        return jax.lax.fori_loop(
            0, len(never), lambda s, found: found | (comes[:, s] & found[s]), never
        )
    if never.any():
        for s in range(len(never)):
            never = never | (comes[:, s] & never[s])
    return never


def _small(chain: Array, beyond: Array) -> tuple[Array, Array, Array]:
    """E - U, I - W and what cannot be left, of a block [b, b] and its row sums elsewhere [b]."""
    b = len(chain)
    if isinstance(chain, jax.Array):
        state = jnp.arange(b + 1)

        def one(s: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            table, exits = carry
            row = jnp.where(state > s, table[s], 0)
            exit_ = row.sum()
            later = state[:-1] > s
            weight = jnp.where(later, table[:, s] / jnp.where(exit_ == 0, 1, exit_), 0)
            table = (
                (table + weight[:, None] * row[None])
                .at[:, s]
                .set(jnp.where(later, weight, table[:, s]))
            )
            return table, exits.at[s].set(exit_)

        table = jnp.concatenate([chain, beyond[:, None]], 1)
        table, exits = jax.lax.fori_loop(0, b, one, (table, jnp.zeros_like(beyond)))
        stuck = exits == 0
        upper = jnp.diag(jnp.where(stuck, 1, exits)) - jnp.triu(table[:, :b], 1)
        return upper, jnp.eye(b) - jnp.tril(table[:, :b], -1), stuck
    full, left = np.concatenate([chain, beyond[:, None]], 1), np.zeros(b)
    for s in range(b):
        row = full[s, s + 1 :]
        left[s] = row.sum()
        weight = full[s + 1 :, s]
        weight /= left[s] or 1.0
        full[s + 1 :, s + 1 :] += weight[:, None] * row
    stuck = left == 0
    upper = np.diag(np.where(stuck, 1, left)) - np.triu(full[:, :b], 1)
    return upper, np.eye(b) - np.tril(full[:, :b], -1), stuck


def _solve(matrix: Array, right: Array, lower: bool = False, trans: int = 0) -> Array:
    if isinstance(matrix, jax.Array):
        return jax.scipy.linalg.solve_triangular(matrix, right, lower=lower, trans=trans)
    options: dict[str, Any] = {"lower": lower, "trans": trans, "check_finite": False}
    return scipy.linalg.solve_triangular(matrix, right, **options)


def onward(blocks: Sequence[Block], kept: Array, steps: Array) -> Array:
    """What is expected from each state on [n, g], of what is from the kept ones [k, g].

    A visit of a state adds its time as many times as `steps` [g] says.
    """
    for block in reversed(blocks):
        here = block.right @ kept + block.time[:, None] * steps[None]
        kept = _concatenate(_solve(block.upper, here), kept)
    return kept


def inward(blocks: Sequence[Block], kept: Array) -> Array:
    """Visits of each state [n, g], of visits of the kept ones [k, g]."""
    for block in reversed(blocks):
        kept = _concatenate(_solve(block.lower, block.below.T @ kept, lower=True, trans=1), kept)
    return kept


def _concatenate(first: Array, second: Array) -> Array:
    xp = jnp if isinstance(second, jax.Array) else np
    return xp.concatenate([first, second])


def times_of(blocks: Sequence[Block], kept: np.ndarray) -> np.ndarray:
    """Hitting times of all states [n, g], of those of the kept ones; +inf where one may not end."""
    endless = np.isinf(kept)
    times = onward(blocks, np.where(endless, 0, kept), np.ones(kept.shape[1]))
    if not (endless.any() or any(block.never.any() for block in blocks)):
        return times
    for block in reversed(blocks):
        here = np.repeat(block.never[:, None], endless.shape[1], 1)
        here |= (block.right > 0) @ endless
        for s in reversed(range(len(here))):
            here[s] |= here[s + 1 :][block.upper[s, s + 1 :] < 0].any(0)
        endless = np.concatenate([here, endless])
    return np.where(endless, np.inf, times)


def visits_of(blocks: Sequence[Block], kept: np.ndarray) -> np.ndarray:
    """Visits of all states [n, g], of those of the kept ones, to goals that are surely reached.

    Where a kept state is visited without end, so is what it leads to.
    """
    endless = np.isinf(kept).any(0)
    visits = inward(blocks, np.where(endless, kept > 0, kept))
    return np.where(endless & (visits > 0), np.inf, visits)


@jax.custom_vjp
def _eliminated(chain: Array, time: Array, kept: Array) -> Left:
    return factor(chain, time, len(chain) - len(kept))[0]


def eliminated(chain: Array, time: Array, num_gone: int) -> Left:
    """`factor` without its blocks, differentiable; traced."""
    return _eliminated(chain, time, jnp.zeros(len(chain) - num_gone))


def _forward(
    chain: Array, time: Array, kept: Array
) -> tuple[Left, tuple[Array, tuple[Block, ...]]]:
    left, blocks = factor(chain, time, len(chain) - len(kept))
    return left, (kept, blocks)


def _backward(saved: tuple[Array, tuple[Block, ...]], wanted: Left) -> tuple[Array, Array, Array]:
    """The adjoint by the same factors: expected visits, times what each move leads to."""
    kept, blocks = saved
    k = len(kept)
    by_left = jnp.concatenate([wanted.probability, wanted.time[:, None]], 1)
    ends = jnp.concatenate([jnp.eye(k), jnp.zeros((k, 1))], 1)
    worth = onward(blocks, ends, jnp.append(jnp.zeros(k), 1.0))  # [n, k+1]
    visits = inward(blocks, by_left)  # [n, k+1]
    # Of a state that is left the exit depends on all its moves.
    gone = jnp.arange(len(worth)) < len(worth) - k
    own = jnp.where(gone, (visits * worth).sum(1), 0)
    return visits @ worth.T - own[:, None], visits[:, -1], jnp.zeros(k)


_eliminated.defvjp(_forward, _backward)
