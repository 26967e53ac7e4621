"""From logits, or any policy that is Markov in the arrival arc, to row probabilities."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy
from mazerl.policy.rows import rows_of

RULED_OUT = -1e4
"""A finite logit whose probability is 0 in float64, and in float32."""


def row_probabilities(maze: World, logits: Array) -> np.ndarray:
    """Tabular logits [R] → probabilities [R] in float64.

    A logit of -inf is probability 0; a row's +inf logits share all of it.
    """
    rows = rows_of(maze)
    logits = np.asarray(logits, np.float64)
    if logits.shape != (rows.size,):
        raise MazerlError(f"logits have shape {logits.shape}; this maze needs ({rows.size},)")
    begin = rows.start[:-1][np.diff(rows.start) > 0]
    spread = np.diff(np.append(begin, rows.size))
    peak = np.repeat(np.maximum.reduceat(logits, begin), spread)
    certain = np.where(logits == np.inf, 0.0, -np.inf)
    with np.errstate(invalid="ignore"):
        weight = np.exp(np.where(peak == np.inf, certain, logits - peak))
    return weight / np.repeat(np.add.reduceat(weight, begin), spread)


def row_logits(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., R] → logits, finite, whose probabilities they are.

    Moves that are ruled out get a logit so low that softmax gives exactly 0, and gradients do too:
    training leaves them ruled out.
    """
    p = np.asarray(probabilities, np.float64)
    return np.where(p > 0, np.log(np.where(p > 0, p, 1.0)), RULED_OUT)


@partial(jax.jit, static_argnums=0)
def _logits_by_arc(policy: Policy, maze: World, params: Any) -> Array:
    """Logits [A+M, D] of a Markov policy."""
    walker = policy.bind(maze, params)
    arcs = jnp.arange(maze.num_arrivals)
    return jax.vmap(lambda arc: walker.logits(walker.memory, arc)[0])(arcs)


def extract_rows(policy: Policy, maze: World, params: Any) -> np.ndarray:
    """Probabilities [R] of a Markov policy, in float64 where its parameters are.

    Raises:
        MazerlError: the policy remembers more than the arrival arc.
    """
    if not policy.markov:
        raise MazerlError(
            "this policy remembers more than the arrival arc; estimate its hitting time from walks"
        )
    rows = rows_of(maze)
    with jax.enable_x64(True):
        padded = _logits_by_arc(policy, maze, params)
        port = np.arange(rows.size) - rows.start[rows.arrival]
        logits = np.asarray(padded)[rows.arrival, port]
    return row_probabilities(maze, logits)
