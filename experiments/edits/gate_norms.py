"""X17, X18: gates whose first gradients are equally long, and RL that trains junctions alone."""

from dataclasses import dataclass, replace

import jax
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.gated_runs import BATCH, LIMIT, Pool, drawn, learned, over_steps, pool_of
from experiments.common.seeds import CONFIRMING
from experiments.edits.gate_norms_claims import (
    CLAIM_FAMILIES,
    GATES,
    HELD,
    RATES,
    SAMPLED,
    WALKS,
    table,
)
from experiments.edits.gated_training_tables import RATE
from mazerl.exact.contrast import contrast_moves, moves_made
from mazerl.exact.pools import success_of
from mazerl.maze import Maze
from mazerl.measure.outcome_weights import by_count
from mazerl.policy import patched as patches
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_entropy, row_sums
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Method, Training, train
from mazerl.training.adapted import holding
from mazerl.training.advantages import advantage_of
from mazerl.training.contrast import Contrast, Contrasting
from mazerl.training.gated import Gated, GatedTask, gated, population, population_contrast
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.walk.env import Reward

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]


@dataclass(frozen=True)
class Config:
    """A pool, and what is done there."""

    part: str  # exact: infinitely many groups; training: walks, and RL
    seed: int
    cave: int = 0
    problems: int = 24


