"""Whether tabular PPO from samples reaches the exact optimum: H over environment steps, by seed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.common.seeds import CONFIRMING
from experiments.common.tabular_ppo import (
    HASTY,
    LARGE,
    LARGEST,
    SMALL,
    UNEVEN,
    Config,
    closed_form,
    maze_name,
    run,
    run_seeds,
)
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, share
from mazerl.sweep.studies import Tables

__all__ = ["Config", "run", "run_seeds", "table"]

NEAR, LOST = 1.03, 100.0
"""H over the optimum that counts as there, and as collapsed."""


def hasty(seed: int) -> Config:
    """The settings that must collapse."""
    return replace(Config(*LARGE, seed), **HASTY)


QUICK = (Config(*SMALL, CONFIRMING), Config(*UNEVEN, CONFIRMING), hasty(CONFIRMING))
GRID = (
    *(Config(*maze, CONFIRMING + n) for maze in (SMALL, LARGE, UNEVEN) for n in range(100)),
    *(Config(*LARGEST, CONFIRMING + n) for n in range(20)),
    *(hasty(CONFIRMING + n) for n in range(20)),
)
SMOKE = (
    Config((2, 2), (2,), 0, steps=400, horizon=128, minibatches=4),
    Config((1, 2), (2,), 0, steps=400, horizon=128, minibatches=4),
    hasty(0),
)

CLAIM_FAMILIES = (
    Family(
        id="P",
        title="Tabular PPO from samples",
        statement="PPO from sampled walks, with a free row for each arrival, comes within 3% of "
        "the exact optimum with the default settings, and collapses with hasty ones.",
        source="no paper: whether PPO from samples reaches what Wei & Kim 2026, Thm 3, shows for "
        "RLVR",
        control="P1.c takes a critic blind to the goal that follows the last update, a discount "
        "that sees 100 steps ahead, a fourth of the steps an update, and larger ones. Moves "
        "forward sharpen "
        "first, walks get lost in dead ends, and those that last never arrive, so that nothing "
        "teaches the way back.",
        scope="Four corridors, free rows blind to the goal; P1.0 compares two exact optima where "
        "there is a closed form. The critic sees the goal, which the policy does not: it is used "
        "in training alone. What each part is for, and where the settings stop, is asked in D.",
        sampled=("P1.1*", "P1.2*", "P1.3*", "P1.4*", "P1.c*"),
    ),
)


def table(records: list[Record]) -> Tables:
    """One row a run, quantiles of H over seeds a record, and the claims."""
    runs = pd.DataFrame([_run(r) for r in records])
    parts: dict[tuple[str, str], list[Record]] = {}
    for record, name in zip(records, zip(runs["maze"], runs["settings"], strict=True), strict=True):
        parts.setdefault(name, []).append(record)
    curves = pd.concat([_quantiles(part) for part in parts.values()], ignore_index=True)
    careful = runs[runs["settings"] == "default"]
    rows = []
    for number, (maze, part) in enumerate(careful.groupby("maze", sort=False), start=1):
        near = int((part["ratio"] <= NEAR).sum())
        rows.append(
            share(claim, f"P1.{number}", "PPO from samples reaches the exact optimum, "
                  f"{maze}: runs within {NEAR - 1:.0%}", near, len(part), 0.95,
                  tolerance=f"H ≤ {NEAR} × optimum")
        )  # fmt: skip
    hasty = runs[runs["settings"] == "hasty"]
    lost = int((hasty["ratio"] > LOST).sum())
    rows.append(
        share(control, "P1.c", "with hasty settings PPO collapses: runs", lost, len(hasty), 0.95,
              tolerance=f"H > {LOST:g} × optimum")
    )  # fmt: skip
    even = careful[careful["closed_form"].notna()]
    apart = float((even["optimum"] / even["closed_form"] - 1).abs().max())
    rows.append(
        claim("P1.0", "the optimum that exact gradients find is the closed form's: largest "
              "relative difference", 0.0, apart, apart < 1e-5, tolerance="1e-5")
    )  # fmt: skip
    return Tables({"ppo_curves": curves, "ppo_curves_runs": runs}, rows)


def _settings(config: dict[str, Any]) -> str:
    return "hasty" if config["critic"] == HASTY["critic"] else "default"


def _run(record: Record) -> dict[str, object]:
    config, time = record.config, record.arrays["time"]
    optimum = float(record.arrays["optimum"])
    return {
        "maze": maze_name(config["depths"], config["lanes"]), "settings": _settings(config),
        "seed": config["seed"], "time": float(time[-1]), "highest": float(time[1:].max()),
        "optimum": optimum, "ratio": float(time[-1]) / optimum,
        "closed_form": closed_form(config["depths"], config["lanes"]),
    }  # fmt: skip


def _quantiles(records: list[Record]) -> pd.DataFrame:
    """H at every record of runs that differ in their seed alone."""
    config, first = records[0].config, _run(records[0])
    times = np.stack([r.arrays["time"] for r in records])
    updates = np.linspace(0, config["steps"], times.shape[1])
    lowest, low, median, high, highest = np.quantile(times, [0, 0.25, 0.5, 0.75, 1], axis=0)
    return pd.DataFrame(
        {"maze": first["maze"], "settings": first["settings"], "seeds": len(records),
         "steps": updates * config["walkers"] * config["horizon"], "lowest": lowest, "low": low,
         "median": median, "high": high, "highest": highest, "optimum": first["optimum"]}
    )  # fmt: skip
