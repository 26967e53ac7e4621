"""Forests to test with, and their nodes found by climbing from leaf to leaf."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.walk.nodes import Forest
from mazerl.walk.selectors import at_random
from mazerl.walk.trees import Budget, grow

LIMIT = 24


class Cave(NamedTuple):
    """A small cave and a policy on it."""

    maze: Maze
    rows: np.ndarray  # [R] probabilities
    logits: np.ndarray  # [R]


@lru_cache
def cave() -> Cave:
    """With few steps between junctions."""
    maze = compile_maze(build("caves", junctions=8, passage=1, graph_seed=3))
    rows = opinionated_rows(maze, 0.1, 1.0, 0)
    return Cave(maze, rows, np.log(rows).astype(np.float32))


@lru_cache
def bushy() -> Forest:
    """Twenty trees of four whole walks and eight that were resumed at random junctions."""
    maze, _, logits = cave()
    budget = Budget(12, 4, width=2)
    grown = grow(TABULAR, logits, maze, seeded_key(5), LIMIT, budget, at_random, problems=20)
    return on_host(grown)


def on_host(forest: Forest) -> Forest:
    """The same as NumPy arrays."""
    return Forest(*(np.asarray(field) for field in forest))


def owner(forest: Forest, x: int, leaf: int, step: int) -> int:
    """The leaf that a node is named by."""
    while forest.parent[x, leaf] >= 0 and step <= forest.branch[x, leaf]:
        leaf = int(forest.parent[x, leaf])
    return leaf


def leaves_below(forest: Forest, x: int, leaf: int, step: int) -> list[int]:
    """All leaves that were the same walk until a node."""
    here = owner(forest, x, leaf, step)
    every = np.flatnonzero(forest.grown[x]).tolist()
    return [other for other in every if owner(forest, x, other, step) == here]


def by_hand(parent: Any, branch: Any, reached: Any, length: Any, limit: int) -> Forest:
    """A forest of one problem whose arcs do not matter."""
    count = len(parent)
    blank = np.zeros((1, count, limit), np.int32)
    return Forest(
        arc=np.zeros((1, count, limit + 1), np.int32), port=blank, entropy=blank.astype(np.float32),
        length=np.asarray([length], np.int32), reached=np.asarray([reached], bool),
        parent=np.asarray([parent], np.int32), branch=np.asarray([branch], np.int32),
        grown=np.ones((1, count), bool), goal=np.zeros(1, np.int32),
    )  # fmt: skip
