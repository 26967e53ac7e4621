"""Tasks and exploration: one update in so many for coverage, by expected updates of a blind policy.

    task        mean over training goals of P(τ ≤ T), + λ entropy where there is a bonus
    coverage    mean over checkpoints of P(τ_c ≤ T)
    θ += rate · K g,    g that of the task, or in its turn that of coverage

Goals are hidden: one of many, or one that is always the same. K is the identity where rows are
free; where they are shared, arrivals at a vertex have most of what they learn in common, as of a
network that hardly notes where it came from.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from experiments.common.expected_updates import Task, Worth, expect, scored, task_of
from experiments.common.seeds import CONFIRMING
from experiments.signals.exploration_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, build, compile_maze
from mazerl.exact.coverage import coverage_turns
from mazerl.exact.horizon import follow
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All arms on caves drawn by the seed."""

    seed: int
    shared: bool  # rows of a vertex share what they learn
    known: bool = False  # the goal is always the same
    updates: int = 240


class Arm(NamedTuple):
    """What is trained beside the task."""

    every: int = 0  # one update in so many is for coverage
    bonus: float = 0.0  # λ of the entropy
    off: bool = False  # checkpoints are dead ends that no goal's way leads to


ARMS = {
    "task": Arm(),
    "1 in 6": Arm(6),
    "1 in 2": Arm(2),
    "coverage": Arm(1),
    **{f"entropy {bonus:g}": Arm(bonus=bonus) for bonus in (0.01, 0.03, 0.1, 0.3)},
    "1 in 2, off": Arm(2, off=True),
}
LIMIT, RATE = 30, 2.0
_COMMON = 0.9  # of what is learned, where rows are shared
_EVERY = 60


def _grid(seed: int, seeds: int, updates: int) -> tuple[Config, ...]:
    return tuple(
        Config(seed + n, shared, known, updates)
        for n in range(seeds)
        for shared in (False, True)
        for known in (False, True)
    )


GRID = _grid(CONFIRMING, 20, 240)
QUICK = _grid(CONFIRMING, 1, 240)
SMOKE = _grid(0, 1, 60)


class Places(NamedTuple):
    """Targets X of walks: all junctions and dead ends; each use of them adds up to 1."""

    maze: Maze
    base: np.ndarray  # [R]
    targets: np.ndarray  # [X] vertices
    training: np.ndarray  # [X] share of each as a goal
    held_out: np.ndarray  # [X]
    every: np.ndarray  # [X] as a checkpoint
    off: np.ndarray  # [X] as one off every route


def places_of(config: Config) -> Places:
    """Dead ends are for training, held out, or off every route, drawn by the seed."""
    maze = compile_maze(build("caves", junctions=6, most=4, passage=1, graph_seed=config.seed))
    base = opinionated_rows(maze, 0.05, 1.0, config.seed)
    targets = np.asarray(maze.goals)
    ends = np.random.default_rng(config.seed).permutation(
        np.flatnonzero(np.asarray(maze.degree)[targets] == 1)
    )
    third = len(ends) // 3
    parts = ends[:third], ends[third : 2 * third], ends[2 * third :]
    if config.known:
        parts = parts[0][:1], *parts[1:]
    uses = [np.isin(np.arange(len(targets)), part) for part in (*parts, np.arange(len(targets)))]
    training, held_out, off, every = (use / use.sum() for use in uses)
    return Places(maze, base, targets, training, held_out, every, off)


def common(maze: Maze, shared: bool) -> csr_array:
    """K [R, R]."""
    arc = rows_of(maze).arc
    same = csr_array((arc[:, None] == arc[None]).astype(float))
    alone = csr_array(np.eye(len(arc)))
    return _COMMON * same + (1 - _COMMON) * alone if shared else alone


def run(config: Config) -> dict[str, np.ndarray]:
    """Along training [arms, records]: success, coverage, recovery."""
    places, arms = places_of(config), list(ARMS.values())
    task = task_to(places, len(arms))
    kernel = common(places.maze, config.shared)
    theta = np.log(np.tile(places.base, (len(arms), 1)).T)
    checkpoints = np.stack([places.off if arm.off else places.every for arm in arms])
    # The last arm has no task; a schedule of the package's would refuse it.
    turns = np.stack([
        np.ones(config.updates, bool) if arm.every == 1 else coverage_turns(config.updates,
                                                                            arm.every)
        for arm in arms
    ])  # fmt: skip
    bonus, told = np.array([arm.bonus for arm in arms]), []
    for update in range(config.updates + 1):
        log_p = task.log_softmax(theta)
        p = np.exp(log_p)
        seen = expect(task, np.repeat(p, len(places.targets), 1), Worth())
        success = seen.worth.reshape(len(arms), -1)
        if update % _EVERY == 0:
            told.append(_state(places, p, success))
        if update == config.updates:
            break
        for_it = turns[:, update]
        weight = np.where(for_it[:, None], checkpoints, places.training)
        moves = np.einsum("rkx,kx->rk", seen.moves.reshape(len(p), len(arms), -1), weight)
        visits = np.einsum("akx,kx->ak", seen.visits.reshape(-1, *success.shape), weight)
        row_entropy = task.of_row @ (p * log_p)
        even = -p * (log_p - row_entropy[task.arrival]) * visits[task.arrival]
        step = scored(task, moves, p) + bonus * even
        theta = theta + RATE * (kernel @ step)
    return {name: np.array([each[name] for each in told]).T for name in told[0]}


def task_to(places: Places, arms: int) -> Task:
    """Each target a task, for so many policies side by side."""
    alone = task_of(places.maze, int(places.targets[0]), LIMIT)
    heads = np.append(np.asarray(places.maze.head), -1)
    return replace(
        alone, there=heads[:, None] == np.tile(places.targets, arms),
        from_entry=csr_array(alone.from_entry), of_row=csr_array(alone.of_row),
    )  # fmt: skip


def _state(places: Places, p: np.ndarray, success: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "training": success @ places.training,
        "held_out": success @ places.held_out,
        "coverage": success @ places.every,
        "off": success @ places.off,
        "recovery": np.array([recovery(places, each) for each in p.T]),
    }


def recovery(places: Places, rows: np.ndarray) -> float:
    """Mean over training goals and other dead ends of P(arrive within T/2 from there)."""
    head, degree = np.asarray(places.maze.head), np.asarray(places.maze.degree)
    told = []
    for goal in places.targets[places.training > 0]:
        ends = np.flatnonzero((degree[head] == 1) & (head != goal))
        told.append(follow(places.maze, rows, LIMIT // 2, int(goal)).to_go[-1, ends].mean())
    return float(np.mean(told))


def table(records: list[Record]) -> Tables:
    """One row a cell, arm and record; A4."""
    curves = pd.DataFrame([
        {"seed": r.config["seed"], "shared": r.config["shared"], "known": r.config["known"],
         "arm": arm, "update": n * _EVERY,
         **{name: float(each[a, n]) for name, each in r.arrays.items()}}
        for r in records for a, arm in enumerate(ARMS) for n in range(r.arrays["off"].shape[1])
    ])  # fmt: skip
    return Tables({"exploration": curves}, claims(curves))
