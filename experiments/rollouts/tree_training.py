"""I14: training on trees of walks beside flat groups, at equal steps of the environment."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.oracles import most_open, values_of
from experiments.common.seeds import CONFIRMING
from experiments.rollouts.tree_training_claims import FAMILIES, claims_of
from mazerl import build, compile_maze
from mazerl.exact.pools import success_of
from mazerl.maze import Array, World
from mazerl.maze.problems import ProblemSet, every_goal, problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training import Method, Training, TrainingStoppedError, Watch, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.training.tree import Informed, Trees, TreeTask, tree
from mazerl.walk.env import Reward
from mazerl.walk.nodes import Forest, Nodes
from mazerl.walk.selectors import UUCB, Weighted, evenly, uucb_weights, whole

CLAIM_FAMILIES = FAMILIES


@dataclass(frozen=True)
class Config:
    """A way to spend steps, on a pool of a cave and a base model drawn by the seed."""

    method: str  # of `RATES`
    seed: int
    rate: float
    steps: int = 1_000_000  # of the environment
    problems: int = 24


COMMON = 0.1
"""A rate at which nothing loses a goal."""

# The best of 0.025 · 2^k up to 1.6, for PPO from 0.00625, by the mean p over the budget on four
# development pools.
RATES = {
    "flat": 0.8, "few": 0.4, "dynamic": 0.8, "fixed": 0.4, "uucb": 0.4, "oracle": 0.4, "ppo": 0.025,
    "others": COMMON,
}  # fmt: skip

GRID = tuple(
    Config(method, CONFIRMING + n, rate)
    for n in range(12)
    for method in RATES
    for rate in sorted({COMMON, RATES[method]})
)
QUICK = tuple(
    cell
    for cell in GRID
    if cell.seed < CONFIRMING + 2
    and cell.rate == COMMON
    and cell.method in ("flat", "few", "fixed", "others")
)
SMOKE = (
    Config("flat", 12, COMMON, 600_000),
    Config("fixed", 12, COMMON, 600_000),
    Config("few", 12, COMMON, 600_000),
    Config("others", 12, COMMON, 200_000),
)

LIMIT, GROUPS, WALKS, FEW, FIRST = 60, 24, 16, 12, 8
"""T; groups or trees an update; walks of one, of a flat one that costs what a tree does, and of a
tree's whole ones."""

SIZES = Trees(GROUPS, WALKS, FIRST, limit=LIMIT)
_FLAT = GRPOTask(Reward(1.0, 0.0))


def _fixed(nodes: Nodes) -> Array:
    return evenly(nodes, FIRST, jnp.zeros(()))


def _whole(nodes: Nodes) -> Array:
    return whole(nodes, None, jnp.zeros(()))


# One selector for all but the oracle, so that they share a compilation. The last of its weights is
# whether a tree is told the outcomes of another.
_TERMS = (*UUCB.terms, _fixed, _whole)
_BY_WEIGHTS = Informed(Weighted(_TERMS), lambda world, task, params: task.weights[: len(_TERMS)])
_FIXED = np.eye(8, dtype=np.float32)[5]
_WEIGHTS = {
    "uucb": np.append(uucb_weights(), [0, 0, 0]).astype(np.float32),
    "fixed": _FIXED,
    "flat": np.eye(8, dtype=np.float32)[6],
    "others": _FIXED + np.eye(8, dtype=np.float32)[7],
}


def _values(world: World, task: TreeTask, params: Any) -> Array:
    del task
    return values_of(cast(Prompts, world), params, LIMIT)


_ORACLE = Informed(most_open, _values)


def method_of(name: str, world: Prompts) -> tuple[Method, Any]:
    """A way to spend steps, and its task; the reward is for arriving alone."""
    if name in ("few", "dynamic"):
        keep: Any = {"keep": "mixed", "draws": 4} if name == "dynamic" else {}
        group = FEW if name == "few" else WALKS
        return grpo(world, TABULAR, Groups(GROUPS, group, LIMIT, **keep)), _FLAT
    if name == "ppo":
        return ppo(world, TABULAR, Sizes()), PPOTask(reward=Reward(1.0, 0.0), limit=LIMIT)
    if name == "oracle":
        return tree(world, TABULAR, replace(SIZES, selector=_ORACLE)), TreeTask()
    method = tree(world, TABULAR, replace(SIZES, selector=_BY_WEIGHTS))
    return replace(method, walk=_may_exchange(method.walk)), TreeTask(weights=_WEIGHTS[name])


@lru_cache
def _may_exchange(walk: Callable[..., tuple[Forest, Any]]) -> Callable[..., tuple[Forest, Any]]:
    """Walks of which a tree is told the outcomes of the one before, where the task asks for it."""

    def walked(world: World, task: TreeTask, params: Any, state: Any, key: Array
               ) -> tuple[Forest, Any]:  # fmt: skip
        forest, state = walk(world, task, params, state, key)
        others = jnp.roll(forest.reached, 1, axis=0)
        reached = jnp.where(task.weights[-1] > 0, others, forest.reached)
        return forest._replace(reached=reached), state

    return walked


