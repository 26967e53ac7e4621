"""O5: what filters of groups keep, and what that does to the objective."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.stats import binom

from experiments.common.cells import cell_key
from experiments.common.seeds import CONFIRMING
from mazerl import build, compile_maze
from mazerl.exact.horizon import success_gradient
from mazerl.exact.pools import success_of
from mazerl.maze import Array, Maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.measure.group_filters import filtered_weight, kept_by_count
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.filters import Keep, choose_groups
from mazerl.walk.rollouts import rollout

KEPT, DRAWN, LIMIT = 16, 64, 24
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

_WANTED = (0.03, 0.06, 0.12, 0.22, 0.3, 0.6, 0.78, 0.92)
_MOST_ERRORS = 4.0
_REDRAWN = "redrawn"

CLAIM_FAMILIES = (
    Family(
        id="O5",
        title="What filters of groups do to the objective",
        statement="Dropping groups that are not mixed rescales GRPO's weights of prompts; drawing "
        "each prompt again until its group is mixed makes it climb the log-odds of success; "
        "keeping the groups of largest spread turns it to prompts near p = 1/2, away from hard "
        "ones, by as much as the rest of the pool decides.",
        source="no paper has the weights: filters are DAPO's (Yu et al. 2025) and RAGEN's (Wang et "
        "al. 2025), whose chance to keep a group with K successes follows from the binomials of "
        "the pool",
        control="O5.c1 keeps groups by the spread of numbers that have nothing to do with "
        "outcomes: the weight must stay GRPO's. O5.c2 holds those against the weights of the "
        "spread of rewards, O5.c3 the kept groups against the weights of another N: both must "
        "miss.",
        scope="That spread and closeness of K/N to 1/2 rank groups alike is an identity, and "
        "tested as one. Weights are true by construction as soon as filters and formulas are what "
        "they say: tested is the code, on one cave, one base model and eight goals, the same in "
        "development; fresh are the walks, and all filters are judged on the same ones. Rewards "
        "without penalty, 16 kept of 64, sums over a walk's moves divided by the number of groups "
        "kept, one step. O5.3 to O5.5 are arithmetic.",
        sampled=("O5.1", "O5.2", "O5.c1", "O5.c2", "O5.c3"),
    ),
)


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
    return Tables(frames, _claims(cells, pool))


def exact_weight(name: str, size: int, pool: np.ndarray, p: np.ndarray) -> np.ndarray:
    """w(p) of GRPO's advantages after a filter, of groups that are learned from."""
    worth = by_count(advantage_of("spread", size), size)
    if name in ("mixed", "spread"):
        kept = kept_by_count(size, name, pool, KEPT, DRAWN)  # type: ignore[arg-type]
        return filtered_weight(worth, kept, p) * DRAWN / KEPT
    plain = outcome_weight(worth, p)
    return plain / _mixed(p, size) if name == _REDRAWN else plain


