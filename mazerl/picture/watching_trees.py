"""A tree of walks as data of the page that plays walks: branches, outcomes, credit, terms."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, Maze
from mazerl.policy.contract import Policy
from mazerl.training.credit import RULES
from mazerl.training.tree import SELECTORS
from mazerl.walk.nodes import Forest, nodes_of
from mazerl.walk.rollouts import Walks
from mazerl.walk.selectors import UUCB, uucb_weights
from mazerl.walk.trees import Budget, grow

TERMS = ("value", "exploration", "entropy", "cost", "depth")
_DIGITS = 4


class Asked(NamedTuple):
    """A tree to be shown."""

    selector: str = "uucb"  # of `training.tree.SELECTORS`
    first: int = 4  # whole walks before anything is selected
    credit: str = "leaves"  # of `training.credit.RULES`


def tree_of(
    policy: Policy, params: Any, maze: Maze, key: jax.Array, walks: int, limit: int, asked: Asked
) -> tuple[Walks, list[dict[str, Any]]]:
    """The leaves of one tree, and beside each what it is in the tree.

    Terms are those of UUCB, weighted, at the junctions of a leaf's own steps, by all that the tree
    has shown; the root's are with the first leaf.

    Raises:
        MazerlError: an unknown selector or rule of credit, or fewer walks than first ones.
    """
    for what, chosen, known in (
        ("selector", asked.selector, tuple(SELECTORS)), ("rule of credit", asked.credit,
        tuple(RULES)),
    ):  # fmt: skip
        if chosen not in known:
            raise MazerlError(f"unknown {what} {chosen!r}; known: {', '.join(known)}")
    require_whole("first", asked.first)
    data = uucb_weights() if asked.selector == "uucb" else asked.first
    forest = grow(policy, params, maze, key, limit, Budget(walks, asked.first),
                  SELECTORS[asked.selector], data, problems=1)  # fmt: skip
    credit, terms, candidate, visits, wins = (
        np.asarray(x)[0] for x in _known(asked.credit, maze, forest)
    )
    parent, branch = np.asarray(forest.parent)[0], np.asarray(forest.branch)[0]
    told: list[dict[str, Any]] = []
    for leaf, length in enumerate(np.asarray(forest.length)[0].tolist()):
        here = np.flatnonzero(candidate[leaf]).tolist()
        told.append({
            "parent": int(parent[leaf]) if branch[leaf] > 0 else -1, "branch": int(branch[leaf]),
            "credit": np.round(credit[leaf, :length], _DIGITS).tolist(),
            "nodes": {str(t): {
                "visits": int(visits[leaf, t]), "wins": int(wins[leaf, t]),
                "terms": np.round(terms[leaf, t], _DIGITS).tolist(),
            } for t in here},
        })  # fmt: skip
    return forest.walks(), told


@partial(jax.jit, static_argnums=0)
def _known(credit: str, maze: Maze, forest: Forest) -> tuple[Array, ...]:
    """Credit of steps, weighted terms of nodes, which are candidates, leaves and wins below."""
    nodes = nodes_of(forest, maze)
    terms = [
        weight * jnp.broadcast_to(term(nodes), forest.port.shape)
        for weight, term in zip(uucb_weights(), UUCB.terms, strict=True)
    ]
    return RULES[credit](forest), jnp.stack(terms, -1), nodes.candidate, nodes.visits, nodes.wins
