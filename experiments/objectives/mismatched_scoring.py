"""O6: walks drawn otherwise than they are scored: what the update climbs, and what repairs it."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.expected_updates import Task, Worth, expect, scored
from experiments.common.scores import score_sums
from experiments.common.seeds import CONFIRMING
from experiments.common.small_mazes import SmallMaze, small_maze
from experiments.common.walkers import WALKERS
from experiments.objectives.mismatched_scoring_claims import (
    FAMILIES,
    MOST_RATIO,
    REPAIRS,
    SAMPLED,
    claims_of,
    frames_of,
)
from mazerl.maze import Array, Maze
from mazerl.policy.extraction import row_logits
from mazerl.policy.rows import Rows, rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.walk.rollouts import Walks, rollout

CLAIM_FAMILIES = FAMILIES


@dataclass(frozen=True)
class Config:
    """A maze, a time limit, and policies that are drawn."""

    maze: str
    limit: int
    seed: int = 0  # of the policies and the walks
    policies: int = 3
    steps: int = 250  # of an ascent
    batches: int = 0  # of walks, by which updates are sampled
    walks: int = 2000  # a batch


CELLS = (("corridor", 7), ("corridor", 14), ("tree", 9), ("grid", 8))
GRID = tuple(
    Config(maze, limit, CONFIRMING + n, batches=100 if maze == "tree" else 0)
    for maze, limit in CELLS
    for n in range(3)
)
QUICK = tuple(replace(config, batches=config.batches // 2) for config in GRID[::3])
SMOKE = (Config("tree", 9, policies=2),)

_FLOOR = -40.0


def run(config: Config) -> dict[str, np.ndarray]:
    """Expected updates beside ∇p, where ascents end, and what whole-walk weights cost.

    `updates` is cosine with ∇p, length over it and distance from it over it
    [3, walkers, repairs, baselines, policies]; `ends` is p scored and walked, and the last step, of
    the same; `second` is the mean square of a walk's weight [walkers, 2, policies], with the time
    limit and twice that.
    """
    prompt = small_maze(config.maze, config.limit)
    task, draw = prompt.task, np.random.default_rng(config.seed)
    start = task.log_softmax(draw.standard_normal((len(task.arrival), config.policies)))
    p = np.exp(start)
    exact = expect(task, p, Worth())
    gradient, ways = scored(task, exact.moves, p), list(product(range(len(REPAIRS)), (0, 1)))
    repair = np.repeat([each for each, _ in ways], config.policies)
    based = np.repeat([each for _, each in ways], config.policies)
    many = np.tile(start, (1, len(ways)))
    updates, ends, second, inside = [], [], [], []
    for walker in WALKERS:
        found = mismatched_update(task, many, walker, repair, based)[0]
        updates.append(_beside(found, np.tile(gradient, (1, len(ways)))))
        ends.append(_end(task, many, walker, repair, based, config.steps))
        walked = WALKERS[walker](task, start)
        weight = np.divide(p, walked, out=np.zeros_like(p), where=walked > 0)
        second.append([
            expect(longer, p * weight, Worth(0.0, 1.0, 1.0)).worth
            for longer in (task, replace(task, limit=2 * task.limit))
        ])  # fmt: skip
        inside.append(expect(task, walked, Worth()).worth)
    shape = (3, len(WALKERS), len(REPAIRS), 2, config.policies)
    return {
        "success": exact.worth, "second": np.stack(second), "walked": np.stack(inside),
        "updates": np.stack(updates, 1).reshape(shape), "ends": np.stack(ends, 1).reshape(shape),
    } | (_sampled(prompt, config, start[:, :1]) if config.batches else {})  # fmt: skip


def mismatched_update(
    task: Task, now: np.ndarray, walker: str, repair: np.ndarray, based: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The expected update [R, X] of walks by a walker, scored by the policy at temperature 1.

    Advantages are success less what share of the walker's walks succeed, where `based` [X] is 1,
    and success alone where it is 0. `repair` [X] is of `REPAIRS`. Beside the update the visits of
    each entry's row [R, X], and that share [X].
    """
    p = np.exp(now)
    walked = WALKERS[walker](task, now)
    seen = expect(task, walked, Worth(), np.ones_like(p))
    base, visits = seen.worth * based, seen.visits[task.arrival]
    ratio = np.divide(p, walked, out=np.zeros_like(p), where=walked > 0)
    counted = [np.ones_like(p), ratio, np.minimum(ratio, MOST_RATIO)]
    # Whether a baseline counts for each time that a move is made, whatever came of it.
    moves = (seen.moves - base * visits) * walked * np.choose(np.minimum(repair, 2), counted)
    whole = expect(task, np.where(walked > 0, p, 0.0), Worth(0.0, 1 - base, -base))
    moves = np.where(repair == REPAIRS.index("whole walks"), whole.moves, moves)
    return scored(task, moves, p), visits, seen.worth


