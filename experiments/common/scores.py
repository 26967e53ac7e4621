"""Scores of walks: derivatives of their log-probabilities by the logits of a tabular policy."""

import jax
import jax.numpy as jnp

from mazerl.maze import Array
from mazerl.policy.rows import Rows, row_log_softmax
from mazerl.walk.rollouts import Walks


def score_sums(
    rows: Rows, logits: Array, walks: Walks, kind: Array, weight: Array, kinds: int
) -> Array:
    """Σ over the walks of each kind of weight times score [kinds, R]; no vertex is chance's.

    Args:
        rows: of the maze.
        logits: [R] that the scores are taken at.
        walks: [B].
        kind: [B] from 0 to kinds - 1.
        weight: [B] of walks, or [B, T] of their moves.
        kinds: how many there are.
    """
    entries, arrivals = len(rows.arrival), len(rows.start) - 1
    real = jnp.arange(walks.port.shape[1])[None] < walks.length[:, None]
    entry = jnp.where(real, rows.start[walks.arc[:, :-1]] + walks.port, entries)
    place = kind[:, None] * (entries + 1) + entry
    each = jnp.broadcast_to(weight.reshape(len(kind), -1), place.shape)
    taken = jnp.zeros(kinds * (entries + 1)).at[place].add(each)
    taken = taken.reshape(kinds, -1)[:, :-1]
    visits = jax.vmap(lambda t: jax.ops.segment_sum(t, rows.arrival, arrivals))(taken)
    p = jnp.exp(row_log_softmax(logits, rows.arrival, arrivals))
    return taken - p[None] * visits[:, rows.arrival]
