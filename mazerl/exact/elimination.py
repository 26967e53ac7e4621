"""Subtraction-free elimination of states from a sparse Markov chain.

Eliminating state s from a chain redirects every u → s → v to u → v: with exit(s) = Σ_{v≠s} P(s,v),
P(u,v) += P(u,s)·P(s,v)/exit(s), and expected times likewise. Only sums, products and quotients of
non-negative numbers occur, because exit(s) is summed rather than computed as 1 - P(s,s); so every
result keeps full relative accuracy however large it is (Grassmann, Taksar & Heyman 1985,
"Regenerative analysis and steady state distributions"; O'Cinneide 1993 for the error bound).

The order comes from a plan (`plans`). Applying it is array code that works on NumPy arrays and,
traced, on JAX arrays, so that it can be jitted and differentiated.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from mazerl.exact import dense
from mazerl.exact.plans import DenseRest, Plan
from mazerl.maze import Array


class Eliminated(NamedTuple):
    """A plan applied to numbers."""

    probability: Array  # [num_entries], each as it was when its state was eliminated
    time: Array  # [num_states] expected steps per visit, until another surviving state
    exits: tuple[Array, ...]  # per round [n]: probability of not returning at once
    blocks: tuple[dense.Block, ...]  # of the dense rest; none when traced


def eliminate(plan: Plan, probability: Array, time: Array) -> Eliminated:
    """Apply a plan: probability [E] of the given entries, time [N] spent per visit of a state.

    A state that cannot be left has exit 0; whatever can reach it takes time inf.
    """
    xp = jnp if isinstance(probability, jax.Array) else np
    among_kept = 0 if plan.rest is None else len(plan.kept_entry)
    fill = xp.zeros(plan.num_entries - among_kept - len(probability), probability.dtype)
    probability, time = xp.concatenate([probability, fill]), xp.asarray(time)
    exits = []
    for r in plan.rounds:
        out = probability[r.out_entry]
        exit_ = _add_at(xp.zeros(len(r.state), out.dtype), r.out_from, out)
        stuck = exit_ == 0
        into = probability[r.in_entry]
        weight = xp.where(stuck[r.in_to], 0, into / xp.where(stuck, 1, exit_)[r.in_to])
        probability = _add_at(probability, r.pair_entry, weight[r.pair_in] * out[r.pair_out])
        spent = _times(weight, time[r.state][r.in_to])
        spent = xp.where(stuck[r.in_to] & (into > 0), xp.inf, spent)
        time = _add_at(time, r.in_from, spent)
        exits.append(exit_)
    blocks: tuple[dense.Block, ...] = ()
    if plan.rest is not None:
        left, blocks = _eliminate_rest(plan.rest, plan.kept, probability, time)
        among = left.probability[plan.kept_from, plan.kept_to]
        probability = xp.concatenate([probability, among])
        time = _set_at(time, plan.kept, left.time)
    return Eliminated(probability, time, tuple(exits), blocks)


def _eliminate_rest(
    rest: DenseRest, kept: np.ndarray, probability: Array, time: Array
) -> tuple[dense.Left, tuple[dense.Block, ...]]:
    size, order = len(rest.state) + len(kept), np.concatenate([rest.state, kept])
    if isinstance(probability, jax.Array):
        chain = jnp.zeros((size, size), probability.dtype)
        chain = chain.at[rest.row, rest.column].set(probability[rest.entry])
        return dense.eliminated(chain, time[order], len(rest.state)), ()
    full = np.zeros((size, size))
    full[rest.row, rest.column] = probability[rest.entry]
    return dense.factor(full, time[order], len(rest.state))


def hitting_times_below(plan: Plan, done: Eliminated, kept: np.ndarray) -> np.ndarray:
    """Extend hitting times [k, g] of the kept states, for g goals, to all states [N, g]."""
    result = np.zeros((plan.num_states, kept.shape[1]))
    result[plan.kept] = kept
    if plan.rest is not None:
        result[plan.rest.state] = dense.times_of(done.blocks, kept)[: len(plan.rest.state)]
    for r, exit_ in zip(reversed(plan.rounds), reversed(done.exits), strict=True):
        onward = _matrix(done.probability[r.out_entry], r.out_from, r.out_to, plan, len(r.state))
        total = onward @ result + done.time[r.state][:, None]
        with np.errstate(divide="ignore"):
            result[r.state] = total / exit_[:, None]
    return result


def visits_below(plan: Plan, done: Eliminated, kept: np.ndarray) -> np.ndarray:
    """Extend expected visits [k, g] of the kept states, for g goals, to all states [N, g].

    The walk must begin in a kept state.
    """
    result = np.zeros((plan.num_states, kept.shape[1]))
    result[plan.kept] = kept
    if plan.rest is not None:
        result[plan.rest.state] = dense.visits_of(done.blocks, kept)[: len(plan.rest.state)]
    for r, exit_ in zip(reversed(plan.rounds), reversed(done.exits), strict=True):
        inward = _matrix(done.probability[r.in_entry], r.in_to, r.in_from, plan, len(r.state))
        total = inward @ result
        with np.errstate(divide="ignore", invalid="ignore"):
            result[r.state] = np.where(total > 0, total / exit_[:, None], 0.0)
    return result


def _matrix(
    probability: np.ndarray, row: np.ndarray, column: np.ndarray, plan: Plan, num_rows: int
) -> csr_array:
    """Sparse matrix [num_rows, N] without its zeros, so that 0 · inf never occurs."""
    some = probability > 0
    entries = (probability[some], (row[some], column[some]))
    return csr_array(entries, shape=(num_rows, plan.num_states))


def _times(probability: Array, time: Array) -> Array:
    """Product in which what has probability 0 takes no time, even if it never ends."""
    xp = jnp if isinstance(probability, jax.Array) else np
    possible = probability > 0
    return xp.where(possible, probability, 0) * xp.where(possible, time, 0)


def _set_at(array: Array, index: np.ndarray, value: Array) -> Array:
    if isinstance(array, jax.Array):
        return array.at[index].set(value)
    array = array.copy()
    array[index] = value
    return array


def _add_at(array: Array, index: np.ndarray, value: Array) -> Array:
    if isinstance(array, jax.Array):
        return array.at[index].add(value)
    array = array.copy()
    np.add.at(array, index, value)
    return array