class Pool(NamedTuple):
    """Problems that the policy sees, and free rows [R] to begin with."""

    asked: ProblemSet
    base: np.ndarray


def pool_of(seed: int, count: int) -> Pool:
    """Goals with p from 1/256 to 255/256, as they come; cave, base and goals by the seed."""
    maze = compile_maze(build("caves", junctions=40, fewest=3, most=3, passage=3, spine=3,
                              graph_seed=seed))  # fmt: skip
    base = opinionated_rows(maze, 0.02, 1.0, seed)
    every = problems_of(maze, LIMIT, every_goal(maze, LIMIT))
    success = success_of(every, base)
    within = np.flatnonzero((success > 1 / 256) & (success < 255 / 256))
    drawn = np.random.default_rng(seed).permutation(within)[:count]
    return Pool(every.take(np.sort(drawn)), base)


def run(config: Config) -> dict[str, np.ndarray]:
    """Steps walked after each update [U+1], which of them are judged, and exact mean p of those.

    At the end exact p of each problem [X]; beside it the share of mixed groups of each update [U].
    """
    pool = pool_of(config.seed, config.problems)
    world = prompts_of(pool.asked)
    method, task = method_of(config.method, world)
    start = join_rows(world, np.log(pool.base)).astype(np.float32)
    spent, told, mixed = [0.0], [start], []

    def tell(done: int, metrics: dict[str, np.ndarray], params: Any) -> None:
        del done
        spent.append(spent[-1] + float(metrics.get("steps", Sizes().walkers * Sizes().horizon)))
        told.append(np.asarray(params))
        mixed.append(float(metrics.get("mixed", 1 - metrics.get("collapsed", np.nan))))

    training = Training(100_000, "adam", config.rate, record_every=1, max_norm=0.5, kl_stop=0.05)
    watch = Watch(tell, stop=lambda: spent[-1] >= config.steps)
    with suppress(TrainingStoppedError):
        train(method, task, start, training, cell_key(config), watch=watch)
    # Every update is judged in the first half of the budget, then every third, and the last.
    n = np.arange(len(told))
    judged = (np.asarray(spent) < config.steps / 2) | (n % 3 == 0) | (n == n[-1])
    every = np.stack([_success(pool, world, told[update]) for update in n[judged]])
    return {
        "steps": np.asarray(spent), "judged": judged, "success": every.mean(1), "last": every[-1],
        "mixed": np.asarray(mixed),
    }  # fmt: skip


def _success(pool: Pool, world: Prompts, params: Any) -> np.ndarray:
    """Exact p of each problem [X]."""
    return success_of(pool.asked, separate_rows(world, extract_rows(TABULAR, world, params)))


POINTS, TARGET, EARLY = 60, 0.9, 4
"""Places of a curve; the mean p to be met; updates in which mixed groups are counted, while little
has been learned."""


def table(records: list[Record]) -> Tables:
    """One row a run; mean curves over pools by method and rate; I14."""
    runs = pd.DataFrame([_row(record) for record in records])
    curves = pd.DataFrame([row for record in records for row in _curve(record)])
    by = ["method", "rate", "steps"]
    mean = curves.groupby(by)["success"].agg(["mean", "std", "count"]).reset_index()
    return Tables({"tree_training": runs, "tree_training_curves": mean}, claims_of(runs, COMMON))


def _row(record: Record) -> dict[str, object]:
    """Mean p over the budget and at its end, steps to the target: the budget if it is not met."""
    config, arrays = record.config, record.arrays
    budget, success = config["steps"], arrays["success"]
    every = arrays["steps"]
    steps = every[arrays["judged"]]
    places = np.linspace(0, budget, POINTS + 1)
    curve = np.interp(places, steps, success)
    above = np.flatnonzero((success >= TARGET) & (steps <= budget))
    needed = float(budget)
    if len(above):
        n = int(above[0])
        needed = float(np.interp(TARGET, success[n - 1 : n + 1], steps[n - 1 : n + 1]))
    return {
        "method": config["method"], "seed": config["seed"], "rate": config["rate"],
        "before": float(success[0]), "mean": float(curve.mean()), "end": float(curve[-1]),
        "needed": needed, "met": bool(len(above)), "lost": int((arrays["last"] < 0.5).sum()),
        "problems": len(arrays["last"]), "updates": int((every[1:] <= budget).sum()),
        "walked": float(every[-1]), "mixed": float(arrays["mixed"][:EARLY].mean()),
    }  # fmt: skip


def _curve(record: Record) -> list[dict[str, object]]:
    places = np.linspace(0, record.config["steps"], POINTS + 1)
    arrays = record.arrays
    success = np.interp(places, arrays["steps"][arrays["judged"]], arrays["success"])
    named = {"method": record.config["method"], "rate": record.config["rate"]}
    return [named | {"steps": x, "success": p} for x, p in zip(places, success, strict=True)]
