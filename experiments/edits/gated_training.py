"""Sparse edits without RL: ReasonMaxxer's first step, its limits, its gates and its cost."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.gated_runs import (
    BATCH,
    LIMIT,
    Pool,
    drawn,
    fine_tuned,
    learned,
    over_steps,
    pool_of,
)
from experiments.common.seeds import CONFIRMING
from experiments.edits.gated_training_claims import table
from experiments.edits.gated_training_families import FAMILIES
from experiments.edits.gated_training_limits import limits_of
from experiments.edits.gated_training_tables import GATES, RATE, SMALL, VARIANTS, WALKS, WEIGHTS
from experiments.objectives.outcome_weights import prompt_of
from mazerl.exact.contrast import contrast_moves, moves_made
from mazerl.exact.pools import success_of
from mazerl.maze import Maze
from mazerl.measure.outcome_weights import by_count
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.preferences import row_entropy, row_sums
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import advantage_of
from mazerl.training.contrast import Contrasting, Worth, corpus_of
from mazerl.training.gated import Gated, gated
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.method import Batch
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks, rollout

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]

CLAIM_FAMILIES = FAMILIES


@dataclass(frozen=True)
class Config:
    """What is looked at, and what of."""

    part: str  # weights: the first step; limits: where it ends; training: what is learned
    seed: int  # of the base, the problems and what is drawn
    cave: int = 0
    success: float = 0.0  # of the prompt of weights
    limit: int = LIMIT  # of limits
    batches: int = 50  # of groups, whose first step is one sample
    groups: int = 1000  # a batch
    problems: int = 24
    shuffles: int = 16


SUCCESSES, LIMITS = (0.05, 0.3), (30, 60, 300)
_BASES = 8  # of a cave, so that what is compiled for it serves several cells


def _limited(seeds: range, problems: int, limits: tuple[int, ...]) -> tuple[Config, ...]:
    return tuple(
        Config("limits", seed, seeds[0], limit=t, problems=problems)
        for t in limits
        for seed in seeds
    )


GRID = (
    Config("weights", CONFIRMING, success=SUCCESSES[0], batches=70),
    Config("weights", CONFIRMING, success=SUCCESSES[1], batches=30),
    *_limited(range(CONFIRMING, CONFIRMING + 4), 4, LIMITS),
    *(Config("training", CONFIRMING + n, CONFIRMING + n // _BASES) for n in range(16)),
)
QUICK = (
    Config("weights", CONFIRMING, success=SUCCESSES[0], batches=20, groups=200),
    *_limited(range(CONFIRMING, CONFIRMING + 1), 2, LIMITS[:2]),
)
SMOKE = (
    Config("weights", 0, success=SUCCESSES[0], batches=20, groups=100),
    *_limited(range(1), 1, LIMITS[:1]),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """The arrays of a part."""
    if config.part == "limits":
        return limits_of(pool_of(config.seed, config.problems, config.cave), config.limit)
    return {"weights": _weights, "training": _training}[config.part](config)


_OF_PUBLISHED = 5  # batches
_SUM = Contrasting(gate="entropy", temperature=1.0, normalize="sum")


def _weights(config: Config) -> dict[str, np.ndarray]:
    """First steps [batches, R] of each of `WEIGHTS` on the gate of half the tokens, ∇p there [R].

    Beside them the exact step, in sums, of walks at temperature .6 [R].
    """
    prompt = prompt_of(config.success)
    maze, rows, key = prompt.maze, rows_of(prompt.maze), cell_key(config)
    base = row_probabilities(maze, prompt.logits)
    entropy, visits = row_entropy(maze, base), moves_made(maze, base, prompt.limit).moves
    tau = _median(entropy, row_sums(maze, visits[0]))
    gate = (entropy > tau)[rows.arrival]
    how = replace(_SUM, tau=tau, limit=prompt.limit)
    ways = {
        "unclipped": replace(how, clip=np.inf), "clipped": how,
        "published": replace(how, normalize="walk", temperature=0.6),
    }  # fmt: skip
    told: dict[str, list[np.ndarray]] = {name: [] for name in WEIGHTS}
    for batch in range(config.batches):
        sub_key = jax.random.fold_in(key, batch)
        for heat, names in ((1.0, WEIGHTS[:2]), (0.6, WEIGHTS[2:])):
            if heat == 1 or batch < _OF_PUBLISHED:
                logits = prompt.logits / np.float32(heat)
                seen = _walks(maze, logits, sub_key, config.groups, how)
                for name in names:
                    told[name].append(_first_step(maze, prompt.logits, seen, ways[name]))
    heated = moves_made(maze, row_probabilities(maze, prompt.logits / 0.6), prompt.limit)
    worth = by_count(advantage_of("clipped", how.walks), how.walks)
    moves = contrast_moves(heated, worth.success, worth.failure, gate[None])[0]
    return {
        **{name: np.asarray(steps) for name, steps in told.items()},
        "gradient": np.where(gate, prompt.gradient, 0.0),
        "heated": moves - base * row_sums(maze, moves)[rows.arrival],
        "success": np.asarray(prompt.success), "gate": gate,
    }  # fmt: skip


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    """Between two values, such that about half of the weight is above."""
    order = np.argsort(values)
    half = int(np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2))
    each = np.unique(values[order])
    at = int(np.searchsorted(each, values[order][half]))
    return float(each[max(at - 1, 0) : at + 1].mean())


def _walks(maze: Maze, logits: np.ndarray, key: jax.Array, groups: int, how: Contrasting) -> Walks:
    size = how.walks
    seen = rollout(TABULAR, logits, maze, key, groups * size, how.limit, size)
    return Walks(*(np.asarray(field) for field in seen))


def _first_step(maze: Maze, logits: np.ndarray, walks: Walks, how: Contrasting) -> np.ndarray:
    """Descent [R] of the method's loss at the base, over all groups, those left out too."""
    problem = np.repeat(np.arange(len(walks.length) // how.walks), how.walks)
    made, _ = corpus_of(maze, TABULAR, logits, walks, problem, how, np.random.default_rng(0))
    size, steps = len(walks.length), walks.port.shape[1]
    more = ((0, size - len(made.arc)), (0, steps - made.arc.shape[1]))
    wide = [np.pad(x, more + ((0, 0),) * (x.ndim - 2)) for x in made]
    return -np.asarray(_slope(maze, logits, type(made)(*wide)), float)


@jax.jit
def _slope(maze: Maze, logits: Any, made: Any) -> Any:
    loss = partial(gated(maze).loss, maze)
    return jax.grad(loss, has_aux=True)(logits, Batch(made, jnp.float32(0.2), {}))[0]


_ON, _RECORDS, _ON_RATE = 2000, 20, 0.2
_GRPO = Groups(24, 20, LIMIT, epochs=4, minibatches=4)
_REWARD, _GRPO_RATE, _PPO_RATE = Reward(1.0, 0.0), 0.2, 0.1
_GRPO_UPDATES, _PPO_UPDATES = 14, 6


def _training(config: Config) -> dict[str, np.ndarray]:
    """Exact p [..., X] of all that is trained on a pool, and the steps it took."""
    pool, key = pool_of(config.seed, config.problems, config.cave), cell_key(config)
    plain = Contrasting(WALKS[0], LIMIT)
    # Gates open at as many tokens as have three ports or more, or at half of them.
    _, told = drawn(pool, key, replace(plain, gate="degree"))
    share = told.opened / told.tokens
    gates = {
        "entropy": replace(plain, share=share), "degree": replace(plain, gate="degree"),
        "chance": replace(plain, gate="chance", share=share),
        "low_entropy": replace(plain, gate="low_entropy", share=share),
        "all": replace(plain, gate="all"), "entropy_half": replace(plain, share=share / 2),
        "degree_half": replace(plain, gate="degree", share=share / 2),
    }  # fmt: skip
    ways = _variants(gates["entropy"])
    heated = row_probabilities(pool.asked.maze, np.log(pool.base) / plain.temperature)
    found = {
        "share": np.asarray(share), "before": pool.success(pool.start),
        "walker": success_of(pool.asked, heated),
        "kept": told.kept,
        "gates": np.stack([
            pool.success(learned(pool, drawn(pool, key, how)[0], RATE).params)
            for how in (gates[name] for name in GATES)
        ]),
        "variants": np.stack([
            pool.success(learned(pool, drawn(pool, key, how)[0], RATE).params) for how in ways
        ]),
    }  # fmt: skip
    return (
        found | _shuffled(pool, key, gates["entropy"], config.shuffles)
        | _going_on(pool, key, gates["entropy"]) | _costs(pool, key, gates["entropy"])
    )  # fmt: skip


def _variants(how: Contrasting) -> list[Contrasting]:
    made = {
        "positives": replace(how, worth="positives"), "sums": replace(how, normalize="sum"),
        "shortest": replace(how, shortest=0.8), "clarity": replace(how, order="clarity"),
    }  # fmt: skip
    return [made[name] for name in VARIANTS]


_SHUFFLED: tuple[Worth, ...] = ("shuffled", "contrast")


def _shuffled(pool: Pool, key: jax.Array, how: Contrasting, number: int) -> dict[str, np.ndarray]:
    """Mean p after training on corpora of their own [2, 2, number]: rates; shuffled or not."""
    told = np.empty((2, 2, number))
    for n in range(number):
        for m, worth in enumerate(_SHUFFLED):
            made, _ = drawn(pool, jax.random.fold_in(key, n), replace(how, worth=worth))
            for k, rate in enumerate((SMALL, RATE)):
                told[k, m, n] = pool.success(learned(pool, made, rate).params).mean()
    return {"shuffled": told}


def _going_on(pool: Pool, key: jax.Array, how: Contrasting) -> dict[str, np.ndarray]:
    """Long runs on one corpus at a rate that stays: contrast, and positives alone.

    Exact p [2, records+1, X] and the loss [2, records].
    """
    means, losses = [], []
    for worth in ("contrast", "positives"):
        made, _ = drawn(pool, key, replace(how, worth=worth))
        long = learned(pool, made, _ON_RATE, Gated(BATCH, 0.0, True), _ON, _ON // _RECORDS)
        means.append([pool.success(params) for params in long.history])
        losses.append(long.metrics["decision"])
    return {"on": np.asarray(means), "on_loss": np.asarray(losses)}


def _costs(pool: Pool, key: jax.Array, how: Contrasting) -> dict[str, np.ndarray]:
    """Steps and exact p [..., X]: gated contrast of few and more walks, SFT, GRPO and PPO."""
    spent, success = [], []
    for walks in WALKS:
        made, told = drawn(pool, key, replace(how, walks=walks))
        spent.append(float(told.steps))
        success.append(pool.success(learned(pool, made, RATE).params))
    tuned, steps = fine_tuned(pool, key, how, RATE)
    spent.append(float(steps))
    success.append(tuned)
    sizes = Sizes()
    in_groups = over_steps(
        pool, grpo(pool.world, TABULAR, _GRPO), GRPOTask(_REWARD), _GRPO_RATE, _GRPO_UPDATES, key
    )
    by_critic = over_steps(
        pool, ppo(pool.world, TABULAR, sizes), PPOTask(reward=_REWARD, limit=LIMIT), _PPO_RATE,
        _PPO_UPDATES, key, sizes.walkers * sizes.horizon,
    )  # fmt: skip
    return {
        "steps": np.asarray(spent), "success": np.stack(success),
        "grpo_steps": in_groups[0], "grpo": in_groups[1],
        "ppo_steps": by_critic[0], "ppo": by_critic[1],
    }  # fmt: skip
