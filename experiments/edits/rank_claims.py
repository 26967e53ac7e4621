"""What the study of ranks tabulates and claims: X13."""

from typing import Any

import numpy as np
import pandas as pd

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

RANKS = (1, 2, 3, 4, 8, 16, 32)
"""Of adapters; the largest, or the number of goals, is free rows' own."""

_GOALS = 32  # with fewer a rank of 8 is near all there is
_LEFT = 10  # times the nats

CLAIM_FAMILIES = (
    Family(
        id="X13",
        title="What rank it takes to do what RL did",
        statement="With 32 goals that free rows see, an adapter of rank 4 that is distilled from a "
        "run of RL has 95% of its gain and one of rank 8 has 99%; the run's own change of logits, "
        "cut to rank 4, has less than 80%. What rank is enough says how goals lie in the maze, not "
        "what RL changed: on a tree rank 3 is enough for any number of goals, by construction.",
        source="Gai et al. 2026 (arXiv 2605.06241) §4: rank 8 to 32 of attention reaches the "
        "teacher; a change cut by its singular values, and what rank a tree needs, by no paper",
        control="X13.c1: the run's own probabilities dealt anew among the ports of each place are "
        "as sure, but no goal has to do with another: at rank 8 they must be far from reached, "
        "where the run is near. X13.c2: the construction of rank 3 with goals on the circle in an "
        "order drawn at random, in which those behind a port are no arc, must fail.",
        scope="Free rows [goals, entries] in the place of attention, so that rank is of what goals "
        "share and the most that there can be is their number; no transformer. Mazes of 16 "
        "junctions of four ports, or 36 vertices of degree 4; GRPO, on four pools PPO. An adapter "
        "that is distilled is an upper bound on the rank that is needed: Adam, 250 steps, by exact "
        "occupancy; other rates and 400 steps gave the same in development. X13.3 is true of all "
        "trees by construction and is shown, not found.",
        sampled=("X13.1*", "X13.2", "X13.4*", "X13.5*", "X13.6", "X13.c1"),
    ),
)


def table(records: list[Record]) -> Tables:
    """A row of each pool, teacher and rank; what else is told of a pool; X13."""
    fits = pd.DataFrame([row for record in records for row in _fits(record)])
    pools = pd.DataFrame([_pool(record) for record in records])
    return Tables({"rank": fits, "rank_pools": pools}, [*_placed(pools), *_enough(fits)])


def _name(record: Record) -> dict[str, object]:
    return {key: record.config[key] for key in ("maze", "learner", "seed", "problems")}


def _fits(record: Record) -> list[dict[str, object]]:
    arrays = record.arrays
    base, reached = arrays["success"][:2]
    none = np.full(len(RANKS), np.nan)
    parts = [
        ("run", arrays["fit_success"][0], arrays["fit_nats"][0], arrays["base_nats"][0]),
        ("dealt", arrays["fit_success"][1], arrays["fit_nats"][1], arrays["base_nats"][1]),
        ("cut", arrays["cut_success"], none, np.nan),
    ]
    return [
        _name(record) | {
            "student": name, "rank": rank, "success": success[n],
            # A teacher that gains nothing has no part of a gain.
            "gain": np.nan if name == "dealt" else (success[n] - base) / (reached - base),
            "nats": nats[n], "base_nats": far,
        }
        for name, success, nats, far in parts
        for n, rank in enumerate(RANKS)
    ]  # fmt: skip


def _pool(record: Record) -> dict[str, object]:
    names = ("p_base", "p_run", "p_dealt")
    told = _name(record) | dict(zip(names, record.arrays["success"].tolist(), strict=True))
    placed = zip(("p_placed", "p_placed_by_chance"), record.arrays["placed"].tolist(), strict=True)
    return told | dict(placed)


def _placed(pools: pd.DataFrame) -> list[dict[str, object]]:
    trees = pools[(pools["maze"] == "tree") & (pools["learner"] == "grpo")]
    sure = int((trees["p_placed"] > 0.9999).sum())
    lost = int((trees["p_placed_by_chance"] < 0.9).sum())
    return [
        every(claim, "X13.3", "on a tree rank 3 has p above 0.9999, by construction, with goals on "
              "a circle in the order of a search in depth: trees", sure, len(trees)),
        every(control, "X13.c2", "in an order drawn at random the same has p below 0.9: trees",
              lost, len(trees)),
    ]  # fmt: skip


def _enough(fits: pd.DataFrame) -> list[dict[str, object]]:
    if fits["problems"].max() < _GOALS:
        return []
    trees = fits[(fits["maze"] == "tree") & (fits["learner"] == "grpo")]
    told = [*_pair(trees, "X13.1", "trees"), _cut(trees)]
    for name, part, what in (
        ("X13.4", fits[fits["maze"] == "regular"], "regular graphs"),
        ("X13.5", fits[fits["learner"] == "ppo"], "trees, PPO in the place of GRPO"),
    ):
        if len(part):
            told += _pair(part, name, what)
    one = _by_pool(trees, "run", 1, "gain")
    told.append(every(claim, "X13.6", "rank 1 has less than half of the gain: trees",
                      int((one < 0.5).sum()), len(one)))  # fmt: skip
    left = _by_pool(fits, "dealt", 8, "nats") / _by_pool(fits, "run", 8, "nats")
    told.append(every(
        control, "X13.c1", f"dealt anew, the run's probabilities are {_LEFT} times as far or more, "
        "in nats of a walk, at rank 8: pools of all kinds", int((left >= _LEFT).sum()), len(left),
    ))  # fmt: skip
    return told


def _pair(fits: pd.DataFrame, name: str, what: str) -> list[dict[str, object]]:
    """Part of the run's gain at rank 4 and at rank 8."""
    told = []
    for letter, rank, least in (("a", 4, 0.95), ("b", 8, 0.99)):
        gain = _by_pool(fits, "run", rank, "gain")
        told.append(every(
            claim, f"{name}{letter}", f"distilled, rank {rank} has {least:.0%} of the gain in p or "
            f"more: {what}", int((gain >= least).sum()), len(gain),
        ))  # fmt: skip
    return told


def _cut(trees: pd.DataFrame) -> dict[str, Any]:
    cut = _by_pool(trees, "cut", 4, "gain")
    return every(claim, "X13.2", "the run's own change of logits, cut to its nearest of rank 4, "
                 "has less than 80%: trees", int((cut < 0.8).sum()), len(cut))  # fmt: skip


def _by_pool(fits: pd.DataFrame, student: str, rank: int, value: str) -> pd.Series:
    mine = fits[(fits["student"] == student) & (fits["rank"] == rank)]
    return mine.set_index(["maze", "learner", "seed"])[value].sort_index()
