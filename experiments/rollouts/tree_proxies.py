"""Whether what trees are chosen by tracks what is learned from them, term by term."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.prompts import Prompts, prompts_of, updates_of
from experiments.common.seeds import CONFIRMING
from experiments.rollouts.tracking import POINT, mixed_share, tracks
from experiments.rollouts.tree_proxies_claims import CLAIM_FAMILIES as CLAIM_FAMILIES
from experiments.rollouts.tree_proxies_claims import claims_of
from mazerl.exact.horizon import arrival_law, success_gradient
from mazerl.maze import Array, Maze
from mazerl.maze.paths import shortest_paths
from mazerl.measure.informativeness import seen
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training.credit import leaves
from mazerl.training.fitting import fit
from mazerl.walk.learned import Learned
from mazerl.walk.nodes import Forest, Nodes, nodes_of
from mazerl.walk.selectors import GREEDY, ORACLE, UUCB, Weighted, at_random, whole
from mazerl.walk.trees import Budget, Selector, grow


@dataclass(frozen=True)
class Config:
    """A cave of its own, some of its goals, several trees of each."""

    problems: int = 125
    copies: int = 4
    junctions: int = 40
    checkpoints: int = 3
    learned: bool = True  # whether a network selects too
    seed: int = 0  # of cave, base model, goals and walks


GRID = tuple(Config(seed=CONFIRMING + number) for number in range(5))
QUICK = (Config(60, checkpoints=2, learned=False, seed=CONFIRMING),)
SMOKE = (Config(60, checkpoints=1, learned=False, seed=0),)

LIMIT, WALKS, FIRST = 60, 16, 8
BUDGET = Budget(WALKS, FIRST)
UPDATES, SIZE = 8, 1.0
"""Exact updates between checkpoints, and how far each moves the logits."""

GRADED = 0.5
"""What getting nearer to the goal is worth, beside 1 for reaching it."""

_TERMS = Weighted((*UUCB.terms, *GREEDY.terms[:3]))


class Menu(NamedTuple):
    """How much of each score there is, so that all share one compilation."""

    terms: Array  # [8] of UUCB's five, then the gains in coverage, contrast and novelty
    others: Array  # [3] of whole walks, of nodes at random, of the oracle V(1-V)
    value: Array  # [X, T+1, arrivals] V


def menu(nodes: Nodes, data: Menu, key: Array) -> Array:
    """Scores by the menu."""
    scores: Array = (
        _TERMS(nodes, data.terms, key)
        + data.others[0] * whole(nodes, None, key)
        + data.others[1] * at_random(nodes, None, key)
        + data.others[2] * ORACLE(nodes, data.value, key)
    )
    return scores


def _menu(terms: tuple[float, ...] = (0,) * 8, other: int = -1) -> Menu:
    others = np.asarray(np.arange(3) == other, np.float32)
    return Menu(np.asarray(terms, np.float32), others, np.zeros(0))


SELECTORS = {
    "flat": _menu(other=0),
    "random": _menu(other=1),
    "oracle": _menu(other=2),
    "uucb": _menu((1, 0.5, 0.3, 0.1, 0.05, 0, 0, 0)),
    "greedy": _menu((0, 0, 0, 0.1, 0.3, 1, 1, 0.5)),
    "no contrast": _menu((0, 0, 0, 0.1, 0.3, 0, 0, 0.5)),
    "no cost": _menu((0, 0, 0, 0, 0.3, 1, 1, 0.5)),
    "no depth": _menu((0, 0, 0, 0.1, 0, 1, 1, 0.5)),
}
"""Greedy: the gains in coverage, contrast and novelty, less cost and depth; then without some."""


def run(config: Config) -> dict[str, np.ndarray]:
    """Of each selector: successes, steps, depth, spread and parts along ∇p, by both rewards
    [selectors, X]; of each checkpoint F's terms and what an update brings [checkpoints, X].
    """
    key = cell_key(config)
    base = prompts_of(config.problems, config.junctions, LIMIT, config.seed)
    prompts, told = _copied(base, config.copies), []
    for chosen in SELECTORS.values():
        forest = _grown(prompts, menu, chosen._replace(value=prompts.value), key)
        told.append(_shares(prompts, forest))
    arrays = {name: np.stack([each[name] for each in told]) for name in told[0]}
    if config.learned:
        arrays |= _learned(config, prompts, key)
    points, later = [], base
    for number in range(config.checkpoints):
        later = _ascended(later, UPDATES if number else 0)
        here = _copied(later, config.copies)
        data = SELECTORS["greedy"]._replace(value=prompts.value)
        point = _point(here, _grown(here, menu, data, jax.random.fold_in(key, number)))
        points.append(point)
    return arrays | {name: np.stack([each[name] for each in points]) for name in points[0]}


def _copied(prompts: Prompts, copies: int) -> Prompts:
    """The same problems several times over."""
    return prompts._replace(
        goals=np.tile(prompts.goals, copies), success=np.tile(prompts.success, copies),
        gradient=np.tile(prompts.gradient, (copies, 1)),
        value=np.tile(prompts.value, (copies, 1, 1)),
    )  # fmt: skip


def _grown(prompts: Prompts, select: Selector, data: Any, key: Array) -> Forest:
    logits = np.log(prompts.p).astype(np.float32)
    return grow(TABULAR, logits, prompts.maze, key, LIMIT, BUDGET, select, data,
                goals=prompts.goals)  # fmt: skip


_LEAVES = jax.jit(leaves)


def _shares(prompts: Prompts, forest: Forest) -> dict[str, np.ndarray]:
    """What a forest spends, and what it says by either reward [X]."""
    slope = np.linalg.norm(prompts.gradient, axis=1)
    graded = _graded(prompts, forest)
    told = {
        "successes": np.asarray(forest.reached.sum(1)), "steps": np.asarray(forest.spent),
        "depth": np.asarray(forest.branch[:, FIRST:].mean(1)),
        "graded_spread": np.ptp(graded, axis=1) > 1e-6,
    }  # fmt: skip
    for name, reward in (("along", forest.reached), ("graded_along", graded)):
        # The rule reads outcomes as numbers.
        credit = np.asarray(_LEAVES(forest._replace(reached=jnp.asarray(reward, jnp.float32))))
        told[name] = (updates_of(prompts, forest, credit) * prompts.gradient).sum(1) / slope
    return told


def _graded(prompts: Prompts, forest: Forest) -> np.ndarray:
    """1 for the goal, and for the share of the way to it that was made good [X, N]."""
    head = np.append(np.asarray(prompts.maze.head), prompts.maze.start)
    end = head[np.asarray(forest.arc)[..., -1]]
    away: dict[int, np.ndarray] = {}
    for goal in np.unique(prompts.goals):
        found = shortest_paths(replace(prompts.maze, start=np.int32(goal))).distance
        away[int(goal)] = np.asarray([found[v] for v in range(prompts.maze.num_vertices)])
    rows = np.stack([away[int(goal)] for goal in prompts.goals])
    first = rows[:, int(prompts.maze.start)][:, None]
    left = np.where(forest.reached, 0, np.take_along_axis(rows, end, 1))
    return np.asarray(np.asarray(forest.reached) + GRADED * (first - left) / first)


def _ascended(prompts: Prompts, updates: int) -> Prompts:
    """After exact updates along the gradient of mean p."""
    p, logits = prompts.p, np.log(prompts.p)
    for _ in range(updates):
        slope = success_gradient(prompts.maze, p, LIMIT, prompts.goals).logits.mean(0)
        logits = logits + SIZE * slope / np.linalg.norm(slope)
        p = row_probabilities(prompts.maze, logits)
    exact = success_gradient(prompts.maze, p, LIMIT, prompts.goals)
    return prompts._replace(p=p, success=exact.success, gradient=exact.logits)


def _point(prompts: Prompts, forest: Forest) -> dict[str, np.ndarray]:
    """Terms of F, and what one tree's update brings its own problem, exactly [X]."""
    shown = seen(forest)
    update = updates_of(prompts, forest, np.asarray(_LEAVES(forest)))
    norm, slope = np.linalg.norm(update, axis=1), np.linalg.norm(prompts.gradient, axis=1)
    along = (update * prompts.gradient).sum(1) / slope
    step = update / np.maximum(norm, 1e-12)[:, None]
    moved = np.stack([row_probabilities(prompts.maze, each) for each in np.log(prompts.p) + step])
    after = np.minimum(arrival_law(prompts.maze, moved, LIMIT, prompts.goals).sum(1), 1.0)
    return {
        "coverage": shown.coverage, "novelty": shown.novelty, "contrast": shown.contrast,
        "wins": np.asarray(forest.reached.sum(1)), "part": along,
        "cosine": along / np.maximum(norm, 1e-12), "gain": after - prompts.success,
        "p": prompts.success,
    }  # fmt: skip


