"""A selector that is a small network on what is known of nodes, and its file.

The network is a layer of tanh units: it says how likely an expansion is to pay. It is fitted to
logged expansions (`training.fitting`), and its file says which terms it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array
from mazerl.walk.nodes import Nodes
from mazerl.walk.selectors import (
    Term,
    cost,
    depth,
    exploration,
    new_contrast,
    new_outcome,
    novelty,
    uncertainty,
    value,
)

TERMS: dict[str, Term] = {
    "value": value, "exploration": exploration, "uncertainty": uncertainty, "cost": cost,
    "depth": depth, "new_outcome": new_outcome, "new_contrast": new_contrast, "novelty": novelty,
}  # fmt: skip
"""What a network may read of a node, by name."""


class Net(NamedTuple):
    """F features → one logit."""

    first: Array  # [F, H]
    bias: Array  # [H]
    last: Array  # [H]
    level: Array  # []


def logit(net: Net, features: Array) -> Array:
    """Of features [..., F]: [...]."""
    inside = features @ net.first
    return jnp.tanh(inside + jnp.broadcast_to(net.bias, inside.shape)) @ net.last + net.level


@dataclass(frozen=True)
class Learned:
    """Scores by a network, which is the selector's data.

    Raises:
        MazerlError: a term is unknown, or a network reads another number of them.
    """

    terms: tuple[str, ...] = tuple(TERMS)

    def __post_init__(self) -> None:
        """Check."""
        for name in self.terms:
            if name not in TERMS:
                raise MazerlError(f"unknown term {name!r}; known: {', '.join(TERMS)}")

    def features(self, nodes: Nodes) -> Array:
        """Of all nodes [X, N, T, F]."""
        shape = nodes.visits.shape
        each = [jnp.broadcast_to(TERMS[name](nodes), shape) for name in self.terms]
        return jnp.stack(each, axis=-1)

    def __call__(self, nodes: Nodes, data: Net, key: Array) -> Array:
        """Scores."""
        del key
        if len(data.first) != len(self.terms):
            raise MazerlError(
                f"the learned selector reads {len(data.first)} features, and is shown "
                f"{len(self.terms)}; fit it anew, or give the terms that it was fitted to"
            )
        return logit(data, self.features(nodes))


def save_net(path: Path, net: Net, terms: Sequence[str]) -> None:
    """Write a network with the names of what it reads, as .npz.

    Raises:
        MazerlError: the file cannot be written.
    """
    try:
        np.savez(path, terms=np.asarray(list(terms)), **jax.tree.map(np.asarray, net)._asdict())
    except OSError as error:
        raise MazerlError(f"cannot write {path}: {error.strerror}") from None


def load_net(path: Path, terms: Sequence[str]) -> Net:
    """Read a network that reads the terms.

    Raises:
        MazerlError: the file cannot be read, holds no network, or one of another feature set.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise MazerlError(f"cannot read a selector from {path}: {error}") from None
    if set(held) != {"terms", *Net._fields}:
        raise MazerlError(f"{path} holds no learned selector; write one with save_net")
    named = [str(name) for name in held.pop("terms")]
    if named != list(terms):
        raise MazerlError(
            f"the selector of {path} reads {', '.join(named)}, and not {', '.join(terms)}; fit it "
            "anew, or give the terms that it was fitted to"
        )
    return Net(**held)
