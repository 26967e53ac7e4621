"""X10, X3: whether runs of RL edit the same places, and what else would do there."""

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.rl_runs import Learner, Pool, learned, pool_of
from experiments.common.seeds import CONFIRMING
from experiments.edits.same_edits_claims import CLAIM_FAMILIES, DEALS, table
from mazerl.measure.edits import visits
from mazerl.policy import patched as patches
from mazerl.policy.preferences import greedy_rows, row_sums

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]


@dataclass(frozen=True)
class Config:
    """A pool, and two runs on it of each way to learn."""

    learners: tuple[Learner, ...] = ("grpo", "ppo")
    seed: int = 0
    problems: int = 32


GRID = tuple(Config(seed=CONFIRMING + n) for n in range(8))
QUICK = (Config(("grpo",), problems=6),)
SMOKE = QUICK


def run(config: Config) -> dict[str, np.ndarray]:
    """Runs are two a learner, in its order.

    Jaccard's index of their edits and the share of common ones that are alike, each [run, run] by
    the base's occupancy and by that of the two runs [2]; the same of each run with another goal's
    rows; p [run] of the run, and of the base with what stands in the edited places.
    """
    pool, key = pool_of("tree", config.problems, config.seed), cell_key(config)
    keys = jax.random.split(key, 2 * len(config.learners))
    names = [name for name in config.learners for _ in range(2)]
    runs = [learned(pool, name, own) for name, own in zip(names, keys, strict=True)]
    # Every goal has the rows that a run has for the next.
    strange = [np.roll(rows, 1, axis=0) for rows in runs]
    walked = partial(visits, pool.maze, limit=pool.limit)
    base = walked(pool.base)
    own = [walked(rows).occupancy for rows in runs]
    pairs = [
        [_alike(pool, a, b, [base.occupancy, own[n] + own[m]]) for m, b in enumerate(runs)]
        for n, a in enumerate(runs)
    ]
    apart = [
        _alike(pool, rows, other, [base.occupancy, own[n]])
        for n, (rows, other) in enumerate(zip(runs, strange, strict=True))
    ]
    return {
        "p_base": base.success.mean(),
        "p_run": np.asarray([pool.success(rows) for rows in runs]),
        "edited": np.asarray([_share(pool, rows, base.occupancy) for rows in runs]),
        "pairs": np.asarray(pairs),
        "apart": np.asarray(apart),
        "in_place": np.asarray([
            _in_place(pool, rows, runs[n - len(runs) // 2], config.seed)
            for n, rows in enumerate(runs)
        ]),
    }  # fmt: skip


def _edited(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Where a run's first choice is another than the base's: bool [X, A+1]."""
    return patches.differing(pool.maze, pool.base, rows, len(rows))


def _share(pool: Pool, rows: np.ndarray, occupancy: np.ndarray) -> float:
    return float(occupancy[_edited(pool, rows)].sum() / occupancy.sum())


def _alike(
    pool: Pool, one: np.ndarray, other: np.ndarray, occupancies: list[np.ndarray]
) -> list[list[float]]:
    """Jaccard's index of edits, and what share of common edits choose alike, by each occupancy."""
    a, b = _edited(pool, one), _edited(pool, other)
    chosen = [greedy_rows(pool.maze, rows) for rows in (one, other)]
    same = row_sums(pool.maze, chosen[0] * chosen[1]) > 0
    told = []
    for occupancy in occupancies:
        both, either = float(occupancy[a & b].sum()), float(occupancy[a | b].sum())
        agreed = float(occupancy[a & b & same].sum()) / both if both > 0 else np.nan
        told.append([both / either if either > 0 else np.nan, agreed])
    return told


def _in_place(pool: Pool, rows: np.ndarray, other: np.ndarray, seed: int) -> np.ndarray:
    """p of the base with other moves in the places that a run edits.

    The run's first choices, those of another learner's run, the base's without its own first, and
    moves of the run's ranks dealt anew (mean of some deals).
    """
    maze, places = pool.maze, _edited(pool, rows)
    patch = partial(patches.patched, maze, pool.base, places=places)
    deals = [
        patches.rank_matched(maze, pool.base, rows, places, DEALS * seed + n) for n in range(DEALS)
    ]
    without = patches.without_first_choice(maze, pool.base, len(rows))
    first = [patch(teacher=greedy_rows(maze, each)) for each in (rows, other)]
    told = [pool.success(each) for each in (*first, patch(teacher=without))]
    return np.asarray([*told, np.mean([pool.success(each) for each in deals])])
