"""The corridor models that several experiments compare, trained the same way from the same base."""

from typing import Any, NamedTuple

import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.exact.corridor import solve_families
from mazerl.exact.families import (
    FamilyMap,
    FamilyVisits,
    family_map,
    family_visits,
    tabular_from_families,
)
from mazerl.exact.markov import entry_visits
from mazerl.policy.extraction import row_probabilities
from mazerl.training import Run, Training, train
from mazerl.training.imitate import IMITATE_FAMILIES
from mazerl.training.rlvr import RLVR_FAMILIES, CorridorTask
from mazerl.walk.corpora import golden_visits
from mazerl.walk.env import Reward


class Corridor(NamedTuple):
    """A compiled corridor and where its families sit."""

    width: int
    depth: int
    lanes: int
    maze: Maze
    families: FamilyMap


def make_corridor(width: int, depth: int, lanes: int, **parameters: Any) -> Corridor:
    """Build and compile."""
    graph = build("corridor", width=width, depth=depth, lanes=lanes, **parameters)
    maze = compile_maze(graph)
    return Corridor(width, depth, lanes, maze, family_map(maze, depth))


def base(corridor: Corridor) -> np.ndarray:
    """The starting model of every method: the uniform walk's gaps [4, K]."""
    return np.zeros((4, corridor.depth))


def train_rlvr(
    corridor: Corridor, training: Training, reward: Reward | None = None, keep_history: bool = False
) -> Run:
    """RLVR with outcome reward and a length penalty, by exact gradients."""
    reward = reward or Reward()
    task = CorridorTask(corridor.width, corridor.lanes, reward.arrival, reward.penalty)
    start = base(corridor)
    return train(RLVR_FAMILIES, task, start, training, keep_history=keep_history)


def train_sft(corridor: Corridor, training: Training, keep_history: bool = False) -> Run:
    """SFT on golden paths, by the exact gradient of the expected cross-entropy."""
    return imitate(corridor, golden_visits(corridor.maze), training, keep_history)


def imitate(
    corridor: Corridor, visits: np.ndarray, training: Training, keep_history: bool = False
) -> Run:
    """SFT on a demonstrator's visits [R]."""
    task: FamilyVisits = family_visits(corridor.families, visits, corridor.lanes)
    return train(IMITATE_FAMILIES, task, base(corridor), training, keep_history=keep_history)


def train_method(method: str, corridor: Corridor, training: Training) -> np.ndarray:
    """The gaps [4, K] of "base", "sft" or "rlvr"."""
    if method == "base":
        return base(corridor)
    run = train_sft(corridor, training) if method == "sft" else train_rlvr(corridor, training)
    return np.asarray(run.params)


def teacher_visits(corridor: Corridor, gaps: np.ndarray) -> np.ndarray:
    """Exact expected visits [R] of a family policy's own walks, dead ends included."""
    return entry_visits(corridor.maze, probabilities_of(corridor, gaps))


def probabilities_of(corridor: Corridor, gaps: np.ndarray) -> np.ndarray:
    """Row probabilities [R] of a family policy."""
    return row_probabilities(corridor.maze, logits_of(corridor, gaps))


def logits_of(corridor: Corridor, gaps: np.ndarray) -> np.ndarray:
    """Tabular logits [R] of a family policy."""
    return np.asarray(tabular_from_families(corridor.families, gaps))


def log_time(corridor: Corridor, gaps: np.ndarray) -> float:
    """Log of the exact hitting time."""
    return solve_families(gaps, corridor.width, corridor.lanes)
