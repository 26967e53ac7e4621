"""Selectors of trees that a study compares, as data of one: all share a compilation."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array
from mazerl.walk.nodes import Nodes
from mazerl.walk.selectors import UUCB, Weighted, at_random, contrast, evenly, uucb_weights, whole

FIRST = 8
"""Whole walks before anything is selected."""


class Menu(NamedTuple):
    """A selector's data: how much of each score there is, so that all share one compilation."""

    terms: Array  # [6] of UUCB's five, and Q̄(1-Q̄)
    oracle: Array  # [2] of V(1-V) and V
    others: Array  # [3] of whole walks, of any candidate alike, of a fixed tree
    value: Array  # [X, T+1, arrivals] V


_TERMS = Weighted((*UUCB.terms, contrast))


def menu(nodes: Nodes, data: Menu, key: Array) -> Array:
    """Scores by the menu."""
    problem = jnp.arange(nodes.arc.shape[0])[:, None, None]
    v = data.value[problem, nodes.left, nodes.arc]
    again = nodes._replace(turn=nodes.turn % FIRST, turns=jnp.int32(FIRST))
    return (
        _TERMS(nodes, data.terms, key)
        + data.oracle[0] * v * (1 - v)
        + data.oracle[1] * v
        + data.others[0] * whole(nodes, None, key)
        + data.others[1] * at_random(nodes, None, key)
        + data.others[2] * evenly(again, FIRST, key)
    )


def _menu(
    terms: np.ndarray | None = None, oracle: tuple[float, float] = (0, 0), other: int = -1
) -> Menu:
    given = np.zeros(6, np.float32)
    if terms is not None:
        given[: len(terms)] = terms
    others = np.asarray(np.arange(3) == other, np.float32)
    return Menu(given, np.asarray(oracle, np.float32), others, np.zeros(0))


def _swapped(weights: np.ndarray) -> np.ndarray:
    """Weights with Q̄(1-Q̄) in the place of Q̄; times 4, so that both are at most 1."""
    return np.append(np.append(0, weights[1:]), 4 * weights[0])


# The best of 108 on development problems, by mixed groups at equal walks; many are as good.
TUNED = uucb_weights(c=1.0, entropy=0.3, cost=0.0, depth=2.0)
TUNED_CONTRAST = uucb_weights(c=0.25, entropy=0.0, cost=0.0, depth=0.6)
SELECTORS: dict[str, Menu] = {
    "flat": _menu(other=0),
    "random": _menu(other=1),
    "fixed": _menu(other=2),
    "uucb": _menu(uucb_weights()),
    "uucb_tuned": _menu(TUNED),
    "uucb_contrast": _menu(_swapped(TUNED_CONTRAST)),
    "value": _menu(np.eye(6)[0]),
    "exploration": _menu(np.eye(6)[1]),
    "uncertainty": _menu(np.eye(6)[2]),
    "cost": _menu(np.eye(6)[3]),
    "oracle": _menu(oracle=(1, 0)),
    "highest": _menu(oracle=(0, 1)),
    "lowest": _menu(oracle=(0, -1)),
}
"""By name; the value tables are a problem's own and are to be put in."""
