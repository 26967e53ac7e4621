"""What the experiments with sampled training share: mazes, base models and times along a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.markov import hitting_times
from mazerl.policy import Policy, extract_rows
from mazerl.topology import shuffled
from mazerl.train.base import base_model
from mazerl.transformer import Decoder, transformer


class Network(NamedTuple):
    """A maze, a transformer and its base model."""

    maze: Maze
    policy: Policy
    base: Any  # parameters


def numbered(topology: str, parameters: dict[str, Any], ports: str, seed: int) -> Maze:
    """A maze whose ports are numbered in the builder's order or, "shuffled", at random."""
    graph = build(topology, **parameters)
    return compile_maze(shuffled(graph, seed) if ports == "shuffled" else graph)


def make_network(
    store: Path, parameters: dict[str, Any], ports: str, decoder: Decoder, seed: int
) -> Network:
    """A corridor and its base model, pretrained or read from the store."""
    maze = numbered("corridor", parameters, ports, seed)
    description = {"topology": "corridor", "ports": ports, **parameters}
    return Network(maze, transformer(decoder), base_model(store, maze, description, decoder, seed))


def exact_time(policy: Policy, maze: Maze, params: Any) -> float:
    """H of a policy that is Markov in the arrival arc."""
    return float(hitting_times(maze, extract_rows(policy, maze, params)).mean())


def along(history: Any, measure: Callable[[Any], Any]) -> np.ndarray:
    """A measure of the parameters at every record [records+1]."""
    records = len(jax.tree.leaves(history)[0])
    return np.array([measure(jax.tree.map(lambda x, n=n: x[n], history)) for n in range(records)])
