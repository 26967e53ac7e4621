"""A7: demonstrations first and RL after, or both mixed; with and without a fault in imitation.

A pool of goals that a policy of free rows sees. Demonstrations are arrivals of one who knows the
way at most vertices and looks into wrong ones at the others, as many to each goal. Whatever mixes
is shown as many of them in an update as SFT is in one of its own, and SFT has as many updates as
RL begins with. Beside walks and plain steps stands the population: the same updates in expectation.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from experiments.common.seeds import CONFIRMING
from experiments.rollouts.tree_training import LIMIT
from experiments.signals.demonstrated_pools import (
    Plan,
    Shown,
    expected_success,
    shown_of,
    visits,
)
from experiments.signals.mixed_methods_claims import CLAIM_FAMILIES, claims
from mazerl.errors import MazerlError
from mazerl.exact.imitation import rows_shown
from mazerl.exact.pools import success_of
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Method, Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.mixed import MixedTask, demonstrations_of, mixed
from mazerl.training.sft import Corpus, Fault, corpus, sft
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All arms with one optimiser, on a pool of a cave and a base model drawn by the seed."""

    optimizer: str
    seed: int
    problems: int = 16
    budget: int = 50_000  # steps of the environment
    few: bool = False  # the arms of `FEW` alone


class Arm(NamedTuple):
    """A way to learn from both, and what is wrong with its imitation."""

    method: str
    fault: Fault = "none"
    microbatches: int = 16
    alike: bool = False  # demonstrations of one length
    longer: int = 1  # times as many updates of SFT


MEANS: Fault = "mean of microbatch means"
FIRST: Fault = "first microbatch alone"
SFT, THEN, GROUP, JOINT, TURNS = "SFT", "SFT, then RL", "in the group", "joint", "alternating"
ARMS = {
    "RL": Arm("RL"),
    GROUP: Arm(GROUP),
    **{
        method + (f", {fault}" if fault != "none" else ""): Arm(method, fault)
        for method in (SFT, THEN, JOINT, TURNS)
        for fault in ("none", MEANS, FIRST)
    },
    **{f"{THEN}, {fault}, one": Arm(THEN, fault, 1) for fault in (MEANS, FIRST)},
    f"{THEN}, alike": Arm(THEN, alike=True),
    f"{THEN}, {MEANS}, alike": Arm(THEN, MEANS, alike=True),
    f"{THEN}, {FIRST}, longer": Arm(THEN, FIRST, longer=16),
}
FEW = (THEN, f"{THEN}, {FIRST}", f"{THEN}, {FIRST}, one", JOINT)
"""Enough to see the order turn."""

GROUPS, WALKS, BATCH, UPDATES = 16, 8, 16, 8
"""Groups of walks, demonstrations of an update, updates of SFT."""

SHARES = np.linspace(0, 1, 5)
"""Of the budget, at which success is told."""


class Rates(NamedTuple):
    """The best of nine settings on two pools of development, without a fault."""

    sft: float = 0.0
    rl: float = 0.0
    weight: float = 1.0  # λ


CHOSEN = {
    "adam": {SFT: Rates(2.7), "RL": Rates(rl=0.9), THEN: Rates(2.7, 0.9), GROUP: Rates(rl=2.7),
             JOINT: Rates(rl=0.9), TURNS: Rates(rl=0.9)},
    "sgd": {SFT: Rates(4096), "RL": Rates(rl=4096), THEN: Rates(1024, 4096),
            GROUP: Rates(rl=4096), JOINT: Rates(rl=4096, weight=0.1), TURNS: Rates(rl=4096)},
}  # fmt: skip
_MOST = 32  # updates of RL that a budget of 50 000 steps may take


def _grid(seed: int, seeds: int) -> tuple[Config, ...]:
    return tuple(Config(name, seed + n) for n in range(seeds) for name in CHOSEN)


GRID = _grid(CONFIRMING, 20)
QUICK = GRID[:1]
SMOKE = (Config("sgd", 0, 6, 20_000, few=True),)


def run(config: Config) -> dict[str, np.ndarray]:
    """Of each arm exact mean p along the budget [arms, 5], steps and demonstrations [arms].

    Beside it the population's p at the end [arms], NaN where there is none, and p of SFT without
    end, right and by means of microbatches of one walk [2].
    """
    shown = shown_of(config.seed, config.problems)
    names = FEW if config.few else tuple(ARMS)
    learned = [_learn(shown, ARMS[name], config) for name in names]
    told = dict(zip(("success", "steps", "shown"), map(np.array, zip(*learned, strict=True)),
                    strict=True))  # fmt: skip
    population = np.full(len(names), np.nan)
    if config.optimizer == "sgd" and not config.few:
        population = np.array([_expected(shown, ARMS[name], config.budget) for name in names])
    limits = [
        np.stack([rows_shown(shown.pool.asked.maze, each, shown.pool.base)
                  for each in visits(shown, shown.walks, fault)])
        for fault in (False, True)
    ]  # fmt: skip
    endless = np.array([success_of(shown.pool.asked, rows).mean() for rows in limits])
    return told | {"population": population, "endless": endless}


