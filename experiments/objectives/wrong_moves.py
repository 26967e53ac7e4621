"""O8: whether failing always alike hinders GRPO more than failing this way and that."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
import pandas as pd
from scipy.special import softmax

from experiments.common.cells import all_trained, cell_key
from experiments.common.early_ends import follow_ends, fork, pulled
from experiments.common.fork_updates import (
    RATES,
    ascend,
    graded_update,
    updates_to,
    wrong_shares,
)
from experiments.common.seeds import CONFIRMING
from experiments.objectives.wrong_moves_claims import (
    BETWEEN,
    CLAIM_FAMILIES,
    DETERMINISTIC,
    STOCHASTIC,
    claims_of,
)
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Training, train_seeds
from mazerl.training.advantages import advantage_of
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.walk.env import Reward

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]

GROUPS, GROUP = 16, 16


@dataclass(frozen=True)
class Config:
    """One fork of the policy's, one arm right; the same chance of success, failing in some ways."""

    case: str = "moves"  # moves, prompts, graded, retries: what it is that is always alike
    rule: str = "sgd"  # or sign, adam, natural
    advantage: str = "spread"  # of `advantages.ADVANTAGES`, by its exact weight
    arms: int = 4
    success: float = 0.05
    tries: int = 1  # a walk
    updates: int = 1000
    walked: bool = False  # GRPO on walks; else its expected update
    seeds: int = 1
    seed: int = 0


_MOVES = tuple(
    Config(rule=rule, advantage=advantage, arms=arms, success=p)
    for rule in RATES
    for advantage in ("spread", "leave_one_out")
    for arms in (4, 10)
    for p in (0.05, 0.01)
)
_CASES = (
    Config("prompts", updates=400),
    Config("graded", updates=400),
    *(Config("retries", tries=tries, updates=400) for tries in (4, 12)),
)
_WALKED = tuple(
    Config(rule=rule, updates=160, walked=True, seeds=20, seed=CONFIRMING)
    for rule in ("sgd", "adam")
)
GRID = (*_MOVES, *_CASES, *_WALKED)
SMOKE = (
    *(replace(each, updates=300) for each in _MOVES if each.success == 0.05 and each.arms == 4),
    *(replace(each, updates=100) for each in _CASES),
)
QUICK = (
    *(replace(each, updates=320) for each in _MOVES if each.advantage == "spread"),
    *_CASES,
    replace(_WALKED[0], seeds=2, updates=80),
)


def run(config: Config) -> dict[str, np.ndarray]:
    """P(success) after each update [kinds, seeds, updates+1], and what the case tells beside it.

    Kinds are stochastic, between and deterministic, without the second where there are but two.
    """
    if config.walked:
        return _on_walks(config)
    cases = {"moves": _moves, "prompts": _prompts, "graded": _graded, "retries": _retries}
    return cases[config.case](config)


def _start(config: Config) -> np.ndarray:
    """π [kinds, arms], the right arm first."""
    p = config.success
    shares = wrong_shares(config.arms)
    return np.concatenate([np.full((len(shares), 1), p), (1 - p) * shares], 1)


def _weight(config: Config) -> Callable[[np.ndarray], np.ndarray]:
    worth = by_count(advantage_of(config.advantage, GROUP), GROUP)
    # From 1 - 1e-9 on no walk fails.
    return lambda p: outcome_weight(worth, np.clip(p, 1e-12, 1 - 1e-9))


def _moves(config: Config) -> dict[str, np.ndarray]:
    weight, right = _weight(config), np.arange(config.arms) == 0

    def gradient(logits: np.ndarray) -> np.ndarray:
        pi = softmax(logits, 1)
        p = pi[:, :1]
        # The Fisher matrix taken out of the gradient leaves what each arm is worth.
        return np.asarray(weight(p) * (right - p if config.rule == "natural" else p * (right - pi)))

    logits = ascend(np.log(_start(config)), gradient, config.rule, config.updates)
    return {"success": softmax(logits, 2)[:, :, 0].T[:, None]}


def _prompts(config: Config) -> dict[str, np.ndarray]:
    """Of 20 prompts all succeed as often; or a twentieth surely, the others never."""
    weight, sure = _weight(config), 1e-6
    count = round(1 / config.success)
    settled = np.where(np.arange(count) == 0, 1 - sure, sure)
    p = np.stack([np.full(count, config.success), settled])

    def gradient(logits: np.ndarray) -> np.ndarray:
        p = softmax(logits, 2)[..., :1]
        return np.asarray(weight(p) * p * (1 - p) * np.array([1.0, -1.0]))

    logits = np.log(np.stack([p, 1 - p], -1))
    kept = softmax(ascend(logits, gradient, config.rule, config.updates), 3)[..., 0]
    return {
        "success": kept.mean(2).T[:, None],
        "teaching": (1 - p**GROUP - (1 - p) ** GROUP).mean(1),
    }


def _graded(config: Config) -> dict[str, np.ndarray]:
    """The right arm is worth 1; wrong ones .2, .3 and .4 as often, or .3 alone."""
    reward = np.array([1.0, 0.3, 0.2, 0.4])
    start = np.log(_start(config)[[0, 2]])
    teaching = np.array([graded_update(pi, reward, GROUP)[1] for pi in softmax(start, 1)])

    def gradient(logits: np.ndarray) -> np.ndarray:
        return np.stack([graded_update(pi, reward, GROUP)[0] for pi in softmax(logits, 1)])

    pi = softmax(ascend(start, gradient, config.rule, config.updates), 2)
    return {
        "success": pi[:, :, 0].T[:, None], "teaching": teaching, "reward": (pi @ reward).T,
    }  # fmt: skip


