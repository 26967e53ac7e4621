"""O3: KL to the base by k1, k2, k3, in the loss and in the reward: what it pulls, and where to."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.expected_updates import Task, Worth, expect
from experiments.common.kl_updates import (
    OPTIMUM,
    PLACES,
    ascend,
    expected_update,
    objective,
    penalties,
    tilted,
)
from experiments.common.seeds import CONFIRMING
from experiments.common.small_mazes import small_maze
from experiments.objectives.kl_penalty_claims import (
    BETAS,
    DISTANCES,
    FAMILIES,
    ONE,
    SHORT,
    claims_of,
    frames_of,
)
from mazerl.maze import Array, Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.method import Method
from mazerl.walk.env import Reward

CLAIM_FAMILIES = FAMILIES

FRONTIER = tuple(np.geomspace(0.04, 2.0, 30))
"""Values of β that optima are found for, beside `BETAS`."""

_DRAWS = 10  # policies at each distance
_GROUP = 8
_SAMPLED_AT = 0.7  # as `DISTANCES`


@dataclass(frozen=True)
class Config:
    """A maze, a time limit and a base model that is drawn."""

    maze: str
    limit: int
    seed: int = 0  # of the base, and of all that is drawn
    batches: int = 0  # of walks, by which updates are sampled
    walks: int = 800  # a batch
    starts: int = 10  # of the ascents to the optimum; the first is the base
    steps: int = 600  # of an ascent


CELLS = (
    ("star", ONE),
    ("corridor", SHORT),
    ("corridor", 7),
    ("corridor", 14),
    ("tree", 9),
    ("grid", 8),
)
GRID = tuple(
    Config(maze, limit, CONFIRMING + n, batches=100 if (maze, limit) == ("tree", 9) else 0)
    for maze, limit in CELLS
    for n in range(3)
)
QUICK = tuple(replace(config, starts=4, batches=config.batches // 2) for config in GRID[::3])
# GRPO's loss takes seconds to compile, and is sampled in the tests.
SMOKE = tuple(Config(*CELLS[n], starts=4) for n in (0, 1, 4))


class Prompt(NamedTuple):
    """A maze with one goal, and a base model."""

    maze: Maze
    task: Task
    base: np.ndarray  # [R, 1] log-probabilities


def prompt_of(config: Config) -> Prompt:
    """The prompt of a cell."""
    maze, task = small_maze(config.maze, config.limit)
    base = np.random.default_rng(config.seed).normal(size=rows_of(maze).size)
    return Prompt(maze, task, np.log(row_probabilities(maze, base))[:, None])


def run(config: Config) -> dict[str, np.ndarray]:
    """Ends of ascents, optima, pulls near the base and far from it, and sampled pulls.

    `ends` and `starts` are p and the KL [2, places or starts, betas]; `frontier` is β, p and the
    KL of optima [3, F]; `pulls` is cosine and length beside the exact gradient of the KL, and the
    estimator's value over the KL [3, distances, draws, places].
    """
    prompt = prompt_of(config)
    task, base, betas = prompt.task, prompt.base, np.asarray(BETAS)
    draw = np.random.default_rng(config.seed + 1)
    many, others = len(PLACES) * len(betas), (config.starts - 1) * len(betas)
    kind = np.repeat(np.arange(len(PLACES)), len(betas))
    kind = np.append(kind, np.full(others + len(FRONTIER) + 1, OPTIMUM))
    beta = np.concatenate([np.tile(betas, len(PLACES) + config.starts - 1), FRONTIER, [0.0]])
    start = np.tile(base, (1, len(kind)))
    away = 2 * draw.standard_normal((len(base), config.starts - 1))
    start[:, many : many + others] += np.repeat(away, len(betas), 1)
    now, last = ascend(task, task.log_softmax(start), base, kind, beta, config.steps)
    p, kl = objective(task, now, base)
    visited = expect(task, np.exp(now), Worth()).visits[task.arrival] > 0
    lowest = np.min(now, axis=0, where=visited, initial=0.0)
    ends, firsts = np.stack([p, kl]), slice(OPTIMUM * len(betas), (OPTIMUM + 1) * len(betas))
    starts = np.concatenate([ends[:, firsts], ends[:, many : many + others]], 1)
    by_place = (len(PLACES), len(betas))
    return {
        "success": objective(task, base, base)[0],
        "tilt": np.array([tilted(task, base, b) for b in betas]),
        "ends": ends[:, :many].reshape(2, *by_place),
        "last": last[:many].reshape(by_place),
        "lowest": lowest[:many].reshape(by_place),
        "starts": starts.reshape(2, config.starts, len(betas)),
        "frontier": np.stack([beta, p, kl])[:, many + others : -1],
        "idle": ends[:, -1],
        "pulls": _pulls(task, base, draw),
    } | (_sampled(prompt, config, draw) if config.batches else {})


def _pulls(task: Task, base: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    noise = draw.standard_normal((len(base), _DRAWS))
    told = np.empty((3, len(DISTANCES), _DRAWS, len(PLACES)))
    for n, distance in enumerate(DISTANCES):
        now = task.log_softmax(base + distance * noise)
        exact, kl = _pull(task, now, base, OPTIMUM)
        for k in range(len(PLACES)):
            mine, value = _pull(task, now, base, k)
            size = np.linalg.norm(mine, axis=0)
            along = (mine * exact).sum(0) / np.linalg.norm(exact, axis=0)
            cosine = np.divide(along, size, out=np.zeros_like(size), where=size > 0)
            told[:, n, :, k] = cosine, size / np.linalg.norm(exact, axis=0), value / kl
    return told


def _pull(task: Task, now: np.ndarray, base: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The expected slope [R, X] of a place's penalty alone, and the estimator's mean [X]."""
    kind, one = np.full(now.shape[1], k), np.ones(now.shape[1])
    update, _ = expected_update(task, now, base, kind, one, success=0.0)
    value, _ = penalties(now, base, kind)
    return -update, expect(task, np.exp(now), Worth(value, 0.0)).worth


