"""Confidence as process reward: ascent on exact expected reward of walks that end in an answer.

A goal is drawn from two and hidden; to know it, one has to walk to one of them, and every move
costs. In three worlds (the head reads what it has seen, it does not yet, the goal is told at once)
a tabular policy is trained on the answer alone and on rewards made of confidence along the walk.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import networkx as nx
import numpy as np
import pandas as pd
from scipy.special import softmax

from experiments.common.seeds import CONFIRMING
from experiments.signals.confidence_claims import CLAIM_FAMILIES, claims
from mazerl import Maze, compile_maze
from mazerl.exact.hidden_goals import (
    PROGRESS,
    Answering,
    Checkpoints,
    Hidden,
    checkpoints,
    follow,
    hidden_goals,
    informed,
    reliability,
)
from mazerl.maze import Array
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """All rewards in all worlds, on a tree and from rows drawn by the seed."""

    seed: int
    updates: int = 500


LIMIT, COST, ETA, RATE = 6, 0.1, 1.0, 1.0
VERTICES, GOALS = 6, 2
_RECORDS, _BINS = 10, 10
GRID = tuple(Config(CONFIRMING + n) for n in range(24))
QUICK = GRID[:2]
SMOKE = (Config(0, 60),)

_LAST = np.eye(len(PROGRESS))[-1]
# What is paid for c_k, and for o_k, beside the cost of moves.
REWARDS = {
    "outcome": (_LAST, 0 * _LAST),
    "confidence": (_LAST - ETA * PROGRESS, 0 * _LAST),
    "reversed": (_LAST + ETA * PROGRESS, 0 * _LAST),
    # Φ = η c, 0 where the walk ends: the sum of its rises is -η c_0.
    "potential": (_LAST - ETA * _LAST[::-1], 0 * _LAST),
    "scaled": (_LAST * (1 - ETA * PROGRESS[-1]), 0 * _LAST),
    "own answer": (_LAST, -ETA * PROGRESS),
}
# How much the head holds, at first, with what was seen; and whether the goal is told.
WORLDS = {"hidden": (1.5, False), "unread": (0.0, False), "told": (1.5, True)}
CURVES = ("success", "reward", "worth", "moves", "faithful")


def maze_of(seed: int) -> Maze:
    """A tree of 6 vertices of degree 3 at most; two leaves are goals, walks begin elsewhere."""
    draw = np.random.default_rng(seed)
    while True:
        tree = nx.random_labeled_tree(VERTICES, seed=int(draw.integers(2**31)))
        leaves = [v for v in tree if tree.degree[v] == 1]
        if max(degree for _, degree in tree.degree) == 3:
            goals = sorted(draw.choice(leaves, GOALS, replace=False).tolist())
            start = int(draw.choice([v for v in tree if v not in goals]))
            graph: nx.MultiGraph[int] = nx.MultiGraph(tree)
            graph.graph.update(start=start, goals=goals)
            return compile_maze(graph)


def start_of(world: Hidden, reads: float, seed: int) -> Answering:
    """Preferences of every row drawn, and a head that leans to goals which are possible."""
    draw = np.random.default_rng([seed, 1])
    states, ports = world.legal.shape
    return Answering(
        draw.normal(size=(states, ports + 1)),
        draw.normal(0, 0.1, (states, GOALS)) + reads * world.possible,
    )


class Trained(NamedTuple):
    """Of arms side by side, along training."""

    policies: Answering  # [arms, records, …]
    told: Checkpoints  # [arms, records, …]


@partial(jax.jit, static_argnames=("updates", "every"))
def train(
    world: Hidden, start: Answering, right: Array, own: Array, updates: int, every: int
) -> Trained:
    """Plain ascent, each arm [6] on its own reward."""

    def paid(policy: Answering, right: Array, own: Array) -> tuple[Array, Checkpoints]:
        told = follow(world, policy, LIMIT)
        return told.right @ right + told.own @ own - COST * told.moves, told

    def arm(right: Array, own: Array) -> Trained:
        def update(policy: Answering, _: None) -> tuple[Answering, None]:
            slope = jax.grad(paid, has_aux=True)(policy, right, own)[0]
            return jax.tree.map(lambda x, dx: x + RATE * dx, policy, slope), None

        def block(policy: Answering, _: None) -> tuple[Answering, Trained]:
            after = jax.lax.scan(update, policy, None, every)[0]
            return after, Trained(policy, follow(world, policy, LIMIT))

        return jax.lax.scan(block, start, None, updates // every + 1)[1]

    return jax.vmap(arm)(right, own)


def run(config: Config) -> dict[str, np.ndarray]:
    """By world, arm and record: c_k, what CURVES say; at start and end also the calibration.

    `reliability` [worlds, arms, 3, bins] is of answers at the end of walks after training;
    `error` [worlds, arms, 2, 6] of each checkpoint before and after. `apart` [2, 2] and `hack` [2]
    are as their functions have it.
    """
    maze = maze_of(config.seed)
    weights = [np.stack(each) for each in zip(*REWARDS.values(), strict=True)]  # [2][arms, 6]
    every = config.updates // _RECORDS
    found: list[dict[str, np.ndarray]] = []
    for reads, told in WORLDS.values():
        world = hidden_goals(maze, told)
        with jax.enable_x64(True):
            start = start_of(world, reads, config.seed)
            ended = train(world, start, *weights, config.updates, every)
            seen = jax.tree.map(np.asarray, ended)
        found.append(_told(world, seen.told, softmax(seen.policies.answers, -1), weights))
    world = hidden_goals(maze)
    return {name: np.stack([each[name] for each in found]) for name in found[0]} | {
        "apart": apart(world, start_of(world, 1.5, config.seed)),
        "hack": hack(world),
    }


def _told(
    world: Hidden, told: Checkpoints, heads: np.ndarray, weights: list[np.ndarray]
) -> dict[str, np.ndarray]:
    arms, records = told.moves.shape
    cells = [(a, n) for a in range(arms) for n in range(records)]
    at = [Checkpoints(*(each[cell] for each in told)) for cell in cells]
    faithful = [informed(each, heads[cell], world) for each, cell in zip(at, cells, strict=True)]
    paid = np.einsum("ank,ak->an", told.right, weights[0])
    paid += np.einsum("ank,ak->an", told.own, weights[1]) - COST * told.moves
    final = [reliability(told.at[a, -1, -1], heads[a, -1], _BINS) for a in range(arms)]
    error = [
        [[reliability(told.at[a, n, k], heads[a, n]).error for k in range(len(PROGRESS))]
         for n in (0, -1)] for a in range(arms)
    ]  # fmt: skip
    return {
        "right": told.right, "success": told.right[..., -1], "reward": paid,
        "worth": told.right[..., -1] - COST * told.moves, "moves": told.moves,
        "faithful": np.reshape(faithful, (arms, records)), "error": np.array(error),
        "reliability": np.array([each[:3] for each in final]),
    }  # fmt: skip


def apart(world: Hidden, start: Answering) -> np.ndarray:
    """Faithfulness and calibration error at the end [2 heads, 2] of the same walks.

    The first head always says that it does not know; the second names a goal that is possible and
    is sure of it, so that it is right where the goal was looked for and overconfident elsewhere.
    """
    sure = np.where(np.arange(GOALS) == world.possible.argmax(1)[:, None], 30.0, -30.0)
    rows = []
    for logits in (np.zeros_like(sure), sure):
        told = checkpoints(world, Answering(start.moves, logits), LIMIT)
        head = softmax(logits, 1)
        rows.append((informed(told, head, world), reliability(told.at[-1], head).error))
    return np.array(rows)


def hack(world: Hidden) -> np.ndarray:
    """Reward of `own answer`, and faithfulness [2], of who looks at nothing.

    It says the one goal before it moves, makes two moves, and says the other after each.
    """
    states, ports = world.legal.shape
    begins = world.arrival == world.arrival.max()
    # How many moves were made is not in the state: walks go to and fro between two arcs, the one
    # that is taken first ends none, the one back does.
    moves = np.full((states, ports + 1), -30.0)
    taken = world.leads[:, :, 0].argmax(-1)  # [K, S]
    outward = np.isin(world.arrival, world.arrival[taken[:, world.first[0]]])
    moves[begins | outward, 0] = 30.0
    moves[~(begins | outward), -1] = 30.0
    answers = np.where(begins[:, None] == (np.arange(GOALS) == 0), 30.0, -30.0)
    told = checkpoints(world, Answering(moves, answers), LIMIT)
    head = softmax(answers, 1)
    right, own = REWARDS["own answer"]
    paid = told.right @ right + told.own @ own - COST * told.moves
    return np.array([paid, informed(told, head, world)])


def table(records: list[Record]) -> Tables:
    """One row a seed, world, reward and record; a row a checkpoint and a bin at the end; A6."""
    arms = [(w, world, a, arm) for w, world in enumerate(WORLDS) for a, arm in enumerate(REWARDS)]
    curves = pd.DataFrame([
        {"seed": r.config["seed"], "world": world, "arm": arm,
         "update": n * (r.config["updates"] // _RECORDS),
         **{name: float(r.arrays[name][w, a, n]) for name in CURVES}}
        for r in records for w, world, a, arm in arms for n in range(_RECORDS + 1)
    ])  # fmt: skip
    along = pd.DataFrame([
        {"seed": r.config["seed"], "world": world, "arm": arm, "checkpoint": k,
         "right": float(r.arrays["right"][w, a, -1, k]),
         "error": float(r.arrays["error"][w, a, 1, k]),
         "error before": float(r.arrays["error"][w, a, 0, k])}
        for r in records for w, world, a, arm in arms for k in range(len(PROGRESS))
    ])  # fmt: skip
    bins = pd.DataFrame([
        {"seed": r.config["seed"], "world": world, "arm": arm, "bin": b,
         **{name: float(r.arrays["reliability"][w, a, n, b])
            for n, name in enumerate(("mass", "confidence", "right"))}}
        for r in records for w, world, a, arm in arms for b in range(_BINS)
        if r.arrays["reliability"][w, a, 0, b] > 0
    ])  # fmt: skip
    cells = pd.DataFrame([_cell(r.arrays) for r in records])
    return Tables(
        {"confidence": curves, "confidence_along": along, "confidence_bins": bins},
        claims(curves, along, cells),
    )


def _cell(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """What is computed once a cell, and how far `potential` is from `outcome` where hidden."""
    names = list(REWARDS)
    outcome, potential = (arrays["right"][0, names.index(arm)] for arm in ("outcome", "potential"))
    unsure, sure = arrays["apart"]
    return {
        "same": float(np.abs(potential - outcome).max()),
        "hack": float(arrays["hack"][0]), "hack informed": float(arrays["hack"][1]),
        "unsure informed": float(unsure[0]), "unsure error": float(unsure[1]),
        "sure informed": float(sure[0]), "sure error": float(sure[1]),
    }  # fmt: skip
