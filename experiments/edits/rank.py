"""X13: what rank an adapter needs that is to do what RL did, and what that says."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.rl_runs import Pool, learned, pool_of
from experiments.common.seeds import CONFIRMING
from mazerl.maze import Array, Maze
from mazerl.policy.extraction import RULED_OUT, row_logits, row_probabilities
from mazerl.policy.low_rank import Factors, init_rows, merge, nearest
from mazerl.policy.prompted import join_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Training, train_seeds
from mazerl.training.adapted import adapted
from mazerl.training.distillation import distillation, lesson_of


@dataclass(frozen=True)
class Config:
    """A pool, and a run on it that is the teacher."""

    maze: str  # tree or regular
    learner: str = "grpo"
    seed: int = 0
    problems: int = 32
    steps: int = 600  # of distillation


RANKS = (1, 2, 3, 4, 8, 16, 32)
TEACHERS = ("run", "dealt")
GRID = (
    *(Config("tree", seed=CONFIRMING + n) for n in range(20)),
    *(Config("regular", seed=CONFIRMING + n) for n in range(20)),
)
SMOKE = (Config("tree", problems=12), Config("regular", problems=12))

_RATE, _SURE = 0.1, 200.0


class Fit(NamedTuple):
    """How far adapters of each rank come."""

    success: np.ndarray  # [rank]
    nats: np.ndarray  # [rank] KL(teacher ‖ student) of a walk


def run(config: Config) -> dict[str, np.ndarray]:
    """p of base and teacher; p and nats by teacher and rank; p of the change cut to each rank."""
    pool, key = pool_of(config.maze, config.problems, config.seed), cell_key(config)
    teacher = learned(pool, config.learner, key)
    dealt = dealt_anew(pool, teacher, config.seed)
    fits = [_fits(pool, rows, config.steps, key) for rows in (teacher, dealt)]
    placed = _placed(pool) if config.maze == "tree" else np.nan
    return {
        "goals": np.asarray(len(pool.base)),
        "success": np.asarray([pool.success(each) for each in (pool.base, teacher, dealt)]),
        "nats_base": np.asarray([_nats(pool, each, pool.base) for each in (teacher, dealt)]),
        "fit_success": np.stack([fit.success for fit in fits]),
        "fit_nats": np.stack([fit.nats for fit in fits]),
        "cut_success": _cut(pool, teacher),
        "placed": np.asarray(placed),
    }


def dealt_anew(pool: Pool, teacher: np.ndarray, seed: int) -> np.ndarray:
    """The teacher's probabilities [X, R], at each place dealt anew among ports of its own.

    As sure as the teacher everywhere, but no goal has to do with another.
    """
    draw, rows, layout = np.random.default_rng([seed, 2]), teacher.copy(), rows_of(pool.maze)
    for x in range(len(rows)):
        for begin, end in zip(layout.start[:-1], layout.start[1:], strict=True):
            own = begin + np.flatnonzero(pool.base[x, begin:end] > 0)
            rows[x, own] = draw.permutation(rows[x, own])
    return rows


def _fits(pool: Pool, teacher: np.ndarray, steps: int, key: jax.Array) -> Fit:
    """Distil a teacher into adapters of all ranks at once."""
    world, logits = pool.prompts, row_logits(pool.base)
    order = join_rows(world, np.arange(logits.size).reshape(logits.shape)).astype(np.int64)
    method = adapted(distillation(world, TABULAR, exact=True), logits, order)
    ranks = [min(rank, len(logits)) for rank in RANKS]
    starts = jax.tree.map(
        lambda *each: np.stack(each), *(_padded(logits, rank, max(ranks), key) for rank in ranks)
    )
    training = Training(steps, "adam", _RATE, record_every=steps)
    lesson = lesson_of(world, teacher, pool.limit)
    runs = train_seeds(method, lesson, starts, training, jax.random.split(key, len(ranks)))
    rows = [_rows(pool.maze, merge(logits, run.params)) for run in runs]
    return Fit(
        np.asarray([pool.success(each) for each in rows]),
        np.asarray([_nats(pool, teacher, each) for each in rows]),
    )


def _padded(logits: np.ndarray, rank: int, width: int, key: jax.Array) -> Factors:
    """An adapter of a rank among zeros, whose gradients are 0: all ranks share a compilation."""
    left, right = init_rows(rank, logits, key)
    room = ((0, 0), (0, width - rank))
    return Factors(np.pad(left, room), np.pad(right, room[::-1]))


def _rows(maze: Maze, logits: Array) -> np.ndarray:
    return np.stack([row_probabilities(maze, each) for each in np.asarray(logits)])


def _nats(pool: Pool, teacher: np.ndarray, student: np.ndarray) -> float:
    """KL of the teacher's walks from the student's, mean over goals."""
    visits = lesson_of(pool.prompts, teacher, pool.limit).visits[:, rows_of(pool.maze).arrival]
    seen = (visits > 0) & (teacher > 0)
    log_ratio = np.log(np.where(seen, teacher, 1.0)) - np.log(np.where(seen, student, 1.0))
    return float((visits * teacher * log_ratio).sum() / len(teacher))


def _cut(pool: Pool, teacher: np.ndarray) -> np.ndarray:
    """p [rank] of the base with the run's own change of logits, cut to its nearest of each rank."""
    maze, logits = pool.maze, row_logits(pool.base)
    # The rows' own mean says nothing: softmax does not see it.
    arrival, allowed = rows_of(maze).arrival, logits > RULED_OUT
    change = np.where(allowed, np.log(np.maximum(teacher, 1e-30)) - logits, 0.0)
    for x in range(len(change)):
        ports = np.bincount(arrival, allowed[x])
        change[x] -= (np.bincount(arrival, change[x]) / np.maximum(ports, 1))[arrival] * allowed[x]
    told = []
    for rank in RANKS:
        own = nearest(change, min(rank, len(change)))
        told.append(pool.success(_rows(maze, logits + own.left @ own.right)))
    return np.asarray(told)