def _sampled(prompt: Prompt, config: Config, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Slopes of GRPO's own loss, with no reward but the KL [batches, places, R], and exact ones."""
    task, base = prompt.task, prompt.base
    now = task.log_softmax(base + _SAMPLED_AT * draw.standard_normal(base.shape))
    exact = [_pull(task, now, base, k) for k in range(len(PLACES))]
    slope = _slopes(prompt.maze, config.walks // _GROUP, config.limit)
    key = cell_key(config)
    ways = [np.asarray(x[:, 0], np.float32) for x in (now, base)]
    drawn = [slope(*ways, jax.random.fold_in(key, n)) for n in range(config.batches)]
    slopes, told = (np.stack([np.asarray(each[n], float) for each in drawn]) for n in range(2))
    return {
        "slopes": slopes, "told": told, "exact_slopes": np.stack([x[:, 0] for x, _ in exact]),
        "exact_told": np.array([value[0] for _, value in exact[:3]]),
    }  # fmt: skip


def _slopes(maze: Maze, groups: int, limit: int) -> Any:
    """Of a batch of walks: gradients of GRPO's loss by place [6, R], and the KL that it tells."""
    sizes = Groups(groups, _GROUP, limit, advantage="leave_one_out", normalize="constant")
    methods = [grpo(maze, TABULAR, replace(sizes, kl=kl, kl_in=place)) for kl, place in PLACES]

    def of(logits: Array, base: Array, key: Array) -> tuple[Array, Array]:
        task = GRPOTask(Reward(0.0, 0.0), beta=1.0, reference=base)
        walks, _ = methods[0].walk(maze, task, logits, (), key)

        def one(method: Method) -> tuple[Array, Array]:
            batch = method.collect(maze, task, logits, walks, key, jnp.float32(0))
            slope, seen = jax.grad(partial(method.loss, maze), has_aux=True)(logits, batch)
            return slope * limit, seen.get("kl_reference", jnp.float32(0)) * limit

        slopes, told = zip(*map(one, methods), strict=True)
        return jnp.stack(slopes), jnp.stack(told[:3])

    return jax.jit(of)


def table(records: list[Record]) -> Tables:
    """Ends of ascents, pulls and sampled pulls, and O3."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
