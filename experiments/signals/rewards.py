"""Rewards that leak: ascent on exact expected reward of a tabular policy, success p beside it.

A reward is an automaton and what its states are worth at the end (a reward machine; Icarte et al.
2018): m' = next(arrival, m), and a walk of memory m is paid pay(m, did it arrive). With d_t the
mass of walks after t steps and V what is to come, both by arrival and memory,

    ∂E[pay] / ∂θ(e, a) = U(e, a) - π(a|e) Σ_b U(e, b),   U = Σ_t Σ_m d_t(e, m) π(a|e) V(a, m').

All arms of a cell are columns of one pass, each with its own policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from experiments.common.expected_updates import Task, Worth, expect, scored, task_of
from experiments.common.seeds import CONFIRMING
from experiments.signals.rewards_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, build, compile_maze
from mazerl.policy.bases import opinionated_rows
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All rewards on a cave drawn by the seed."""

    seed: int
    updates: int = 120


LIMIT, RATE = 30, 2.0
_CAP = 12  # what is counted is counted so far
_EVERY = 20
_NEAR = 2
GRID = tuple(Config(CONFIRMING + n) for n in range(40))
QUICK = GRID[:2]
SMOKE = (Config(0, 60),)


class Place(NamedTuple):
    """A cave, and what rewards know of it."""

    maze: Maze
    task: Task
    base: np.ndarray  # [R]
    distance: np.ndarray  # [vertices] to the goal
    path: np.ndarray  # [L] arcs of the demonstration, a shortest way
    decoy: int  # a dead end that the base comes to most


class Machine(NamedTuple):
    """A reward with a memory of M states; walks begin in state 0."""

    after: np.ndarray  # [A, M] state after each arrival
    pay: np.ndarray  # [M, 2] of a walk that ran out of time, of one that arrived
    first: np.ndarray | None = None  # [M, 2] paid instead in the first half of training


def place_of(seed: int) -> Place:
    """The goal is that of the cave, three steps or more away, whose p is nearest 0.2."""
    maze = compile_maze(build("caves", junctions=6, most=4, passage=1, graph_seed=seed))
    base = opinionated_rows(maze, 0.05, 1.0, seed)
    head, n = np.asarray(maze.head), maze.num_vertices
    tail = head[np.asarray(maze.reverse)]
    apart = shortest_path(csr_array((np.ones(len(head)), (tail, head)), shape=(n, n)))
    ends = np.asarray(maze.goals)

    def success(goal: int) -> float:
        return float(expect(task_of(maze, goal, LIMIT), base[:, None], Worth()).worth[0])

    p = np.array([success(int(each)) for each in ends])
    far = apart[int(maze.start), ends] >= 3
    goal = int(ends[np.argmin(np.where(far, np.abs(p - 0.2), np.inf))])
    degree = np.asarray(maze.degree)[ends]
    decoy = int(ends[np.argmax(np.where((degree == 1) & (ends != goal), p, -1.0))])
    distance, here = apart[:, goal], int(maze.start)
    path: list[int] = []
    while here != goal:
        arc = int(np.flatnonzero((tail == here) & (distance[head] == distance[here] - 1))[0])
        path.append(arc)
        here = int(head[arc])
    return Place(maze, task_of(maze, goal, LIMIT), base, distance, np.array(path), decoy)


