"""The order in which the states of a sparse Markov chain are eliminated, by its structure alone.

Planning runs once per chain structure: rounds of states that are pairwise not adjacent are
eliminated together, cheapest first. Where the chain fills in, its last states are eliminated as one
dense matrix (`dense`). `elimination` applies a plan to numbers.
"""

from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError

# Products that a plan may list; each takes 24 bytes, and applying them as many operations.
_MOST_PRODUCTS = 100_000_000
# A chain fills in where so many states are left, and so many entries each.
_FULL_STATES, _FULL_ENTRIES = 256, 32
# What a round costs an entry or product, and dense elimination an operation.
_ENTRY_SECONDS, _DENSE_RATE = 2e-7, 5e9
_MOST_BYTES, _MOST_SECONDS = 4 * 2**30, 300.0


class ChainTooLargeError(MazerlError):
    """A chain has no small separators, and eliminating its states would fill the memory."""


class Round(NamedTuple):
    """States eliminated together, and where their transitions lie among the chain's entries."""

    state: np.ndarray  # [n]
    out_entry: np.ndarray  # [o] entries state → elsewhere
    out_from: np.ndarray  # [o] position in `state`
    out_to: np.ndarray  # [o]
    in_entry: np.ndarray  # [i] entries elsewhere → state
    in_from: np.ndarray  # [i]
    in_to: np.ndarray  # [i] position in `state`
    pair_in: np.ndarray  # [p] position in in_entry of u → s
    pair_out: np.ndarray  # [p] position in out_entry of s → v
    pair_entry: np.ndarray  # [p] entry u → v


class DenseRest(NamedTuple):
    """States eliminated together as a dense matrix, which has them first and then the kept ones."""

    state: np.ndarray  # [d]
    entry: np.ndarray  # [m] entries of the matrix [d+k, d+k]
    row: np.ndarray  # [m]
    column: np.ndarray  # [m]


class Plan(NamedTuple):
    """An order of elimination, and the chain that is left on the kept states."""

    num_states: int
    num_entries: int  # given entries, then those that elimination adds
    rounds: tuple[Round, ...]
    rest: DenseRest | None  # after the rounds; the last entries are all those among the kept states
    kept: np.ndarray  # [k] states left, ascending
    kept_entry: np.ndarray  # [e] entries among them
    kept_from: np.ndarray  # [e] position in `kept`
    kept_to: np.ndarray  # [e]


def plan_elimination(source: np.ndarray, target: np.ndarray, keep: np.ndarray) -> Plan:
    """Plan the elimination of all states but `keep` [N] bool.

    Args:
        source: [E] state that an entry leaves.
        target: [E] state that it reaches; pairs are distinct and source ≠ target.
        keep: [N] bool.

    Raises:
        ChainTooLargeError: it has no small separators, and eliminating it would take more memory or
            time than there may be; no elimination has begun.
    """
    num_states, num_kept = len(keep), int(keep.sum())
    entry, num_entries = np.arange(len(source)), len(source)
    source, target = source.astype(np.int64), target.astype(np.int64)
    alive, rounds, products = ~keep, [], 0
    while alive.any():
        chosen = _independent(source, target, alive)
        if _fills_in(len(source), int(alive.sum()), int(chosen.sum()), num_kept):
            break
        outgoing, incoming = chosen[source], chosen[target]
        rest = ~(outgoing | incoming)
        ways_in = np.bincount(target[incoming], minlength=num_states)
        ways_out = np.bincount(source[outgoing], minlength=num_states)
        products += int(ways_in @ ways_out)
        if products > _MOST_PRODUCTS:
            break
        alive &= ~chosen
        this, pair_source, pair_target = _pairs(
            np.flatnonzero(chosen), source, target, entry, outgoing, incoming
        )
        # Fill: pairs u → v that have no entry yet get the next numbers.
        keys = np.concatenate([source[rest], pair_source]) * num_states
        keys += np.concatenate([target[rest], pair_target])
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        old = np.flatnonzero(rest)
        unique_entry = np.full(len(unique), -1)
        known = first < len(old)
        unique_entry[known] = entry[old[first[known]]]
        fresh = int((~known).sum())
        unique_entry[~known] = num_entries + np.arange(fresh)
        num_entries += fresh
        rounds.append(this._replace(pair_entry=unique_entry[inverse[len(old) :]]))
        source, target, entry = unique // num_states, unique % num_states, unique_entry
    kept = np.flatnonzero(keep)
    position = np.zeros(num_states, np.int64)
    if not alive.any():
        position[kept] = np.arange(num_kept)
        from_, to = position[source], position[target]
        return Plan(num_states, num_entries, tuple(rounds), None, kept, entry, from_, to)
    gone = np.flatnonzero(alive)
    _require_room(num_states, len(gone), num_kept)
    position[np.concatenate([gone, kept])] = np.arange(len(gone) + num_kept)
    rest_ = DenseRest(gone, entry, position[source], position[target])
    from_, to = np.nonzero(~np.eye(num_kept, dtype=bool))
    entry = num_entries + np.arange(len(from_))
    num_entries += len(from_)
    return Plan(num_states, num_entries, tuple(rounds), rest_, kept, entry, from_, to)


