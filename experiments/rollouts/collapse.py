"""How often a group's walks all end alike, and whether the pool's difficulty says so beforehand."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from scipy.stats import beta

from experiments.common.cells import cell_key
from experiments.common.seeds import CONFIRMING
from mazerl import build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.exact.pools import choose, success_of
from mazerl.maze import Array, World
from mazerl.maze.problems import every_goal, problems_of
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.walk.rollouts import run_walks


@dataclass(frozen=True)
class Config:
    """A pool of problems, and how many groups of walks are drawn of each."""

    pool: str
    group: int  # a divisor of 512
    groups: int = 800  # of each problem, at least
    estimates: int = 4096  # walks of each problem that tell its p beforehand
    penalty: float = 1e-3  # a step, for the control alone
    seed: int = 0  # of the walks


PROBLEMS = 128
POOLS, GROUPS = ("caves", "flat", "near", "beta"), (2, 4, 8, 16, 32, 64)
GRID = tuple(Config(pool, size, seed=CONFIRMING) for pool in POOLS for size in GROUPS)
QUICK = tuple(
    Config(pool, size, groups=40, estimates=1024, seed=CONFIRMING)
    for pool in POOLS
    for size in GROUPS
)
SMOKE = tuple(Config(pool, size, 16, 1024) for pool in POOLS for size in (2, 8, 32))

_WALKS = 512  # of each problem at once: one shape, and one compilation, for all cells
_MOST_ERRORS = 4.0
_PLATEAU = (8, 32)  # groups from which to which the paper's line is flat

CLAIM_FAMILIES = (
    Family(
        id="I1",
        title="How often a group says nothing",
        statement="The share of groups whose walks all end alike, so that GRPO's advantages are "
        "all 0, is the mean over problems of p^N + (1-p)^N, with each problem's own exact p.",
        source="arXiv 2605.05262 (InfoTree): the collapse rate of independent samplers, abstract; "
        "the law itself is elementary, and true by construction once walks are independent",
        control="I1.c1 puts the pool's mean p into the law: it must miss, as a pool is not its "
        "mean. I1.c2 takes a penalty a step: groups that all succeed then have spread, so that the "
        "law must miss where a pool has easy problems and groups are small.",
        scope="Four pools of 128 problems, the same in development: fresh are the walks. One of "
        "the pools is goals of a cave for a base model with free rows, chosen by strata; the "
        "others are forks of one step, that is coins with given p, which the walks toss. Cells "
        "share no walks.",
        sampled=("I1.*",),
    ),
    Family(
        id="I2",
        title="Where the plateau of useful groups comes from",
        statement="How the share of useful groups moves with their size is the pool's: the law at "
        "each problem's p, measured beforehand, foretells the line; 45% from 8 to 32 walks is what "
        "a pool shows whose other problems are nearly never or nearly always solved.",
        source="arXiv 2605.05262 (InfoTree): flat GRPO stays near 45% from 8 to 32 rollouts, as "
        "told of the paper's figure; its pool's p are not known, so that I2.2 shows a pool that "
        "would do, not that the paper's is such a one",
        control="I2.c: a pool with the same 45% whose others are at .01, one drawn from "
        "Beta(.1, .3) and one of a cave climb by 8 points or more over the same sizes.",
        scope="As of I1. That no budget helps holds for budgets far below 1/p of the hard "
        "problems alone: every line here reaches 1 in the end, for groups that are large enough.",
        sampled=("I2.*",),
    ),
)


class Pool(NamedTuple):
    """Problems side by side, and a policy with free rows for all of them."""

    world: World
    logits: np.ndarray  # [R]
    limit: int
    success: np.ndarray  # [X] exact
    law: np.ndarray  # [X, T+1] P(τ = t)


@lru_cache
def pool_of(name: str) -> Pool:
    """A pool by its name; walk b of a batch is of problem b mod X."""
    if name == "caves":
        return _caves()
    share = round(0.45 * PROBLEMS)
    middle = 0.2 + 0.6 * (np.arange(share) + 0.5) / share
    rest = np.where(np.arange(PROBLEMS - share) % 2, 1e-4, 1 - 1e-4)
    success = {
        "flat": np.append(middle, rest),
        "near": np.append(middle, np.full(PROBLEMS - share, 0.01)),
        "beta": beta.ppf((np.arange(PROBLEMS) + 0.5) / PROBLEMS, 0.1, 0.3),
    }[name]
    return _coins(np.clip(success, 1e-12, 1 - 1e-12))


def _caves() -> Pool:
    """Goals of one cave for one base model that is blind to them."""
    maze = compile_maze(build("caves", junctions=40, passage=3, spine=3, graph_seed=0))
    rows = opinionated_rows(maze, 0.02, 1.0, 0)
    every_one = problems_of(maze, 60, every_goal(maze, 60))
    shares = (0.05, 0.2, 0.5, 0.17, 0.08)
    problems = choose(every_one, success_of(every_one, rows), PROBLEMS, 0, shares)
    copies = side_by_side([replace(maze, goals=problems.goals[x : x + 1]) for x in range(PROBLEMS)])
    # Rows of all arcs come first, then those of the walks that begin.
    begin = int(rows_of(maze).start[maze.num_arcs])
    logits = np.log(np.append(np.tile(rows[:begin], PROBLEMS), np.tile(rows[begin:], PROBLEMS)))
    law = arrival_law(maze, rows, problems.limit, problems.goals)
    return Pool(copies, logits.astype(np.float32), problems.limit, law.sum(1), law)


def _coins(success: np.ndarray) -> Pool:
    """Problems of one step, each with its own p."""
    maze = compile_maze(build("hops", forks=1, arms=2, length=1))
    world = side_by_side([maze] * len(success))
    rows = rows_of(world)
    right = np.isin(np.asarray(world.head)[rows.arc], world.goals)
    problem = np.maximum(rows.arrival - world.num_arcs, 0)
    p = np.where(right, success[problem], 1 - success[problem])
    logits = np.where(rows.arrival < world.num_arcs, 0.0, np.log(p))
    law = np.stack([0 * success, success], 1)
    return Pool(world, logits.astype(np.float32), 1, success, law)


def run(config: Config) -> dict[str, np.ndarray]:
    """Groups without spread [X], with no penalty and with one; successes beforehand [X]."""
    pool, key, size = pool_of(config.pool), cell_key(config), config.group
    batches, before = -(-config.groups * size // _WALKS), -(-config.estimates // _WALKS)
    plain, penalised, solved = (np.zeros(PROBLEMS, int) for _ in range(3))
    for batch in range(batches + before):
        walks = run_walks(TABULAR, pool.logits, pool.world, jax.random.fold_in(key, batch),
                          _WALKS * PROBLEMS, pool.limit)  # fmt: skip
        if batch >= batches:
            solved += np.asarray(walks.reached).reshape(_WALKS, PROBLEMS).sum(0)
            continue
        success, steps = (
            x.reshape(_WALKS // size, size, PROBLEMS).swapaxes(1, 2).reshape(-1, size)
            for x in (walks.reached, walks.steps)
        )
        for tally, penalty in ((plain, 0.0), (penalised, config.penalty)):
            silent = _silent(success, success - penalty * steps)
            tally += np.asarray(silent).reshape(-1, PROBLEMS).sum(0)
    return {
        "without_spread": plain, "penalised": penalised, "solved": solved,
        "groups": np.asarray(batches * _WALKS // size), "estimates": np.asarray(before * _WALKS),
        "success": pool.success, "law": pool.law,
    }  # fmt: skip


@jax.jit
def _silent(success: Array, reward: Array) -> Array:
    """Of which groups GRPO's advantages are all 0: bool [groups]."""
    advantage = advantage_of("spread", success.shape[1])
    return (advantage(Outcomes(reward, success)) == 0).all(1)


