"""X13: what rank an adapter needs that is to do what RL did, and what that says."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from experiments.common.cells import all_trained, cell_key
from experiments.common.rl_runs import Learner, Pool, learned, pool_of
from experiments.common.seeds import CONFIRMING
from experiments.edits.rank_claims import CLAIM_FAMILIES, RANKS, table
from mazerl.maze import Array, Maze
from mazerl.policy.extraction import RULED_OUT, row_logits, row_probabilities
from mazerl.policy.low_rank import Factors, init_rows, merge, nearest
from mazerl.policy.preferences import row_peaks, row_sums
from mazerl.policy.prompted import join_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Training, train_seeds
from mazerl.training.adapted import adapted
from mazerl.training.distillation import Lesson, distillation, lesson_of

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]


@dataclass(frozen=True)
class Config:
    """A pool, and a run on it that is the teacher."""

    maze: str  # tree or regular
    learner: Learner = "grpo"
    seed: int = 0
    problems: int = 32
    steps: int = 250  # of distillation


GRID = (
    *(Config("tree", seed=CONFIRMING + n) for n in range(20)),
    *(Config("regular", seed=CONFIRMING + n) for n in range(6)),
    *(Config("tree", "ppo", CONFIRMING + n) for n in range(4)),
)
QUICK = (Config("tree", seed=CONFIRMING, problems=12, steps=100),)
SMOKE = (Config("tree", problems=6, steps=20),)

_RATE, _SURE = 0.3, 200.0


class Fit(NamedTuple):
    """How far adapters of each rank come."""

    base: float  # KL(teacher ‖ base) of a walk, nats
    success: np.ndarray  # [rank]
    nats: np.ndarray  # [rank] KL(teacher ‖ student) of a walk


def run(config: Config) -> dict[str, np.ndarray]:
    """p of base and teachers; p and nats by teacher and rank; p of the change cut to each rank."""
    pool, key = pool_of(config.maze, config.problems, config.seed), cell_key(config)
    teacher = learned(pool, config.learner, key)
    dealt = dealt_anew(pool, teacher, config.seed)
    fits = [_fits(pool, rows, config.steps, key) for rows in (teacher, dealt)]
    placed = np.full(2, np.nan)
    if config.maze == "tree":
        by_chance = np.random.default_rng([config.seed, 3]).permutation(len(pool.base))
        placed = np.asarray([_placed(pool, order) for order in (_by_depth(pool.maze), by_chance)])
    return {
        "success": np.asarray([pool.success(each) for each in (pool.base, teacher, dealt)]),
        "base_nats": np.asarray([fit.base for fit in fits]),
        "fit_success": np.stack([fit.success for fit in fits]),
        "fit_nats": np.stack([fit.nats for fit in fits]),
        "cut_success": _cut(pool, teacher),
        "placed": placed,
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
    students = [np.asarray(merge(logits, run.params)) for run in all_trained(runs)]
    return Fit(
        _nats(pool, teacher, lesson, logits),
        np.asarray([pool.success(_rows(pool.maze, each)) for each in students]),
        np.asarray([_nats(pool, teacher, lesson, each) for each in students]),
    )


def _padded(logits: np.ndarray, rank: int, width: int, key: jax.Array) -> Factors:
    """An adapter of a rank among zeros, whose gradients are 0: all ranks share a compilation."""
    left, right = init_rows(rank, logits, key)
    room = ((0, 0), (0, width - rank))
    return Factors(np.pad(left, room), np.pad(right, room[::-1]))


def _rows(maze: Maze, logits: Array) -> np.ndarray:
    return np.stack([row_probabilities(maze, each) for each in np.asarray(logits)])


def _nats(pool: Pool, teacher: np.ndarray, lesson: Lesson, logits: Array) -> float:
    """KL of the teacher's walks from those of logits [X, R], mean over goals."""
    maze, arrival = pool.maze, rows_of(pool.maze).arrival
    shifted = np.asarray(logits) - row_peaks(maze, np.asarray(logits))[:, arrival]
    log_p = shifted - np.log(row_sums(maze, np.exp(shifted))[:, arrival])
    visited = lesson.visits[:, arrival] * teacher
    log_ratio = np.log(np.where(visited > 0, teacher, 1.0)) - log_p
    return float(np.where(visited > 0, visited * log_ratio, 0.0).sum() / len(teacher))


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


def _placed(pool: Pool, order: np.ndarray) -> float:
    """p of rank 3 by construction, with goals [X] at even places of a circle in an order.

    On a tree, in the order of a search in depth, goals behind a port are an arc of the circle;
    cos, sin and 1 tell an arc from the rest.
    """
    maze, goals = pool.maze, np.asarray(pool.maze.goals)
    place = np.empty(len(goals), np.int64)
    place[order] = np.arange(len(goals))
    angle = 2 * np.pi * place / len(goals)
    code = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], 1)
    behind = [np.isin(goals, list(_reached(maze, arc))) for arc in range(maze.num_arcs)]
    right = np.stack([_arc(place, behind[arc]) for arc in rows_of(maze).arc], 1)
    return pool.success(_rows(maze, row_logits(pool.base) + _SURE * code @ right))


def _arc(place: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Weights of cos, sin and 1, positive on the arc from the first of the places to their last."""
    if inside.all() or not inside.any():
        return np.asarray([0.0, 0.0, 1.0 if inside.all() else -1.0])
    gap, ring = 2 * np.pi / len(place), np.zeros(len(place), bool)
    ring[place] = inside
    first = int(np.flatnonzero(ring & ~np.roll(ring, 1))[0])
    middle, half = gap * (first + (ring.sum() - 1) / 2), gap * ring.sum() / 2
    return np.asarray([np.cos(middle), np.sin(middle), -np.cos(half)]) / np.sin(gap / 2)


def _by_depth(maze: Maze) -> np.ndarray:
    """Goals, by number, in the order of a search in depth of a tree."""
    found, stack = [], [(int(maze.start), -1)]
    while stack:
        vertex, came = stack.pop()
        found.append(vertex)
        stack += _onward(maze, vertex, came)
    return np.asarray([n for vertex in found for n in np.flatnonzero(maze.goals == vertex)])


def _reached(maze: Maze, arc: int) -> set[int]:
    """Vertices of a tree behind an arc."""
    inside, stack = set(), [(int(maze.head[arc]), int(maze.reverse[arc]))]
    while stack:
        vertex, came = stack.pop()
        inside.add(vertex)
        stack += _onward(maze, vertex, came)
    return inside


def _onward(maze: Maze, vertex: int, came: int) -> list[tuple[int, int]]:
    """Vertices beyond one, and the arcs by which to come back, but for the one that was come by."""
    first = int(maze.first_arc[vertex])
    ways = range(first, first + int(maze.degree[vertex]))
    return [(int(maze.head[arc]), int(maze.reverse[arc])) for arc in ways if arc != came]