def _mixed(p: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(1 - p**size - (1 - p) ** size)


def _kept_share(name: str, size: int, pool: np.ndarray, p: float) -> float:
    """Of groups of a prompt that are drawn."""
    if name not in ("mixed", "spread"):
        return 1.0 if name == "all" else KEPT / DRAWN
    kept = kept_by_count(size, name, pool, KEPT, DRAWN)  # type: ignore[arg-type]
    return float(binom.pmf(np.arange(size + 1), size, p) @ kept)


def _cells(record: Record) -> list[dict[str, object]]:
    arrays, size = record.arrays, record.config["group"]
    pool, drawn, told = arrays["success"], arrays["drawn"], []
    for f, name in enumerate((*FILTERS, _REDRAWN)):
        by, mine = (arrays["mixed"], 0) if name == _REDRAWN else (drawn, f)
        factor = 1.0 if name in ("all", _REDRAWN) else DRAWN / KEPT
        weights = exact_weight(name, size, pool, pool)
        for x, p in enumerate(pool):
            weight = _Measured.of(factor * arrays["update"][:, mine, x], by[:, x], weights[x])
            row = {
                "filter": name, "group": size, "success": float(p),
                "groups": int(drawn[:, x].sum()),
                "weight": float(weights[x]), "measured": weight.ratio, "error": weight.error,
                "deviation": weight.deviation,
            }  # fmt: skip
            if name in ("mixed", "spread"):
                share = _kept_share(name, size, pool, float(p))
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
        for name in ("all", "mixed", "spread", _REDRAWN):
            weight = exact_weight(name, size, pool, p)
            climbed = np.append(0, np.cumsum((weight[1:] + weight[:-1]) / 2))
            parts.append(pd.DataFrame({
                "filter": name, "group": size, "success": p, "weight": weight,
                "climbed": climbed / climbed[-1],
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _log_odds() -> tuple[int, int]:
    """Group sizes whose redrawn weight times p(1-p) is from √(N-1)/N to 1/2, of how many."""
    p = 1 / (1 + np.exp(-np.linspace(-9, 9, 361)))
    sizes = (2, 3, 4, 8, 16, 32, 64)
    met = 0
    for size in sizes:
        flat = exact_weight(_REDRAWN, size, p, p) * p * (1 - p)
        met += bool((flat > np.sqrt(size - 1) / size - 1e-6).all() and (flat < 0.5 + 1e-6).all())
    return met, len(sizes)


def _claims(cells: pd.DataFrame, pool: np.ndarray) -> list[dict[str, object]]:
    tolerance = f"{_MOST_ERRORS:.0f} standard errors"

    def near(rows: pd.DataFrame, column: str = "deviation") -> int:
        return int((rows[column].abs() < _MOST_ERRORS).sum())

    kept, unrelated = (
        cells[cells["filter"].isin(["mixed", "spread"])],
        cells["filter"] == "unrelated",
    )
    filtered, aside = cells[~unrelated], cells[unrelated]
    size = int(cells["group"].min())
    told = [
        every(claim, "O5.1", "of a prompt's groups the exact share is kept: filters, group sizes "
              "and prompts", near(kept, "kept_deviation"), len(kept), tolerance),
        every(claim, "O5.2", "the update along ∇p is the exact weight of it: unfiltered, mixed "
              "alone, redrawn, largest spreads; group sizes and prompts", near(filtered),
              len(filtered), tolerance),
        every(claim, "O5.3", "redrawn until mixed w(p) p(1-p) is from √(N-1)/N to 1/2 for any p, "
              "so that about the log-odds is climbed: N from 2 to 64", *_log_odds()),
        every(control, "O5.c1", "kept by an unrelated signal, the weight is GRPO's: group sizes "
              "and prompts", near(aside), len(aside), tolerance),
    ]  # fmt: skip
    ends = np.array([pool.min(), pool[np.abs(pool - 0.5).argmin()]])
    hard = {name: float(np.divide(*exact_weight(name, size, pool, ends)))
            for name in ("all", "mixed", "spread")}  # fmt: skip
    easier = {name: float(np.divide(*exact_weight(name, size, pool[pool < 0.15], pool[:2])))
              for name in ("mixed", "spread")}  # fmt: skip
    as_it_is = {name: float(np.divide(*exact_weight(name, size, pool, pool[:2])))
                for name in ("mixed", "spread")}  # fmt: skip
    moved = {name: easier[name] / as_it_is[name] for name in easier}
    other = 2 * size if size == 8 else 8
    return [
        *told,
        claim("O5.4", f"the largest spreads, N = {size}: weight of the hardest prompt over that "
              "of the one nearest to 1/2, as a share of what it is unfiltered", "below 0.2",
              hard["spread"] / hard["all"], hard["spread"] / hard["all"] < 0.2),
        control("O5.4c", "of mixed groups alone it is the same", 1.0, hard["mixed"] / hard["all"],
                abs(hard["mixed"] / hard["all"] - 1) < 1e-9),
        claim("O5.5", f"the largest spreads, N = {size}: weight of the hardest prompt over the "
              "next, among prompts below 0.15 alone over among all", "above 1.2", moved["spread"],
              moved["spread"] > 1.2),
        control("O5.5c", "of mixed groups alone it is the same", 1.0, moved["mixed"],
                abs(moved["mixed"] - 1) < 1e-9),
        *_misses(cells, aside, pool, other),
    ]  # fmt: skip


def _misses(
    cells: pd.DataFrame, aside: pd.DataFrame, pool: np.ndarray, other: int
) -> list[dict[str, object]]:
    size = int(cells["group"].min())

    def most(rows: pd.DataFrame, weights: np.ndarray) -> float:
        mine = rows[rows["group"] == size].sort_values("success")
        return float(((mine["measured"] - weights) / mine["error"]).abs().max())

    wrong = most(aside, exact_weight("spread", size, pool, pool))
    spread = most(cells[cells["filter"] == "spread"], exact_weight("spread", other, pool, pool))
    return [
        control("O5.c2", "and not that of the largest spreads: largest deviation in standard "
                "errors", "above 4", wrong, wrong > _MOST_ERRORS),
        control("O5.c3", f"kept groups of {size} have not the weight of groups of {other}: largest "
                "deviation in standard errors", "above 4", spread, spread > _MOST_ERRORS),
    ]  # fmt: skip