def _alike(p: np.ndarray, size: int) -> np.ndarray:
    """P(N walks all succeed or all fail), of the shape of p."""
    return p**size + (1 - p) ** size


def table(records: list[Record]) -> Tables:
    """One row a pool and group size; the exact lines; the pools; I1 and I2."""
    cells = pd.DataFrame([_cell(record) for record in records])
    lines = pd.DataFrame(
        {"pool": name, "group": size, "useful": 1 - float(_alike(p, size).mean())}
        for name in POOLS
        for p in [pool_of(name).success]
        for size in range(2, 65)
    )  # fmt: skip
    pools = pd.DataFrame(
        {"pool": name, "rank": rank, "success": float(p)}
        for name in POOLS
        for rank, p in enumerate(np.sort(pool_of(name).success))
    )
    frames = {"collapse": cells, "collapse_lines": lines, "collapse_pools": pools}
    return Tables(frames, _claims(cells))


def _cell(record: Record) -> dict[str, object]:
    size, seen = record.config["group"], record.arrays
    groups = int(seen["groups"])
    exact = _alike(seen["success"], size)
    # Groups that all fail last to the limit; those that all succeed are alike in their steps too.
    costly = (1 - seen["success"]) ** size + (seen["law"] ** size).sum(1)
    told = _alike(seen["solved"] / seen["estimates"], size)
    total = groups * len(exact)
    return {
        "pool": record.config["pool"], "group": size, "groups": total,
        "silent": float(seen["without_spread"].sum() / total), "exact": float(exact.mean()),
        "error": _error(exact, groups),
        "foretold": float(told.mean()),
        "of_mean": float(_alike(seen["success"].mean(), size)),
        "penalised": float(seen["penalised"].sum() / total),
        "penalised_exact": float(costly.mean()), "penalised_error": _error(costly, groups),
    }  # fmt: skip