_LEARNED = Learned()


def _learned(config: Config, prompts: Prompts, key: Array) -> dict[str, np.ndarray]:
    """Successes of trees by a network fitted on another cave, and by one fitted to noise [2, X]."""
    other = prompts_of(config.problems, config.junctions, LIMIT, config.seed + 500)
    log = _copied(other, config.copies)
    data = SELECTORS["random"]._replace(value=log.value)
    features, flipped = _logged(log.maze, _grown(log, menu, data, key))
    draw = np.random.default_rng(config.seed)
    nets = [fit(features, paid, seeded_key(config.seed))
            for paid in (flipped, draw.permutation(flipped))]  # fmt: skip
    grown = [_grown(prompts, _LEARNED, net, key) for net in nets]
    return {"learned": np.stack([np.asarray(forest.reached.sum(1)) for forest in grown])}


@jax.jit
def _features(maze: Maze, forest: Forest, count: Array) -> Array:
    """Of the node at which leaf `count` was resumed, before it was [X, F]."""
    there = jnp.arange(forest.grown.shape[1]) < count
    nodes = nodes_of(forest._replace(grown=forest.grown & there[None]), maze)
    x = jnp.arange(len(forest.goal))
    return _LEARNED.features(nodes)[x, forest.parent[:, count], forest.branch[:, count]]