def _retries(config: Config) -> dict[str, np.ndarray]:
    """A wrong arm is left again, and the next one drawn like the first, or the same once more."""
    _, maze = fork((1,) * config.arms)
    rows, limit, weight = rows_of(maze), 2 * config.tries - 1, _weight(config)
    begin = rows.arrival == maze.num_arcs
    again = rows.arc == np.asarray(maze.reverse)[np.minimum(rows.arrival, maze.num_arcs - 1)]
    at_fork = np.diff(rows.start)[rows.arrival] == config.arms
    port = np.arange(rows.size) - rows.start[rows.arrival]
    fresh = np.where(at_fork, np.log(_start(config)[0])[port], 0.0)
    repeats = np.where(at_fork & ~begin, np.log(np.where(again, 1.0, 1e-4)), fresh)
    nowhere, worth = np.zeros(maze.num_arcs + 1, bool), np.repeat([[0.0], [1.0]], limit, 1)
    told = []
    for start in (fresh, repeats):
        seen: list[float] = []

        def gradient(logits: np.ndarray, seen: list[float] = seen) -> np.ndarray:
            p = row_probabilities(maze, logits)
            law, occupancy = follow_ends(maze, nowhere, p, limit)
            seen.append(law[1].sum())
            slope = pulled(maze, nowhere, p, occupancy, worth)
            return np.asarray(weight(np.asarray(seen[-1])) * slope)

        ascend(start, gradient, config.rule, config.updates + 1)
        told.append(seen)
    success = np.array(told)
    p = success[:, 0]
    return {"success": success[:, None], "teaching": 1 - p**GROUP - (1 - p) ** GROUP}


def _on_walks(config: Config) -> dict[str, np.ndarray]:
    """GRPO as it is trained, all seeds and kinds side by side."""
    _, maze = fork((1,) * config.arms)
    start = np.zeros((3, rows_of(maze).size), np.float32)
    start[:, -config.arms :] = np.log(_start(config))
    sizes = Groups(groups=GROUPS, group=GROUP, limit=1, advantage=config.advantage)
    training = Training(config.updates, config.rule, RATES[config.rule], record_every=1)
    keys = jax.random.split(cell_key(config), 3 * config.seeds)
    runs = all_trained(train_seeds(
        grpo(maze, sizes=sizes), GRPOTask(Reward(1.0, 0.0)), np.repeat(start, config.seeds, 0),
        training, keys, keep_history=True,
    ))  # fmt: skip
    history = np.stack([each.history for each in runs])[:, :, -config.arms :]
    mixed = 1 - np.stack([each.metrics["collapsed"] for each in runs])
    success = softmax(history.astype(float), 2)[:, :, 0]
    return {
        "success": success.reshape(3, config.seeds, -1),
        "mixed": mixed.reshape(3, config.seeds, -1),
    }


def table(records: list[Record]) -> Tables:
    """One row a cell, kind of failure and seed; curves; and O8."""
    cells = pd.DataFrame([row for record in records for row in _cell(record)])
    curves = pd.concat([_curve(record) for record in records], ignore_index=True)
    return Tables({"wrong_moves": cells, "wrong_moves_curves": curves}, claims_of(cells))


def _kinds(record: Record) -> list[tuple[str, np.ndarray]]:
    success = record.arrays["success"]
    names = (STOCHASTIC, BETWEEN, DETERMINISTIC)
    return list(zip(names if len(success) == 3 else names[::2], success, strict=True))


def _cell(record: Record) -> list[dict[str, object]]:
    arrays, told = record.arrays, []
    for kind, (failure, runs) in enumerate(_kinds(record)):
        for seed, run in enumerate(runs):
            row = {name: record.config[name] for name in _SHOWN} | {
                "failure": failure, "seed": seed, "start": run[0],
                "half": updates_to(run, 0.5), "teaching": np.nan, "gain": np.nan,
                "mixed": np.nan,
            }  # fmt: skip
            if "teaching" in arrays:
                row["teaching"] = arrays["teaching"][kind]
            if "reward" in arrays:
                row["gain"] = arrays["reward"][kind][1] - arrays["reward"][kind][0]
            if "mixed" in arrays:
                row["mixed"] = _deviation(runs, arrays["mixed"][kind])
            told.append(row)
    return told


_SHOWN = ("case", "rule", "advantage", "arms", "success", "tries", "walked")


def _deviation(success: np.ndarray, mixed: np.ndarray) -> float:
    """Of the share of mixed groups from what it is at each update's p, in standard errors."""
    p = success[:, :-1]
    wanted = 1 - p**GROUP - (1 - p) ** GROUP
    error = np.sqrt((wanted * (1 - wanted) / GROUPS).sum())
    return float((mixed - wanted).sum() / error)


def _curve(record: Record) -> pd.DataFrame:
    """Mean success over seeds, of the grids' first prompt alone."""
    parts = [
        pd.DataFrame(
            {name: record.config[name] for name in _SHOWN}
            | {"failure": failure, "update": np.arange(0, 161, 4)[: len(mean[:161:4])]}
            | {"p": mean[:161:4]}
        )
        for failure, runs in _kinds(record)
        for mean in [runs.mean(0)]
        if record.config["arms"] == 4 and record.config["success"] == 0.05
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