def _error(share: np.ndarray, groups: int) -> float:
    """The exact standard error of a share over problems whose own shares are known.

    At least that of half a group, as none of them can be told apart from its neighbour.
    """
    variance = float((share * (1 - share)).sum()) * groups
    return max(variance, 0.25) ** 0.5 / (groups * len(share))


def _claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    away = (cells["silent"] - cells["exact"]).abs() / cells["error"]
    of_mean = (cells["silent"] - cells["of_mean"]).abs() / cells["error"]
    caves = cells[cells["pool"] == "caves"]
    costly = (caves["penalised"] - caves["penalised_exact"]).abs() / caves["penalised_error"]
    small = caves[caves["group"] <= 8]
    broken = (small["penalised"] - small["exact"]).abs() / small["error"]
    foretold = float((cells["silent"] - cells["foretold"]).abs().max())
    useful = 1 - cells.pivot_table("silent", "pool", "group")
    low, high = _PLATEAU
    climb = useful[high] - useful[low]
    plateau = useful.loc["flat", [low, high]].to_numpy(float)
    least, most = float(plateau.min()), float(plateau.max())
    others = float(climb[climb.index != "flat"].min())
    tolerance, between = f"{_MOST_ERRORS:.0f} standard errors", f"from {low} to {high}"
    return [
        every(claim, "I1.1", "the share of groups without spread is the mean of p^N + (1-p)^N: "
              "pools and group sizes", int((away < _MOST_ERRORS).sum()), len(cells), tolerance),
        every(claim, "I1.2", "with a penalty a step it is the mean of (1-p)^N + Σ_t P(τ = t)^N: "
              "group sizes in the cave", int((costly < _MOST_ERRORS).sum()), len(caves), tolerance),
        every(control, "I1.c1", "the law at the pool's mean p misses: pools and group sizes",
              int((of_mean > _MOST_ERRORS).sum()), len(cells), tolerance),
        every(control, "I1.c2", "with a penalty the law without one misses: group sizes up to 8 in "
              "the cave", int((broken > _MOST_ERRORS).sum()), len(small), tolerance),
        claim("I2.1", "the law at p measured beforehand foretells the share of useful groups: "
              "largest difference over pools and group sizes", "below 0.02", foretold,
              foretold < 0.02),
        claim("I2.2", "useful groups of the pool whose other problems are within 1e-4 of 0 or 1, "
              f"{between} walks: smallest share", "0.45, within 0.03", least,
              0.42 <= least <= most <= 0.48),
        claim("I2.3", f"and their share moves {between} walks by", "below 0.05", most - least,
              most - least < 0.05),
        control("I2.c", f"the other pools climb {between} walks: least of them", "above 0.08",
                others, others > 0.08),
    ]  # fmt: skip
