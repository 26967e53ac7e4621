"""Moves that forget the goal: I(goal; moves) under an entropy bonus or a KL to a blind reference.

Expected updates of logits θ [X, R] of a policy that sees its goal, for goals kept by a filter:

    g_x = ∇p_x - λ Σ_e visits_x(e) ∇KL(π_x(e) ‖ reference_x(e)),    θ_x += rate · Σ_y K_xy g_y

An entropy bonus is the KL to the uniform walk. K is the identity where rows are free; where goals
are told in parts, K_xy is the share of parts that two goals have in common, as of a linear layer.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from experiments.common.expected_updates import Task, Worth, expect, scored, task_of
from experiments.common.seeds import CONFIRMING
from experiments.signals.template_collapse_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, build, compile_maze
from mazerl.exact.information import (
    in_batch,
    move_information,
    prefix_information,
    sample_prefixes,
)
from mazerl.exact.pools import success_of
from mazerl.maze.goal_codes import composed_codes
from mazerl.maze.problems import every_goal, problems_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.preferences import row_sums
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All arms on a pool of hard and open goals, drawn by the seed."""

    seed: int
    shared: bool  # goals told in parts, not free rows
    updates: int = 200
    junctions: int = 20


class Arm(NamedTuple):
    """What is added to the task, and which goals are learned from."""

    reference: str = "blind"  # "uniform", "blind" or "seeing"
    weight: float = 1.0  # of λ
    filtered: bool = False
    scaled: bool = False  # λ times the share that the filter would keep
    noise: float = 0.0  # variance of the reward of hard goals that is no news of success


ARMS = {
    "nothing": Arm(weight=0.0),
    "entropy": Arm("uniform"),
    "entropy, filtered": Arm("uniform", filtered=True),
    "blind": Arm(),
    "blind, filtered": Arm(filtered=True),
    "blind, scaled": Arm(scaled=True),
    "blind, filtered, noise": Arm(filtered=True, noise=0.25),
    "seeing": Arm("seeing"),
}
LAMBDA, RATE = 0.3, 3.0
GOALS = 4
"""Hard ones, and open ones."""
LIMIT = 10
KEPT = 0.9
"""Share of the variance of rewards that the filter keeps."""
WALKS = 64
"""Of each goal, for the estimates in a batch."""
_EVERY = 25
_TURNING, SPREAD = 0.02, 2.0


def _grid(seed: int, seeds: int, updates: int) -> tuple[Config, ...]:
    return tuple(
        Config(seed + n, shared, updates) for n in range(seeds) for shared in (False, True)
    )


GRID = _grid(CONFIRMING, 20, 200)
QUICK = _grid(CONFIRMING, 1, 200)
SMOKE = _grid(0, 1, 200)


class Pool(NamedTuple):
    """Goals, of which the first half are hard, and three policies whose rows have one entropy."""

    maze: Maze
    goals: np.ndarray  # [X]
    blind: np.ndarray  # [R] preferences that know no goal
    seeing: np.ndarray  # [X, R] the same, the ports ahead permuted goal by goal
    start: np.ndarray  # [X, R] permuted after half of the arrivals


def pool_of(config: Config) -> Pool:
    """Draw a pool by the seed: the goals of the lowest p, and those whose reward varies most."""
    seed = config.seed
    maze = compile_maze(
        build("caves", junctions=config.junctions, most=4, passage=0, spine=4, graph_seed=seed)
    )
    blind, draw = opinionated_rows(maze, _TURNING, SPREAD, seed), np.random.default_rng(seed)
    asked = problems_of(maze, LIMIT, every_goal(maze, LIMIT))
    seeing = _permuted(maze, blind, len(asked), draw)
    halves = draw.random((len(asked), maze.num_arcs + 1)) < 0.5
    start = np.where(halves[:, rows_of(maze).arrival], seeing, blind)
    p = success_of(asked, start)
    highest = np.maximum.reduce(
        [p, *(success_of(asked, rows) for rows in (blind, even_rows(maze)))]
    )
    hard = np.argsort(highest, kind="stable")[:GOALS]
    variance = np.where(np.isin(np.arange(len(p)), hard), -1.0, p * (1 - p))
    chosen = np.concatenate([hard, np.argsort(-variance, kind="stable")[:GOALS]])
    return Pool(maze, asked.goals[chosen], blind, seeing[chosen], start[chosen])


def even_rows(maze: Maze) -> np.ndarray:
    """Rows [R] of the uniform walk."""
    layout = rows_of(maze)
    return (1 / row_sums(maze, np.ones(layout.size)))[layout.arrival]


def _permuted(maze: Maze, rows: np.ndarray, goals: int, draw: np.random.Generator) -> np.ndarray:
    """Rows [goals, R] whose ports ahead, all but the way back, change places at random."""
    layout = rows_of(maze)
    back = np.append(np.asarray(maze.reverse), -1)[layout.arrival] == layout.arc
    told = np.tile(rows, (goals, 1))
    for arrival in np.unique(layout.arrival):
        ahead = np.flatnonzero((layout.arrival == arrival) & ~back)
        for row in told:
            row[ahead] = rows[draw.permutation(ahead)]
    return told


def together(pool: Pool, shared: bool) -> np.ndarray:
    """K [X, X]."""
    if not shared:
        return np.eye(len(pool.goals))
    parts = composed_codes(pool.maze).parts[pool.goals]
    return np.asarray((parts[:, None] == parts[None]).mean(-1))