def _placed(pool: Pool) -> float:
    """p of rank 3 by construction, on a tree.

    Goals stand on a circle in the order of a search in depth, so that those behind a port are an
    arc of it. cos, sin and 1 tell an arc from the rest.
    """
    maze = pool.maze
    turn = _turns(maze)
    layout = rows_of(maze)
    angle = np.asarray([turn[int(goal)] for goal in maze.goals])
    code = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], 1)  # [X, 3]
    behind = _behind(maze)
    right = np.zeros((3, layout.size))
    for n, arc in enumerate(layout.arc):
        inside = np.isin(np.asarray(maze.goals), list(behind[int(arc)]))
        right[:, n] = _arc(angle, inside)
    return pool.success(_rows(maze, row_logits(pool.base) + _SURE * code @ right))


def _arc(angle: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(cos, sin, 1)'s weights that are positive at the angles inside alone, which are an arc."""
    if inside.all() or not inside.any():
        return np.asarray([0.0, 0.0, 1.0 if inside.all() else -1.0])
    order = np.argsort(angle)
    ring, within = angle[order], inside[order]
    first = int(np.flatnonzero(within & ~np.roll(within, 1))[0])
    many = int(within.sum())
    gap = 2 * np.pi / len(angle)
    middle, half = ring[first] + (many - 1) * gap / 2, many * gap / 2
    # 1 in the middle of the smallest arc or beside it.
    return np.asarray([np.cos(middle), np.sin(middle), -np.cos(half)]) / np.sin(gap / 2)


def _turns(maze: Maze) -> dict[int, float]:
    """Goals' places on the circle, evenly in the order of a search in depth."""
    goals, seen = {int(goal) for goal in maze.goals}, [-1]
    found: list[int] = []
    stack = [(int(maze.start), -1)]
    del seen
    while stack:
        vertex, came = stack.pop()
        if vertex in goals:
            found.append(vertex)
        for arc in _ways(maze, vertex):
            if arc != came:
                stack.append((int(maze.head[arc]), int(maze.reverse[arc])))
    return {goal: 2 * np.pi * n / len(found) for n, goal in enumerate(found)}


def _ways(maze: Maze, vertex: int) -> range:
    first = int(maze.first_arc[vertex])
    return range(first, first + int(maze.degree[vertex]))


def _behind(maze: Maze) -> list[set[int]]:
    """Of each arc the vertices of a tree that it leads to."""
    told: list[set[int]] = []
    for arc in range(maze.num_arcs):
        inside, stack = set(), [(int(maze.head[arc]), int(maze.reverse[arc]))]
        while stack:
            vertex, came = stack.pop()
            inside.add(vertex)
            stack += [
                (int(maze.head[n]), int(maze.reverse[n])) for n in _ways(maze, vertex) if n != came
            ]
        told.append(inside)
    return told
