"""What the experiments with sampled training share: mazes, base models and times along a run."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.exact.markov import hitting_times
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.transformer import Decoder, transformer
from mazerl.sweep.work import Work
from mazerl.topology import shuffled
from mazerl.training import train
from mazerl.training.base import base_model
from mazerl.training.sft import TRAINING, Corpus, sft


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
    work: Work, parameters: dict[str, Any], ports: str, decoder: Decoder, seed: int
) -> Network:
    """A corridor and its base model, pretrained or read from the store."""
    maze = numbered("corridor", parameters, ports, seed)
    description = {"topology": "corridor", "ports": ports, **parameters}
    base = base_model(work.store, maze, description, decoder, seed, work.hand_over)
    return Network(maze, transformer(decoder), base)


def exact_time(policy: Policy, maze: Maze, params: Any) -> float:
    """H of a policy that is Markov in the arrival arc."""
    return float(hitting_times(maze, extract_rows(policy, maze, params)).mean())


def timer(policy: Policy, maze: Maze) -> Callable[[Any], float]:
    """Parameters → H."""
    return partial(exact_time, policy, maze)


def along(history: Any, measure: Callable[[Any], Any]) -> np.ndarray:
    """A measure of the parameters at every record [records+1]."""
    records = len(jax.tree.leaves(history)[0])
    return np.array([measure(jax.tree.map(lambda x, n=n: x[n], history)) for n in range(records)])


def straight_on(maze: Maze) -> np.ndarray:
    """Tabular logits [R] of never going back to the vertex just left, where there is another.

    On a corridor that is the best edge-state policy, dead ends and all, however ports are numbered.
    """
    rows = rows_of(maze)
    head = np.append(np.asarray(maze.head), maze.start)
    # Arc A, where the walk begins, comes from nowhere.
    left = np.append(head[np.asarray(maze.reverse)], -1)
    back = head[rows.arc] == left[rows.arrival]
    return np.where(back, -_NEVER, 0.0)


# e⁻³⁰ is below what 24 random bits can show; where all ports lead back they stay equal.
_NEVER = 30.0


def imitate(
    network: Network, corpus: Corpus, steps: int, key: jax.Array, work: Work, name: str
) -> np.ndarray:
    """H [records+1] along SFT on a corpus, from the base model; name is the training's."""
    maze, policy, base = network
    training, time = replace(TRAINING, steps=steps), timer(policy, maze)
    watch = work.watch(name, time)
    ran = train(sft(maze, policy), corpus, base, training, key, keep_history=True, watch=watch)
    return along(ran.history, time)
