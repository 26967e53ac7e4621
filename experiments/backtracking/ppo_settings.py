"""What each part of PPO is for, where it stops to hold, and whether a collapse is told in time."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.common.fates import fate
from experiments.common.seeds import CONFIRMING
from experiments.common.tabular_ppo import (
    HASTY,
    LARGE,
    LARGEST,
    SMALL,
    Config,
    maze_name,
    run,
    run_seeds,
)
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables
from mazerl.training import Training
from mazerl.training.collapse import by_time, by_walks, patience

__all__ = ["Config", "run", "run_seeds", "table"]

NEAR = 1.05
"""H over the optimum that counts as there."""

MANY = 20
"""Alarms that see walks alone are judged on so many runs of each kind."""

CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "critic blind to the goal": {"critic": "nothing"},
    "critic of the last update": {"inertia": 1.0},
    "γ = 0.99, limit 1000": {"gamma": 0.99, "limit": 1000},
    "γ = 0.99, limit 1000, blind": {"gamma": 0.99, "limit": 1000, "critic": "nothing"},
    "λ = 0.99": {"lam": 0.99},
    "no entropy bonus": {"entropy": 0.0},
    "4 epochs": {"epochs": 4},
    "a fourth of the steps": {"horizon": 128, "minibatches": 4},
    "rate 0.03": {"rate": 0.03},
    "hasty, as in P1.c": HASTY,
}
STEPS: tuple[dict[str, Any], ...] = (
    {"walkers": 16, "horizon": 128, "minibatches": 4},
    {"horizon": 128, "minibatches": 4},
    {},
)
RATES = (0.003, 0.01, 0.03, 0.1)


def _ablations(seeds: range) -> list[Config]:
    return [replace(Config(*LARGE, seed), **c) for c in CHANGES.values() for seed in seeds]


def _phases(seeds: range) -> list[Config]:
    return [
        replace(Config(*maze, seed, rate=rate), **steps)
        for maze in (SMALL, LARGE, LARGEST)
        for steps in STEPS
        for rate in RATES
        for seed in seeds
    ]


GRID = tuple(
    dict.fromkeys(
        _ablations(range(CONFIRMING, CONFIRMING + 20))
        + _phases(range(CONFIRMING, CONFIRMING + 4))
    )
)  # fmt: skip
# What learns and what collapses, small enough for a minute.
QUICK = tuple(
    replace(Config(*maze, CONFIRMING + n), **changes | {"steps": 200})
    for maze, changes in ((SMALL, {"horizon": 128, "minibatches": 4}), (LARGE, HASTY))
    for n in range(2)
)
SMOKE = (
    Config((2, 2), (2,), 0, steps=100, horizon=128, minibatches=4),
    replace(Config(*LARGE, 0), **HASTY | {"steps": 200}),
)

CLAIM_FAMILIES = (
    Family(
        id="D",
        title="What PPO's settings do, and whether a collapse is told",
        statement="On larger corridors PPO needs a critic that sees the goal and many steps an "
        "update for each size of step; a collapse, which the share of successful walks hides, is "
        "told by the chain.",
        source="no paper: what holds PPO up that every comparison with RL rests on",
        control="D2.c: with few and large steps no run on the larger mazes may come near the "
        "optimum. D3.c: runs that never were collapsed for long must not be warned of. D3.d and "
        "D3.e give the same runs to alarms that see walks alone: late walks miss most collapses, "
        "because parameters that move free walkers who would be lost for good, and success warns "
        "of runs that learn.",
        scope="Three corridors, tabular policies. H that is above 100 times the optimum for a "
        "tenth of a run at a stretch is a collapse by definition. D3.c is true by construction, "
        "because its runs are told apart by the alarm's own rule; D3.1 can fail where a run "
        "collapses in its last tenth. An alarm does not foresee: it warns of runs that pass "
        "through a collapse and recover, and D3.c says how many of these end at the optimum. D3.1 "
        "counts runs that end collapsed, told within a tenth of the run after H was below for the "
        "last time.",
        sampled=("D*",),
    ),
)


def table(records: list[Record]) -> Tables:
    """One row a run, and the claims."""
    runs = pd.DataFrame([_row(r) for r in records])
    return Tables({"ppo_settings": runs}, _setting_claims(runs) + _alarm_claims(runs))


def _row(record: Record) -> dict[str, object]:
    config, arrays = record.config, record.arrays
    optimum = float(arrays["optimum"])
    times = arrays["time"][1:] / optimum
    kind, since = fate(times)
    told = {name: _told(record, alarm) for name, alarm in ALARMS.items()}
    return {
        "maze": maze_name(config["depths"], config["lanes"]), "change": _change(config),
        "an_update": config["walkers"] * config["horizon"], "rate": config["rate"],
        "seed": config["seed"], "ratio": times[-1], "highest": times.max(), "fate": kind,
        "since": since, **told,
    }  # fmt: skip


def _change(config: dict[str, Any]) -> str:
    """The name of what differs from the default; "phase" for what only the phases have."""
    for name, change in CHANGES.items():
        usual = asdict(replace(Config(*LARGE, config["seed"]), **change))
        if all(
            config[field] == usual[field] for field in usual if field not in ("depths", "lanes")
        ):
            return name
    return "phase"


def _by_success(metrics: dict[str, np.ndarray], training: Training) -> str | None:
    """An alarm for comparison: less than nine in ten arrive, for as long as the chain waits."""
    lately = metrics["success"][-patience(training) :]
    return "few arrive" if len(lately) == patience(training) and (lately < 0.9).all() else None


ALARMS: dict[str, Callable[..., str | None]] = {
    "by_chain": by_time, "by_walks": by_walks, "by_success": _by_success,
}  # fmt: skip


def _told(record: Record, alarm: Callable[..., str | None]) -> float:
    """The share of the run after which an alarm is given; +inf if never."""
    arrays, records = record.arrays, len(record.arrays["success"])
    names = ("success", "late_steps", "late_arrivals", "distinct", "hitting_time")
    training = Training(record.config["steps"], record_every=record.config["steps"] // records)
    more = (float(arrays["optimum"]),) if alarm is by_time else ()
    for end in range(2, records + 1):
        if alarm({name: arrays[name][:end] for name in names}, training, *more):
            return end / records
    return np.inf


def _setting_claims(runs: pd.DataFrame) -> list[dict[str, object]]:
    usual, blind = runs["change"] == "as it is", runs["change"] == "critic blind to the goal"
    if not blind.any():
        return []  # a small grid has no changes
    here = runs["maze"] == runs[blind]["maze"].iloc[0]
    seen = float(runs[usual & here]["highest"].median())
    unseen = float(runs[blind]["highest"].median())
    few = runs[(runs["an_update"] == 16 * 128) & (runs["rate"] == max(RATES))]
    few = few[few["maze"] != maze_name(*SMALL)]
    return [
        share(claim, "D1.1", "with the default settings H ends within 5% of the optimum: runs of "
              "all sizes", *_near(runs[usual]), 0.95, tolerance=f"H ≤ {NEAR} × optimum"),
        claim("D1.2", "a critic blind to the goal lets H rise on the way: median over seeds of the "
              "highest H over the optimum", f"> 10 × {seen:.4g}", unseen, unseen > 10 * seen),
        share(control, "D2.c", "with a sixteenth of the steps an update and ten times the rate H "
              "ends within 5%: runs of the two larger sizes", *_near(few), most=0.0,
              tolerance=f"H ≤ {NEAR} × optimum"),
    ]  # fmt: skip


def _near(part: pd.DataFrame) -> tuple[int, int]:
    return int((part["ratio"] <= NEAR).sum()), len(part)


def _alarm_claims(runs: pd.DataFrame) -> list[dict[str, object]]:
    lost, good = runs[runs["fate"] == "collapsed"], runs[runs["fate"] == "good"]
    near = runs[runs["ratio"] <= NEAR]
    passed = int(np.isfinite(near["by_chain"]).sum())

    def in_time(alarm: str) -> tuple[int, int]:
        return int((lost[alarm] <= lost["since"] + 0.1 + 1e-9).sum()), len(lost)

    def warned(alarm: str) -> tuple[int, int]:
        return int(np.isfinite(good[alarm]).sum()), len(good)

    rows = []
    if len(lost):
        rows.append(
            share(claim, "D3.1", "the chain tells a collapse within a tenth of the run: runs that "
                  "end collapsed", *in_time("by_chain"), 0.95)
        )  # fmt: skip
    rows.append(
        share(control, "D3.c", "and warns of runs that never were collapsed for a tenth of theirs "
              f"(by construction; of the {len(near)} runs that end within 5% of the optimum it "
              f"warned of {passed}, all of which had been)", *warned("by_chain"), most=0.01)
    )  # fmt: skip
    if min(len(lost), len(good)) < MANY:
        return rows
    return [
        *rows,
        share(control, "D3.d", "late walks alone tell it in time: runs that end collapsed",
              *in_time("by_walks"), most=0.5),
        share(control, "D3.e", "success below 0.9 for as long warns of runs that never were "
              "collapsed", *warned("by_success"), 0.05),
    ]  # fmt: skip