def _success(shown: Shown, rows: np.ndarray) -> float:
    return float(success_of(shown.pool.asked, rows).mean())


def _expected(shown: Shown, arm: Arm, budget: int) -> float:
    """p at the end in expectation, by plain steps."""
    rates = CHOSEN["sgd"][arm.method]
    plan = Plan(
        budget, GROUPS, WALKS, rates.sft, UPDATES * arm.longer if rates.sft else 0, rates.rl,
        rates.weight if arm.method in (JOINT, TURNS) else 0.0,
        in_turn=arm.method == TURNS, among=arm.method == GROUP,
        means=arm.fault == MEANS and arm.microbatches > 1,
        scale=1 / arm.microbatches if arm.fault == FIRST else 1.0,
    )  # fmt: skip
    return expected_success(shown, plan, shown.alike if arm.alike else shown.walks)


def _learn(shown: Shown, arm: Arm, config: Config) -> tuple[np.ndarray, int, float]:
    """Exact mean p along the budget [5], steps taken and demonstrations shown."""
    rates, adam = CHOSEN[config.optimizer][arm.method], config.optimizer == "adam"

    def by(rate: float, updates: int) -> Training:
        norm = 0.5 if adam else float("inf")
        return Training(updates, config.optimizer, rate, record_every=1, max_norm=norm)

    walks = shown.alike if arm.alike else shown.walks
    copied, told = (
        sft(shown.world, TABULAR, BATCH, arm.microbatches, arm.fault),
        _corpus(shown, walks),
    )
    start = join_rows(shown.world, np.log(shown.pool.base)).astype(np.float32)
    first, second = jax.random.split(seeded_key(config.seed))
    before = UPDATES * arm.longer if arm.method in (SFT, THEN) else 0
    if before:
        start = train(copied, told, start, by(rates.sft, before), first).params
    if arm.method == SFT:
        end = _success(shown, _rows(shown, start))
        return np.full(len(SHARES), end), 0, before * BATCH
    method, task, updates = _reinforced(shown, arm, copied, told, rates.weight)
    run = train(method, task, start, by(rates.rl, updates), second, keep_history=True)
    spent = np.cumsum(np.append(0.0, run.metrics["steps"]))
    if spent[-1] < config.budget:
        raise MazerlError(f"{updates} updates took {spent[-1]:.0f} steps; give a smaller budget")
    last = int((spent >= config.budget).argmax()) + 1
    success = [_success(shown, _rows(shown, params)) for params in run.history[:last]]
    # Updates are of unequal steps: what lies between two of them is in proportion.
    at = config.budget * SHARES
    each = {"RL": 0, THEN: 0, TURNS: BATCH / 2}.get(arm.method, BATCH)
    seen = before * BATCH + each * np.interp(config.budget, spent[:last], np.arange(last))
    return np.interp(at, spent[:last], success), config.budget, float(seen)


def _rows(shown: Shown, params: Any) -> np.ndarray:
    return separate_rows(shown.world, extract_rows(TABULAR, shown.world, params))


def _corpus(shown: Shown, walks: Walks) -> Corpus:
    """All of one shape, so that they share a compilation."""
    told = corpus(shown.world, walks)
    more = ((0, 0), (0, LIMIT - told.arc.shape[1]))
    return Corpus(
        np.pad(told.arc, more, "edge"), np.pad(told.port, more), np.pad(told.decided, more)
    )


def _reinforced(
    shown: Shown, arm: Arm, copied: Method, told: Corpus, weight: float
) -> tuple[Method, Any, int]:
    """RL of a kind, its task, and how many updates surely take the budget."""
    method = grpo(shown.world, TABULAR, Groups(GROUPS, WALKS, LIMIT))
    task = GRPOTask(Reward(1.0, 0.0))
    if arm.method == GROUP:
        among = demonstrations_of(shown.world, shown.walks, LIMIT)
        return method, task._replace(demonstrations=among), _MOST
    if arm.method in (JOINT, TURNS):
        every = 2 if arm.method == TURNS else 0
        return mixed(method, copied, every), MixedTask(task, told, weight), _MOST * max(every, 1)
    return method, task, _MOST


def table(records: list[Record]) -> Tables:
    """One row an optimiser, pool and arm; SFT without end, one a pool; A7."""
    rows = pd.DataFrame([row for record in records for row in _arms(record)])
    limits = pd.DataFrame([
        {"optimizer": r.config["optimizer"], "seed": r.config["seed"],
         "right": float(r.arrays["endless"][0]), "means": float(r.arrays["endless"][1])}
        for r in records
    ])  # fmt: skip
    return Tables({"mixed_methods": rows, "mixed_methods_endless": limits}, claims(rows, limits))


def _arms(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    names = FEW if config["few"] else tuple(ARMS)
    return [
        {"optimizer": config["optimizer"], "seed": config["seed"], "arm": name,
         "share": float(share), "success": float(arrays["success"][n, m]),
         "steps": float(arrays["steps"][n]), "shown": float(arrays["shown"][n]),
         "population": float(arrays["population"][n])}
        for n, name in enumerate(names)
        for m, share in enumerate(SHARES)
    ]  # fmt: skip