def _beside(found: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Cosine, length and distance [3, X] of updates; the cosine is 0 where nothing moves."""
    size, exact = np.linalg.norm(found, axis=0), np.linalg.norm(gradient, axis=0)
    along = (found * gradient).sum(0) / exact
    cosine = np.divide(along, size, out=np.zeros_like(size), where=size > 0)
    return np.stack([cosine, size / exact, np.linalg.norm(found - gradient, axis=0) / exact])


def _end(
    task: Task, now: np.ndarray, walker: str, repair: np.ndarray, based: np.ndarray, steps: int
) -> np.ndarray:
    """Natural ascent: p scored, p walked and the last step [3, X]."""
    last = np.zeros(now.shape[1])
    for _ in range(steps):
        update, visits, _ = mismatched_update(task, now, walker, repair, based)
        weight = visits * np.exp(now)
        step = np.divide(update, weight, out=np.zeros_like(update), where=weight > 0)
        moved = task.log_softmax(np.maximum(now + 0.5 * np.clip(step, -5, 5), _FLOOR))
        last, now = np.abs(np.exp(moved) - np.exp(now)).max(0), moved
    walked = expect(task, WALKERS[walker](task, now), Worth()).worth
    return np.stack([expect(task, np.exp(now), Worth()).worth, walked, last])


def _sampled(prompt: SmallMaze, config: Config, now: np.ndarray) -> dict[str, np.ndarray]:
    """Updates of batches of walks [walkers, repairs, batches, R], and exact ones, of `SAMPLED`."""
    task, rows, key = prompt.task, rows_of(prompt.maze), cell_key(config)
    kinds = np.arange(len(REPAIRS))
    many, based = np.tile(now, (1, len(kinds))), np.ones(len(kinds))
    drawn, exact = [], []
    for n, walker in enumerate(SAMPLED):
        walked = WALKERS[walker](task, now)[:, 0]
        update, _, share = mismatched_update(task, many, walker, kinds, based)
        exact.append(update.T)
        ways = [np.asarray(x, np.float32) for x in (row_logits(walked), now[:, 0])]
        drawn.append([
            np.asarray(_batch(prompt.maze, rows, *ways, share[0], jax.random.fold_in(key, m),
                              config.walks, config.limit), float)
            for m in range(n * config.batches, (n + 1) * config.batches)
        ])  # fmt: skip
    p = np.exp(now)
    gradient = scored(task, expect(task, p, Worth()).moves, p)[:, 0]
    return {
        "drawn": np.asarray(drawn).swapaxes(1, 2), "exact": np.asarray(exact), "gradient": gradient
    }  # fmt: skip


@partial(jax.jit, static_argnums=(6, 7))
def _batch(
    maze: Maze, rows: Rows, walked: Array, logits: Array, share: Array, key: Array, number: int,
    limit: int,
) -> Array:  # fmt: skip
    """Mean updates of a batch of walks [repairs, R]."""
    walks = rollout(TABULAR, walked, maze, key, number, limit)
    log_ratio = _log_ratio(rows, logits - walked, walks)
    ratio = jnp.exp(log_ratio)
    each = jnp.stack([
        jnp.ones_like(ratio), ratio, jnp.minimum(ratio, MOST_RATIO),
        jnp.broadcast_to(jnp.exp(log_ratio.sum(1, keepdims=True)), ratio.shape),
    ])  # fmt: skip
    worth = (walks.reached - share)[:, None] / number
    kind = jnp.zeros(number, int)
    return jnp.stack([score_sums(rows, logits, walks, kind, w * worth, 1)[0] for w in each])


def _log_ratio(rows: Rows, entries: Array, walks: Walks) -> Array:
    """Of each move that was made [B, T]; 0 after a walk's end."""
    real = jnp.arange(walks.port.shape[1])[None] < walks.length[:, None]
    entry = jnp.where(real, jnp.asarray(rows.start)[walks.arc[:, :-1]] + walks.port, 0)
    return jnp.where(real, entries[entry], 0.0)


def table(records: list[Record]) -> Tables:
    """Updates, ends and samples, and O6."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