def machines(place: Place) -> dict[str, Machine]:
    """The rewards, by name."""
    arcs, length = np.arange(place.maze.num_arcs), len(place.path)
    head = np.asarray(place.maze.head)
    on_path = np.isin(arcs, place.path)
    followed = np.full((len(arcs), length + 2), length + 1)  # the last: strayed
    followed[place.path, np.arange(length)] = np.arange(1, length + 1)
    whole = _pay(length + 2, lambda m, there: there * (m == length))
    arrived = _pay(length + 2, lambda m, there: there + 0.0 * m)
    moves, near = _count(on_path), _count(place.distance[head] <= _NEAR)
    marks = [int(head[place.path[length * i // 3 - 1]]) for i in (1, 2)]
    seen = np.arange(4) | sum((head == v)[:, None] << i for i, v in enumerate(marks))
    bits = np.array([0, 1, 1, 2])
    return {
        "end": Machine(np.zeros((len(arcs), 1), int), np.array([[0.0, 1.0]])),
        "weak check": Machine(
            np.arange(2) | (head == place.decoy)[:, None], np.array([[0.0, 1.0], [1.0, 1.0]])
        ),
        "whole path": Machine(followed, whole),
        "agreement": Machine(moves, _pay(_CAP + 1, lambda m, there: m / length + 0 * there)),
        "near": Machine(near, _pay(_CAP + 1, lambda m, there: m / _NEAR / 2 + 0 * there)),
        "checklist": Machine(seen, _pay(4, lambda m, there: (bits[m] + there) / 3)),
        "additive": Machine(moves, _pay(_CAP + 1, lambda m, there: there + m / length)),
        "gated": Machine(moves, _pay(_CAP + 1, lambda m, there: there * (1 + m / length))),
        "end, then path": Machine(followed, whole, arrived),
        "path, then end": Machine(followed, arrived, whole),
    }


def _pay(size: int, worth: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    return np.asarray(worth(np.arange(size)[:, None], np.array([[0, 1]])), float)


def _count(counted: np.ndarray) -> np.ndarray:
    return np.minimum(np.arange(_CAP + 1) + counted[:, None], _CAP)


class Paid(NamedTuple):
    """Of K columns, the states of all machines side by side; X machines."""

    ended: np.ndarray  # [2, K] mass of walks that ran out of time, that arrived
    moves: np.ndarray  # [R, X] U


def follow(
    task: Task, p: np.ndarray, rewards: Sequence[Machine], pays: Sequence[np.ndarray]
) -> Paid:
    """Where walks of each policy [R, X] end in its machine, and what each move is worth."""
    sizes = [reward.after.shape[1] for reward in rewards]
    begin = np.append(0, np.cumsum(sizes))[:-1]
    after = np.hstack([reward.after + first for reward, first in zip(rewards, begin, strict=True)])
    after = np.vstack([after, np.arange(after.shape[1])])
    pay, walked = np.vstack(pays), np.repeat(p, sizes, 1)
    there, shape = task.there[:, None], after.shape
    flat = (np.arange(shape[0])[:, None] * shape[1] + after).reshape(-1)
    mass: np.ndarray = np.zeros(shape)
    mass[-1, begin] = 1.0
    kept: list[np.ndarray] = []
    arrived = np.zeros(shape[1])
    for _ in range(task.limit):
        kept.append(mass)
        moved = task.from_entry @ (walked * mass[task.arrival])
        mass = np.bincount(flat, moved.reshape(-1), flat.size).reshape(shape)
        arrived = arrived + (mass * there).sum(0)
        mass = np.where(there, 0.0, mass)
    ended = np.stack([mass.sum(0), arrived])
    value = np.where(there, pay[:, 1], pay[:, 0])
    total = np.zeros_like(walked)
    for mass in reversed(kept):
        ahead = walked * np.take_along_axis(value, after, 1)[task.arc]
        total += mass[task.arrival] * ahead
        value = np.where(there, pay[:, 1], task.of_row @ ahead)
    return Paid(ended, np.add.reduceat(total, begin, 1))


def accuracy(ended: np.ndarray, pay: np.ndarray) -> float:
    """P(the walk that arrived is paid more than one that did not), ties half; of [2, M]."""
    failed, won = (each / each.sum() for each in ended)
    over = np.subtract.outer(pay[:, 1], pay[:, 0])
    return float(won @ ((over > 1e-12) + 0.5 * (np.abs(over) <= 1e-12)) @ failed)


def run(config: Config) -> dict[str, np.ndarray]:
    """Along training [arms, records]: success, reward, whole (P of the path), accuracy, and gaps.

    A gap [2] is how far shaping moves the gradient of success from where it is, of the base and of
    what is trained on the end: by a potential, and by its rises alone.
    """
    place = place_of(config.seed)
    task, rewards = place.task, machines(place)
    arms = list(rewards.values())
    theta = np.log(np.tile(place.base, (len(arms), 1)).T)
    splits = np.cumsum([reward.after.shape[1] for reward in arms])[:-1]
    told, gaps = [], []
    for update in range(config.updates + 1):
        p = np.exp(task.log_softmax(theta))
        early = 2 * update < config.updates
        pays = [r.first if early and r.first is not None else r.pay for r in arms]
        seen = follow(task, p, arms, pays)
        if update % _EVERY == 0:
            ends = np.split(seen.ended, splits, 1)
            told.append({
                "success": [each[1].sum() for each in ends],
                "reward": [(each.T * r.pay).sum() for each, r in zip(ends, arms, strict=True)],
                "accuracy": [accuracy(e, r.pay) for e, r in zip(ends, arms, strict=True)],
                "whole": [whole(place, each) for each in p.T],
            })  # fmt: skip
        if update in (0, config.updates):
            gaps.append(shaping_gaps(place, p[:, :1]))
        theta = theta + RATE * scored(task, seen.moves, p)
    curves = {name: np.array([each[name] for each in told]).T for name in told[0]}
    return curves | {
        "potential": np.array(gaps)[:, 0],
        "rises": np.array(gaps)[:, 1],
    }


def whole(place: Place, p: np.ndarray) -> float:
    """Probability of walking the demonstration and nothing else."""
    before = np.append(len(place.task.there) - 1, place.path[:-1])
    entries = [
        np.flatnonzero((place.task.arrival == e) & (place.task.arc == arc))[0]
        for e, arc in zip(before, place.path, strict=True)
    ]
    return float(np.prod(p[entries]))


def shaping_gaps(place: Place, p: np.ndarray) -> tuple[float, float]:
    """Largest change of a gradient entry by Φ' - Φ, Φ = -distance / 4; and by max(Φ' - Φ, 0).

    What is left of the potential where a walk ends is paid back there (Ng et al. 1999).
    """
    head = np.asarray(place.maze.head)
    phi = -place.distance / 4
    before = phi[np.append(head, int(place.maze.start))]
    rise = (phi[head[place.task.arc]] - before[place.task.arrival])[:, None]
    plain, shaped, rises = (
        scored(place.task, expect(place.task, p, worth).moves, p)
        for worth in (
            Worth(),
            Worth(rise, 1.0 - before[place.task.there][0], -before[:, None]),
            Worth(np.maximum(rise, 0.0)),
        )
    )
    return float(np.abs(shaped - plain).max()), float(np.abs(rises - plain).max())


def table(records: list[Record]) -> Tables:
    """One row a cell, reward and record; A5."""
    names = ("success", "reward", "accuracy", "whole")
    curves = pd.DataFrame([
        {"seed": r.config["seed"], "arm": arm, "update": n * _EVERY,
         **{name: float(r.arrays[name][a, n]) for name in names}}
        for r in records for a, arm in enumerate(ARMS)
        for n in range(r.arrays["success"].shape[1])
    ])  # fmt: skip
    gaps = pd.DataFrame([
        {name: float(r.arrays[name].max() if name == "potential" else r.arrays[name].min())
         for name in ("potential", "rises")}
        for r in records
    ])  # fmt: skip
    return Tables({"rewards": curves}, claims(curves, gaps))


ARMS = (
    "end", "weak check", "whole path", "agreement", "near", "checklist", "additive", "gated",
    "end, then path", "path, then end",
)  # fmt: skip
