"""O5: what filters of groups keep, and what that does to the objective."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.filtered_weights import (
    DRAWN,
    KEPT,
    RANKED,
    REDRAWN,
    exact_weight,
    kept_share,
)
from experiments.common.seeds import CONFIRMING
from experiments.objectives.group_filters_claims import CLAIM_FAMILIES, claims_of
from mazerl import build, compile_maze
from mazerl.exact.horizon import success_gradient
from mazerl.exact.pools import success_of
from mazerl.maze import Array, Maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.filters import Keep, choose_groups
from mazerl.walk.rollouts import rollout

LIMIT = 24
FILTERS = ("all", "mixed", "spread", "unrelated")
"""Of groups, and one of a signal that has nothing to do with outcomes."""


@dataclass(frozen=True)
class Config:
    """A group size; so many batches of draws, each of 64 groups of which 16 are kept."""

    group: int
    batches: int = 50
    draws: int = 50  # a batch
    seed: int = 0  # of the walks


GRID = tuple(Config(size, seed=CONFIRMING) for size in (8, 16))
QUICK = (Config(8, batches=20, draws=25, seed=CONFIRMING),)
SMOKE = (Config(8, batches=20, draws=10),)

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]

_WANTED = (0.03, 0.06, 0.12, 0.22, 0.3, 0.6, 0.78, 0.92)


class Pool(NamedTuple):
    """Goals of one cave, for one base model that is blind to them."""

    maze: Maze
    logits: np.ndarray  # [R]
    success: np.ndarray  # [X]
    score: np.ndarray  # [X, R] how far a move is along ∇p, over its square


def pool_of() -> Pool:
    """The goals nearest to the success that is wanted."""
    maze = compile_maze(build("caves", junctions=10, fewest=3, most=3, passage=1, spine=1,
                              graph_seed=1))  # fmt: skip
    p, rows = opinionated_rows(maze, 0.02, 1.0, 1), rows_of(maze)
    goals = every_goal(maze, LIMIT)
    near = success_of(problems_of(maze, LIMIT, goals), p)
    goals = np.sort(goals[[int(np.abs(near - wanted).argmin()) for wanted in _WANTED]])
    exact = success_gradient(maze, p, LIMIT, goals)
    mean = np.stack([np.bincount(rows.arrival, p * slope, maze.num_arcs + 1)
                     for slope in exact.logits])  # fmt: skip
    score = (exact.logits - mean[:, rows.arrival]) / (exact.logits**2).sum(1)[:, None]
    return Pool(replace(maze, goals=goals), np.log(p), exact.success, score)


def run(config: Config) -> dict[str, np.ndarray]:
    """By batch, filter and goal: groups kept [batches, F, X], and their update along ∇p over |∇p|².

    Beside them how many were drawn of each goal [batches, X]; and that are mixed, likewise.
    """
    pool, key = pool_of(), cell_key(config)
    start = rows_of(pool.maze).start
    columns: tuple[list[np.ndarray], ...] = ([], [], [], [])
    for batch in range(config.batches):
        seen = _batch(
            pool.maze, start, pool.logits.astype(np.float32), pool.score.astype(np.float32),
            jax.random.fold_in(key, batch), config.draws, config.group,
        )  # fmt: skip
        for column, one in zip(columns, seen, strict=True):
            column.append(np.asarray(one))
    kept, update, drawn, mixed = map(np.stack, columns)
    return {
        "kept": kept, "update": update, "drawn": drawn, "mixed": mixed, "success": pool.success,
    }  # fmt: skip


@partial(jax.jit, static_argnums=(5, 6))
def _batch(
    maze: Maze, start: Array, logits: Array, score: Array, key: Array, draws: int, size: int
) -> tuple[Array, Array, Array, Array]:
    walking, aside = jax.random.split(key)
    groups, goals = draws * DRAWN, len(score)
    walks = rollout(TABULAR, logits, maze, walking, groups * size, LIMIT, size)
    goal = jnp.searchsorted(jnp.asarray(maze.goals), walks.goal)
    real = jnp.arange(LIMIT)[None] < walks.length[:, None]
    entry = start[walks.arc[:, :-1]] + walks.port
    along = jnp.where(real, score[goal[:, None], entry], 0.0).sum(1)
    success = walks.reached.reshape(groups, size)
    advantage = advantage_of("spread", size)(Outcomes(success.astype(jnp.float32), success))
    each = (advantage * along.reshape(groups, size)).mean(1)
    total, goal = success.sum(1), goal[::size]
    signals = (success.astype(jnp.float32), jax.random.uniform(aside, success.shape))
    rewards, unrelated = (x.reshape(draws, DRAWN, size) for x in signals)
    told = success.reshape(draws, DRAWN, size)

    def kept(reward: Array, name: Keep) -> Array:
        chosen, passes = jax.vmap(lambda r, s: choose_groups(Outcomes(r, s), name, KEPT))(
            reward, told
        )
        here = jnp.zeros((draws, DRAWN)).at[jnp.arange(draws)[:, None], chosen].set(passes)
        return here.reshape(-1)

    masks = jnp.stack([
        jnp.ones(groups), kept(rewards, "mixed"), kept(rewards, "spread"),
        kept(unrelated, "spread"),
    ])  # fmt: skip
    by_goal = jnp.arange(goals)[:, None] == goal[None]
    mixed = (total > 0) & (total < size)
    return (
        masks @ by_goal.T,
        (masks * each[None]) @ by_goal.T,
        by_goal.sum(1),
        by_goal @ mixed.astype(jnp.int32),
    )


def table(records: list[Record]) -> Tables:
    """One row a group size, filter and goal; exact weights; and O5."""
    cells = pd.DataFrame([row for record in records for row in _cells(record)])
    pool = np.unique(cells["success"])
    frames = {"group_filters": cells, "group_filters_curves": _curves(pool)}
    return Tables(frames, claims_of(cells, pool))


def _cells(record: Record) -> list[dict[str, object]]:
    arrays, size = record.arrays, record.config["group"]
    pool, drawn, told = arrays["success"], arrays["drawn"], []
    for f, name in enumerate((*FILTERS, REDRAWN)):
        by, mine = (arrays["mixed"], 0) if name == REDRAWN else (drawn, f)
        factor = 1.0 if name in ("all", REDRAWN) else DRAWN / KEPT
        weights = exact_weight(name, size, pool, pool)
        for x, p in enumerate(pool):
            weight = _Measured.of(factor * arrays["update"][:, mine, x], by[:, x], weights[x])
            row = {
                "filter": name, "group": size, "success": float(p),
                "groups": int(drawn[:, x].sum()),
                "weight": float(weights[x]), "measured": weight.ratio, "error": weight.error,
                "deviation": weight.deviation,
            }  # fmt: skip
            if name in RANKED:
                share = kept_share(name, size, pool, float(p))
                kept = _Measured.of(arrays["kept"][:, f, x], drawn[:, x], share)
                row |= {"kept": kept.ratio, "kept_exact": share, "kept_deviation": kept.deviation}
            told.append(row)
    return told


class _Measured(NamedTuple):
    """A ratio of means over batches, and how far it is from what it should be."""

    ratio: float
    error: float
    deviation: float  # in standard errors; 0 where nothing varies

    @classmethod
    def of(cls, part: np.ndarray, whole: np.ndarray, wanted: float) -> "_Measured":
        rest = part - wanted * whole
        error = float(rest.std(ddof=1) / np.sqrt(len(rest)))
        away = float(rest.mean() / error) if error > 0 else 0.0
        return cls(float(part.sum() / whole.sum()), error / float(whole.mean()), away)


def _curves(pool: np.ndarray) -> pd.DataFrame:
    """Exact weights over p, and their integral from 0.01 to 0.99 from 0 to 1."""
    p = np.linspace(0.01, 0.99, 197)
    parts = []
    for size in (8, 16):
        for name in ("all", "mixed", "spread", REDRAWN):
            weight = exact_weight(name, size, pool, p)
            climbed = np.append(0, np.cumsum((weight[1:] + weight[:-1]) / 2))
            parts.append(pd.DataFrame({
                "filter": name, "group": size, "success": p, "weight": weight,
                "climbed": climbed / climbed[-1],
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)