def _logged(maze: Maze, forest: Forest) -> tuple[np.ndarray, np.ndarray]:
    """Expansions of groups without spread: features [B, F], and whether they gave it one [B]."""
    rows, paid, reached = [], [], np.asarray(forest.reached)
    for count in range(FIRST, WALKS):
        before = reached[:, :count].sum(1)
        silent = (before == 0) | (before == count)
        rows.append(np.asarray(_features(maze, forest, jnp.int32(count)))[silent])
        paid.append((reached[:, count] != reached[:, 0])[silent])
    return np.concatenate(rows), np.concatenate(paid)


def table(records: list[Record]) -> Tables:
    """One row a selector and cave, one a checkpoint and cave; I7, I8, I9 and I13."""
    groups, proxies = [], []
    for record in records:
        arrays, seed = record.arrays, record.config["seed"]
        for s, name in enumerate(SELECTORS):
            wins = arrays["successes"][s]
            groups.append({
                "selector": name, "seed": seed, "mixed": mixed_share(wins, WALKS),
                "graded": float(arrays["graded_spread"][s].mean()),
                "steps": float(arrays["steps"][s].mean()),
                "depth": float(arrays["depth"][s].mean()),
                "along": float(arrays["along"][s].sum() / arrays["steps"][s].sum() * 1000),
                "graded_along": float(
                    arrays["graded_along"][s].sum() / arrays["steps"][s].sum() * 1000
                ),
            })  # fmt: skip
        for number, name in enumerate(("learned", "learned from noise")):
            if "learned" in arrays:
                mixed = mixed_share(arrays["learned"][number], WALKS)
                groups.append({"selector": name, "seed": seed, "mixed": mixed})
        for number in range(record.config["checkpoints"]):
            mine = {name: arrays[name][number] for name in POINT}
            proxies.append({"checkpoint": number, "seed": seed}
                           | tracks(mine, WALKS, record.config["copies"]))  # fmt: skip
    frames = {"tree_proxies": pd.DataFrame(groups), "tree_proxies_f": pd.DataFrame(proxies)}
    return Tables(frames, claims_of(*frames.values()))