# Others than those of the study of gated training.
_FIRST, _POOLS, _BASES = CONFIRMING + 100, 16, 8
GRID = tuple(
    Config(part, _FIRST + n, _FIRST + n // _BASES)
    for part in ("exact", "training")
    for n in range(_POOLS)
)
QUICK = (Config("exact", _FIRST, _FIRST),)
SMOKE = (Config("exact", 0, problems=6),)


def run(config: Config) -> dict[str, np.ndarray]:
    """The arrays of a part."""
    pool = pool_of(config.seed, config.problems, config.cave)
    gates = _gates(pool, config.seed)
    if config.part == "exact":
        return _exactly(pool, gates)
    key = cell_key(config)
    return _sampled(pool, gates, key) | _held(pool, key)


@dataclass(frozen=True)
class _Gates:
    """Places [X, A+1] of each of `GATES`, and what infinitely many groups say of all."""

    places: dict[str, np.ndarray]
    moves: np.ndarray  # [X, R] expected advantage times how often each is made, open everywhere
    occupancy: np.ndarray  # [X, A+1] of the base that walks
    share: float  # of it at three ports and more

    def open_at(self, maze: Maze, name: str) -> np.ndarray:
        """Moves [X, R], 0 off a gate."""
        return np.where(self.places[name][:, rows_of(maze).arrival], self.moves, 0.0)

    def norm(self, maze: Maze, base: np.ndarray, name: str) -> float:
        """Of a gate's gradient at the base."""
        moves = self.open_at(maze, name)
        total = row_sums(maze, moves)[:, rows_of(maze).arrival]
        return float(np.linalg.norm(moves - base * total))


def _gates(pool: Pool, seed: int) -> _Gates:
    maze, goals = pool.asked.maze, pool.asked.goals
    plain = Contrasting(WALKS[0], LIMIT)
    heated = row_probabilities(maze, np.log(pool.base) / plain.temperature)
    made = moves_made(maze, heated, LIMIT, goals)
    worth = by_count(advantage_of("clipped", plain.walks), plain.walks)
    visits = row_sums(maze, made.moves)
    ways, entropy = patches.ways_out(maze), row_entropy(maze, pool.base)
    junctions, free = (np.broadcast_to(ways >= least, visits.shape) for least in (3, 2))
    total = visits.sum()
    share = float(visits[junctions].sum() / total)
    # Where one port alone is, nothing is decided, and no gradient is.
    of_free = share * float(total / visits[free].sum())
    by_chance = patches.chance_scores(len(goals), maze, seed)
    places = {
        "entropy": patches.gate(entropy, visits, share),
        "degree": junctions,
        "chance": patches.gate(by_chance, visits, of_free, free),
        "low_entropy": patches.gate(-entropy, visits, of_free, free),
        "all": free,
        "entropy_half": patches.gate(entropy, visits, share / 2),
        "degree_half": patches.gate(by_chance, visits, 0.5, junctions),
    }
    moves = contrast_moves(made, worth.success, worth.failure)
    return _Gates(places, moves, visits, share)


_UPDATES, _STEP = 60, 3.0  # of plain descent, on the sum over problems


def _exactly(pool: Pool, gates: _Gates) -> dict[str, np.ndarray]:
    """Mean p [gates, 11] over descent on the expected loss, scaled to one norm at the base.

    Beside it each gate's norm before that, its occupancy, and p of the base [X].
    """
    maze, base = pool.asked.maze, pool.base
    start = np.log(np.tile(base, (len(pool.asked), 1)))
    norms = np.asarray([gates.norm(maze, base, name) for name in GATES])
    training = Training(_UPDATES, "sgd", _STEP, record_every=_UPDATES // 10)
    means = []
    for name, norm in zip(GATES, norms, strict=True):
        task = population(maze, gates.open_at(maze, name) * norms[0] / norm)
        history = train(population_contrast(maze), task, start, training, keep_history=True).history
        means.append([
            success_of(pool.asked, np.stack([row_probabilities(maze, x) for x in each])).mean()
            for each in history
        ])  # fmt: skip
    return {
        "means": np.asarray(means), "norms": norms, "before": success_of(pool.asked, base),
        "occupancy": np.asarray([
            gates.occupancy[gates.places[name]].sum() / gates.occupancy.sum() for name in GATES
        ]),
    }  # fmt: skip


def _sampled(pool: Pool, gates: _Gates, key: jax.Array) -> dict[str, np.ndarray]:
    """p [rates, ways, X] after one pass of plain descent over walks, by `RATES` and `SAMPLED`.

    The gate by chance is one over tokens: its expected gradient is its share of no gate's.
    """
    maze, base = pool.asked.maze, pool.base
    norm = {name: gates.norm(maze, base, name) for name in ("entropy", "low_entropy", "all")}
    scale = {name: norm["entropy"] / each for name, each in norm.items()}
    plain = Contrasting(WALKS[0], LIMIT, normalize="sum", share=gates.share)
    ways = {
        "entropy": (plain, 1.0),
        "chance": (replace(plain, gate="chance"), scale["all"] / gates.share),
        "low_entropy": (replace(plain, gate="low_entropy"), scale["low_entropy"]),
        "all": (replace(plain, gate="all"), scale["all"]),
        "chance_as_it_is": (replace(plain, gate="chance"), 1.0),
    }
    found = np.empty((len(RATES), len(SAMPLED), len(pool.asked)))
    for n, name in enumerate(SAMPLED):
        how, times = ways[name]
        made = drawn(pool, key, how)[0]
        made = made._replace(decision=(made.decision * times).astype(np.float32))
        for m, rate in enumerate(RATES):
            found[m, n] = pool.success(_descended(pool, made, rate))
    return {"before": pool.success(pool.start), "sampled": found}


def _descended(pool: Pool, made: Contrast, rate: float) -> np.ndarray:
    updates = len(made.arc) // BATCH
    training = Training(updates, "sgd", rate, record_every=updates)
    method = gated(pool.world, TABULAR, Gated(BATCH))
    return np.asarray(train(method, GatedTask(made), pool.start, training).params)


_GRPO = Groups(24, 20, LIMIT, epochs=4, minibatches=4)
_REWARD, _GRPO_RATE, _PPO_RATE = Reward(1.0, 0.0), 0.2, 0.1
_GRPO_UPDATES, _PPO_UPDATES = 14, 6


def _held(pool: Pool, key: jax.Array) -> dict[str, np.ndarray]:
    """Steps [held, U+1] and mean p of GRPO and PPO, by `HELD`; of gated contrast [walks]."""
    sizes = Sizes()
    in_groups, by_critic = grpo(pool.world, TABULAR, _GRPO), ppo(pool.world, TABULAR, sizes)
    task = PPOTask(reward=_REWARD, limit=LIMIT)
    many = patches.ways_out(pool.world)[rows_of(pool.world).arrival]
    trained = {"none": many >= 0, "passages": many >= 3, "junctions": many < 3}

    def both(held: str) -> list[tuple[np.ndarray, np.ndarray]]:
        def only(method: Method) -> Method:
            return method if held == "none" else holding(method, trained[held])

        return [
            over_steps(pool, only(in_groups), GRPOTask(_REWARD), _GRPO_RATE, _GRPO_UPDATES, key),
            over_steps(pool, only(by_critic), task, _PPO_RATE, _PPO_UPDATES, key,
                       sizes.walkers * sizes.horizon),
        ]  # fmt: skip

    runs = [both(held) for held in HELD]
    spent, success = [], []
    for walks in WALKS:
        made, told = drawn(pool, key, Contrasting(walks, LIMIT, gate="degree"))
        spent.append(float(told.steps))
        success.append(pool.success(learned(pool, made, RATE).params).mean())
    told_of = {
        f"{name}{what}": np.stack([
            run[n][k].mean(1) if k else run[n][k] for run in runs
        ])
        for n, name in enumerate(("grpo", "ppo"))
        for k, what in enumerate(("_steps", ""))
    }  # fmt: skip
    return told_of | {"steps": np.asarray(spent), "gated": np.asarray(success)}