def _dense_seconds(num_gone: int, num_kept: int) -> float:
    return ((num_gone + num_kept) ** 3 - num_kept**3) * 2 / 3 / _DENSE_RATE


def _fills_in(entries: int, num_alive: int, num_chosen: int, num_kept: int) -> bool:
    """Whether the states left are better eliminated densely than `num_chosen` of them sparsely."""
    if num_alive < _FULL_STATES or entries < _FULL_ENTRIES * num_alive:
        return False
    saved = _dense_seconds(num_alive, num_kept) - _dense_seconds(num_alive - num_chosen, num_kept)
    return saved < entries * _ENTRY_SECONDS


def _require_room(num_states: int, num_gone: int, num_kept: int) -> None:
    # The matrix before and after a block, and what is kept of it.
    size, seconds = 3 * 8 * (num_gone + num_kept) ** 2, _dense_seconds(num_gone, num_kept)
    if size > _MOST_BYTES or seconds > _MOST_SECONDS:
        raise ChainTooLargeError(
            f"a chain of {num_states} states with no small separators is too large to solve "
            f"exactly: it would take {size / 2**30:.3g} GiB and {seconds:.3g} seconds, and at most "
            f"{_MOST_BYTES / 2**30:.3g} GiB and {_MOST_SECONDS:.3g} seconds are given; use walks "
            "(`mazerl sample`), or a smaller graph"
        )


def _independent(source: np.ndarray, target: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Alive states whose elimination costs less than that of each alive neighbour: [N] bool."""
    n = len(alive)
    cost = np.bincount(source, minlength=n).astype(float) * np.bincount(target, minlength=n)
    # A fixed scramble breaks ties, so that a third of a long path of equals goes at once.
    cost = cost + np.arange(n) * 0.6180339887498949 % 1.0
    cost[~alive] = np.inf
    cheapest = np.full(n, np.inf)
    np.minimum.at(cheapest, source, cost[target])
    np.minimum.at(cheapest, target, cost[source])
    return alive & (cost < cheapest)


def _pairs(
    state: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    entry: np.ndarray,
    outgoing: np.ndarray,
    incoming: np.ndarray,
) -> tuple[Round, np.ndarray, np.ndarray]:
    """Join entries u → s with entries s → v over the chosen states s; u → u needs no entry."""
    out = np.flatnonzero(outgoing)
    out = out[np.argsort(source[out], kind="stable")]
    into = np.flatnonzero(incoming)
    out_from = np.searchsorted(state, source[out])
    in_to = np.searchsorted(state, target[into])
    per_state = np.bincount(out_from, minlength=len(state))
    begin = np.cumsum(per_state) - per_state
    repeat = per_state[in_to]
    pair_in = np.repeat(np.arange(len(into)), repeat)
    offset = np.arange(len(pair_in)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    pair_out = begin[in_to[pair_in]] + offset
    u, v = source[into][pair_in], target[out][pair_out]
    proper = u != v
    this = Round(
        state=state,
        out_entry=entry[out],
        out_from=out_from,
        out_to=target[out],
        in_entry=entry[into],
        in_from=source[into],
        in_to=in_to,
        pair_in=pair_in[proper],
        pair_out=pair_out[proper],
        pair_entry=np.empty(0, np.int64),
    )
    return this, u[proper], v[proper]