def run(config: Config) -> dict[str, np.ndarray]:
    """Along training [arms, records] what the policy is, of hard goals alone and of all."""
    pool = pool_of(config)
    arms = list(ARMS.values())
    count, goals = len(arms), len(pool.goals)
    there = np.append(np.asarray(pool.maze.head), -1)[:, None] == np.tile(pool.goals, count)
    alone = task_of(pool.maze, int(pool.goals[0]), LIMIT)
    task = replace(
        alone, there=there, from_entry=csr_array(alone.from_entry), of_row=csr_array(alone.of_row)
    )
    known = {
        "uniform": np.broadcast_to(even_rows(pool.maze), pool.start.shape),
        "blind": np.broadcast_to(pool.blind, pool.start.shape),
        "seeing": pool.seeing,
    }
    reference = np.log(np.concatenate([known[arm.reference] for arm in arms])).T
    theta = np.log(np.tile(pool.start, (count, 1)).T)
    kernel, told = together(pool, config.shared), []
    for update in range(config.updates + 1):
        log_p = task.log_softmax(theta)
        if update % _EVERY == 0:
            rows = np.exp(log_p).T.reshape(count, goals, -1)
            told.append([_state(pool, each) for each in rows])
        step, kept = update_of(task, log_p, reference, arms)
        step = np.einsum("rcx,yx->rcy", step.reshape(-1, count, goals), kernel)
        theta = theta + RATE * step.reshape(theta.shape)
        if update % _EVERY == 0:
            told[-1] = [(*state, own) for state, own in zip(told[-1], kept, strict=True)]
    seen = {name: np.array([[each[n] for each in record] for record in told]).swapaxes(0, 1)
            for n, name in enumerate((*_STATE, "kept"))}  # fmt: skip
    return seen | _estimates(pool, rows)


_STATE = ("hard_move", "hard_entropy", "all_move", "all_prefix", "p")


def _state(pool: Pool, rows: np.ndarray) -> tuple[object, ...]:
    hard = move_information(pool.maze, rows[:GOALS], LIMIT, pool.goals[:GOALS])
    every = move_information(pool.maze, rows, LIMIT, pool.goals)
    prefix = prefix_information(pool.maze, rows, LIMIT, pool.goals)
    p = success_of(problems_of(pool.maze, LIMIT, pool.goals), rows)
    return hard.a_move(), hard.entropy_a_move(), every.a_move(), prefix.information, p


def update_of(
    task: Task, log_p: np.ndarray, reference: np.ndarray, arms: list[Arm]
) -> tuple[np.ndarray, np.ndarray]:
    """g [R, arms·X], and the share of goals that the filter keeps or would keep [arms]."""
    p = np.exp(log_p)
    seen = expect(task, p, Worth())
    goals = p.shape[1] // len(arms)
    variance = (seen.worth * (1 - seen.worth)).reshape(len(arms), goals)
    variance[:, :GOALS] += np.array([arm.noise for arm in arms])[:, None]
    passes = kept(variance)
    share = passes.mean(1)
    weight = LAMBDA * np.array([arm.weight for arm in arms])
    weight = np.where([arm.scaled for arm in arms], weight * share, weight)
    away = log_p - reference
    drift = p * (away - (task.of_row @ (p * away))[task.arrival])
    step = scored(task, seen.moves, p)
    step = step - np.repeat(weight, goals) * seen.visits[task.arrival] * drift
    learned = passes | ~np.array([arm.filtered for arm in arms])[:, None]
    return step * learned.reshape(-1), share


def kept(variance: np.ndarray) -> np.ndarray:
    """Bool [..., X]: the fewest goals that have `KEPT` of the sum of variances [..., X]."""
    order = np.argsort(-variance, -1, kind="stable")
    sorted_ = np.take_along_axis(variance, order, -1)
    before = np.cumsum(sorted_, -1) - sorted_
    passes = before < KEPT * sorted_.sum(-1, keepdims=True)
    told = np.zeros(variance.shape, bool)
    np.put_along_axis(told, order, passes, -1)
    return told


def _estimates(pool: Pool, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What batches of walks of the trained policies make of I(goal; moves), arm by arm."""
    batches = [
        in_batch(sample_prefixes(pool.maze, each, LIMIT, WALKS, n, pool.goals))
        for n, each in enumerate(rows)
    ]
    return {f"batch_{name}": np.array([getattr(batch, name) for batch in batches])
            for name in ("sequence", "error", "per_move", "as_coded", "retrieval")}  # fmt: skip


def table(records: list[Record]) -> Tables:
    """One row a cell, arm and record; one row a cell and arm of what batches estimate; A2."""
    curves = pd.DataFrame([row for record in records for row in _curve(record)])
    batches = pd.DataFrame([row for record in records for row in _batch(record)])
    return Tables({"template_collapse": curves, "template_collapse_batches": batches},
                  claims(curves, batches))  # fmt: skip


def _curve(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    return [
        {"seed": config["seed"], "shared": config["shared"], "arm": arm, "update": n * _EVERY,
         **{name: float(arrays[name][a, n]) for name in (*_STATE[:-1], "kept")},
         "hard_p": float(arrays["p"][a, n, :GOALS].mean()),
         "open_p": float(arrays["p"][a, n, GOALS:].mean())}
        for a, arm in enumerate(ARMS)
        for n in range(arrays["kept"].shape[1])
    ]  # fmt: skip


def _batch(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    return [
        {"seed": config["seed"], "shared": config["shared"], "arm": arm,
         "exact": float(arrays["all_prefix"][a, -1]),
         **{name: float(arrays[f"batch_{name}"][a])
            for name in ("sequence", "error", "per_move", "as_coded", "retrieval")}}
        for a, arm in enumerate(ARMS)
    ]  # fmt: skip
