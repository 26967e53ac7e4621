"""A8: what the maze answers to a move is predicted beside GRPO, where success is near 0 and is not.

A network sees the goal and reads one arrival, so that its success is exact. Answers are where a
move led: the landmark passed last (a junction) and whether it is a dead end, a passage or a
junction. Beside them stand the same answers permuted among arcs, the number of the port that was
taken, which is known before, and a bonus for entropy in their place.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from experiments.common.seeds import CONFIRMING
from experiments.signals.environment_tokens_claims import CLAIM_FAMILIES, claims
from mazerl import build, compile_maze
from mazerl.exact.pools import success_of
from mazerl.maze.goal_codes import composed_codes
from mazerl.maze.problems import ProblemSet, every_goal, problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.answering import (
    Answering,
    answering_network,
    answering_rows,
    init_answering,
    rows_with_answers,
)
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.transformer import Decoder
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Method, Training, train
from mazerl.training.answers import answers, require_table
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.mixed import MixedTask, mixed
from mazerl.walk.env import Reward

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All arms on goals of a cave drawn by the seed; of free rows, the two that must agree."""

    pool: str  # of `POOLS`
    seed: int
    rows: bool = False
    updates: int = 120


POOLS = {"near 0": (0.0003, 0.006), "near half": (0.2, 0.8)}
"""Success of the random walk, between which goals are drawn."""


class Arm(NamedTuple):
    """What stands beside GRPO."""

    told: str = "answers"
    weight: float = 0.0  # λ
    entropy: float = 0.0


LAMBDA = 0.05
ARMS = {
    "GRPO": Arm(),
    "answers": Arm(weight=LAMBDA),
    "permuted": Arm("permuted", LAMBDA),
    "port": Arm("port", LAMBDA),
    "entropy": Arm(entropy=LAMBDA),
}
LIMIT, PROBLEMS, COUNT, RATE = 16, 8, 40, 0.003
DECODER = Decoder(layers=2, channels=32, heads=2, context=1)
_PARTS, _PLACES = 64, 10  # of codes, the same for all caves, so that they share a compilation
_RECORDS = 6

GRID = (
    *(Config("near 0", CONFIRMING + n) for n in range(10)),
    *(Config("near half", CONFIRMING + n) for n in range(5)),
    *(Config(pool, CONFIRMING, rows=True) for pool in POOLS),
)
QUICK = (Config("near half", CONFIRMING, rows=True),)
SMOKE = (Config("near half", 0, rows=True, updates=12),)


class Asked(NamedTuple):
    """Problems, their world, and the codes of the maze."""

    problems: ProblemSet
    world: Prompts
    landmark: np.ndarray  # [V] the junction passed last on the way there, as a number from 0


def asked_of(pool: str, seed: int) -> Asked:
    """A cave and goals by the seed."""
    maze = compile_maze(
        build("caves", junctions=12, fewest=3, most=3, passage=2, graph_seed=seed)
    )  # fmt: skip
    every, (low, high) = problems_of(maze, LIMIT, every_goal(maze, LIMIT)), POOLS[pool]
    arrival = rows_of(maze).arrival
    success = success_of(every, 1 / np.bincount(arrival)[arrival])
    within = np.flatnonzero((success > low) & (success < high))
    # Where a cave has too few such goals, those that are nearest to them.
    away = np.maximum(low - success, success - high)
    order = np.argsort(np.where(np.isin(np.arange(len(every)), within), 0, away), kind="stable")
    first = max(PROBLEMS, len(within))
    drawn = np.random.default_rng(seed).permutation(order[:first])[:PROBLEMS]
    problems, codes = every.take(np.sort(drawn)), composed_codes(maze)
    world = prompts_of(problems)
    more = _PLACES - world.code.shape[1]
    code = np.pad(np.asarray(world.code), ((0, 0), (0, more)), constant_values=_PARTS - 1)
    world = replace(world, code=code, parts=np.arange(_PARTS, dtype=np.int32))
    landmark = np.unique(codes.parts[:, -3], return_inverse=True)[1]
    return Asked(problems, world, landmark)


def told(asked: Asked, name: str, seed: int) -> np.ndarray:
    """What is answered at each arrival of the world [arrivals]."""
    maze = asked.problems.maze
    head, arcs = np.append(np.asarray(maze.head), maze.start), maze.num_arcs
    kind = np.minimum(np.asarray(maze.degree)[head], 3) - 1
    answer = asked.landmark[head] * 3 + kind
    if name == "permuted":
        answer = answer[np.append(np.random.default_rng(seed).permutation(arcs), arcs)]
    elif name == "port":
        tail = head[np.asarray(maze.reverse)]
        answer = np.append(np.arange(arcs) - np.asarray(maze.first_arc)[tail], 0)
    return np.append(np.tile(answer[:-1], PROBLEMS), np.repeat(answer[-1], PROBLEMS))


def run(config: Config) -> dict[str, np.ndarray]:
    """Of each arm exact mean p along training [arms, 7], the loss of answers at its end [arms]."""
    asked = asked_of(config.pool, config.seed)
    world, key = asked.world, seeded_key(config.seed)
    if config.rows:
        answering = answering_rows(COUNT)
        start: Any = rows_with_answers(world, np.zeros(rows_of(world).size), COUNT)
    else:
        answering = answering_network(DECODER, COUNT)
        start = init_answering(DECODER, COUNT, world, key)
    rl = grpo(world, answering.policy, Groups(12, 8, LIMIT))
    method = mixed(rl, answers(world, answering))
    names = ("GRPO", "answers") if config.rows else tuple(ARMS)
    runs = [_train(asked, answering, method, ARMS[name], start, config) for name in names]
    success, loss = zip(*runs, strict=True)
    return {"success": np.stack(success), "answers": np.asarray(loss)}


def _train(
    asked: Asked, answering: Answering, method: Method, arm: Arm, start: Any, config: Config
) -> tuple[np.ndarray, float]:
    table = require_table(asked.world, answering, told(asked, arm.told, config.seed))
    task = MixedTask(GRPOTask(Reward(1.0, 0.0), entropy=arm.entropy), table, arm.weight)
    # A common norm would let the one gradient shorten the other.
    norm = float("inf") if config.rows else 0.5
    rate = 0.1 if config.rows else RATE
    every = config.updates // _RECORDS
    training = Training(config.updates, "adam", rate, record_every=every, max_norm=norm)
    run = train(method, task, start, training, seeded_key(config.seed + 1), keep_history=True)
    each = [jax.tree.map(lambda x, n=n: x[n], run.history) for n in range(_RECORDS + 1)]
    p = [_success(asked, answering, params) for params in each]
    return np.array(p), float(run.metrics["beside"][-1])


def _success(asked: Asked, answering: Answering, params: Any) -> float:
    rows = separate_rows(asked.world, extract_rows(answering.policy, asked.world, params))
    return float(success_of(asked.problems, rows).mean())


def table(records: list[Record]) -> Tables:
    """One row a pool, seed, arm and record; A8."""
    rows = pd.DataFrame([row for record in records for row in _rows(record)])
    return Tables({"environment_tokens": rows}, claims(rows))


def _rows(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    return [
        {"pool": config["pool"], "seed": config["seed"], "rows": config["rows"], "arm": arm,
         "update": m * config["updates"] // _RECORDS, "success": float(arrays["success"][n, m]),
         "answers": float(arrays["answers"][n])}
        for n, arm in enumerate(list(ARMS)[: len(arrays["answers"])])
        for m in range(_RECORDS + 1)
    ]  # fmt: skip
