"""X16: by which signs the places are found that carry the gain of PPO's and GRPO's runs."""

from dataclasses import dataclass

import jax
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.mixtures import curve, scores, sets
from experiments.common.rl_runs import Learner, Pool, learned, pool_of
from experiments.common.seeds import CONFIRMING
from experiments.edits.run_curves_claims import CLAIM_FAMILIES, GATES, table
from mazerl.exact.horizon import success_gradient
from mazerl.measure.edits import Differences, Visits, differences, visits
from mazerl.policy.patched import chance_scores
from mazerl.policy.preferences import row_sums

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]


@dataclass(frozen=True)
class Config:
    """A pool, and one run on it of each way to learn."""

    learners: tuple[Learner, ...] = ("grpo", "ppo")
    seed: int = 0
    problems: int = 32


# Pools on which no other study had looked at runs.
GRID = tuple(Config(seed=CONFIRMING + 20 + n) for n in range(8))
QUICK = (Config(("grpo",), problems=6),)
SMOKE = QUICK


def run(config: Config) -> dict[str, np.ndarray]:
    """p [run]; curves [run, gate, size, 3] as of `mixtures.curve`, gates as of GATES."""
    pool = pool_of("tree", config.problems, config.seed)
    keys = jax.random.split(cell_key(config), len(config.learners))
    runs = [learned(pool, name, key) for name, key in zip(config.learners, keys, strict=True)]
    base = visits(pool.maze, pool.base, pool.limit)
    return {
        "p_base": base.success.mean(),
        "p_run": np.asarray([pool.success(rows) for rows in runs]),
        "curves": np.stack([_curves(pool, base, rows, config.seed) for rows in runs]),
    }


def _curves(pool: Pool, base: Visits, rows: np.ndarray, seed: int) -> np.ndarray:
    found = differences(pool.maze, pool.base, rows)
    places = _places(pool, base, found, seed)
    return np.stack([
        curve(pool.maze, (pool.base, rows), pool.limit, base.occupancy, places[name])
        for name in GATES
    ])  # fmt: skip


def gradient_norm(pool: Pool) -> np.ndarray:
    """|∂p/∂θ(e, ·)| of the base at each place [X, A+1], exact, by free logits."""
    slopes = success_gradient(pool.maze, pool.base, pool.limit).logits
    return np.sqrt(row_sums(pool.maze, slopes**2))


def _places(pool: Pool, base: Visits, found: Differences, seed: int) -> dict[str, list[np.ndarray]]:
    """Sets S of each gate, of every size."""
    among, norm = found.options > 1, gradient_norm(pool)
    chance = [chance_scores(len(norm), pool.maze, 3 * seed + n) for n in range(3)]
    ranked = scores(found, base) | {
        "gradient": norm, "edited": (found.rank > 1) + chance[0], "chance": chance[1],
    }  # fmt: skip
    told = {name: sets(each, base.occupancy, among) for name, each in ranked.items()}
    # By chance, so many places that they have the gradient norm of those by KL.
    matched = np.asarray([norm[each].sum() for each in told["kl"]]) / norm[among].sum()
    return told | {"chance_gradient": sets(chance[2], norm, among, np.minimum(matched, 1.0))}
