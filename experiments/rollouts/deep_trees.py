"""Greedy choice against two steps of lookahead, where the way to the first junction is long."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.seeds import CONFIRMING
from experiments.rollouts.deep_trees_claims import CLAIM_FAMILIES as CLAIM_FAMILIES
from experiments.rollouts.deep_trees_claims import claims_of
from mazerl import build, compile_maze
from mazerl.exact.pools import success_of
from mazerl.maze import Maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.walk.selectors import Lookahead
from mazerl.walk.trees import Budget, grow


@dataclass(frozen=True)
class Config:
    """A bush of junctions at the end of a passage, some goals in it, several trees of each."""

    length: int  # passages in a row before the first junction, of three vertices each
    problems: int = 40
    copies: int = 8
    seed: int = 0  # of maze, base model, goals and walks


LENGTHS = (0, 4, 12)
GRID = tuple(Config(length, seed=CONFIRMING + number) for length in LENGTHS for number in range(10))
QUICK = tuple(Config(0, seed=CONFIRMING + number) for number in range(3))
SMOKE = (Config(4, 20, 4, seed=0),)

WALKS, FIRST, STEPS_IN_BUSH, TURNING = 16, 8, 40, 0.002
"""Leaves and first walks; steps that are left at the first junction; chance to turn round."""

SELECT = Lookahead(tried=24)
WEIGHTS = np.asarray([1, 1, 0.5, 0.1, 0.3], np.float32)
"""Of the gains in coverage, contrast and novelty; of cost and depth."""

RULES = {
    "greedy": (WEIGHTS, np.float32(0)), "lookahead": (WEIGHTS, np.float32(1)),
    "deepest": (np.asarray([0, 0, 0, 0, -1], np.float32), np.float32(0)),
}  # fmt: skip


def run(config: Config) -> dict[str, np.ndarray]:
    """Successes, steps and mean depth of each rule's trees [rules, X]; exact p [X]."""
    maze = compile_maze(build("caves", junctions=12, fewest=3, most=3, passage=3,
                              spine=config.length, graph_seed=config.seed))  # fmt: skip
    limit = STEPS_IN_BUSH + 4 * config.length
    p = opinionated_rows(maze, TURNING, 1.0, config.seed)
    every = problems_of(maze, limit, every_goal(maze, limit))
    success = success_of(every, p)
    # Goals of the bush alone: what lies on the passage is nearly always met.
    here = np.flatnonzero((success > 1 / 256) & (success < 0.9))
    draw = np.random.default_rng(config.seed)
    drawn = np.sort(draw.choice(here, min(config.problems, len(here)), replace=False))
    goals = np.resize(every.goals[drawn], config.problems * config.copies)
    exact = np.resize(success[drawn], len(goals))
    told = [_grown(config, maze, p, limit, goals, rule) for rule in RULES.values()]
    return {name: np.stack([each[name] for each in told]) for name in told[0]} | {"success": exact}


def _grown(
    config: Config, maze: Maze, p: np.ndarray, limit: int, goals: np.ndarray,
    rule: tuple[np.ndarray, np.float32],
) -> dict[str, np.ndarray]:  # fmt: skip
    forest = grow(TABULAR, np.log(p).astype(np.float32), maze, cell_key(config), limit,
                  Budget(WALKS, FIRST), SELECT, rule, goals=goals)  # fmt: skip
    return {
        "successes": np.asarray(forest.reached.sum(1)), "steps": np.asarray(forest.spent),
        "first": np.asarray(forest.reached[:, :FIRST].sum(1)),
        "depth": np.asarray(forest.branch[:, FIRST:].mean(1)),
    }  # fmt: skip


def table(records: list[Record]) -> Tables:
    """One row a length, rule and maze; I12."""
    rows = []
    for record in records:
        seen, exact = record.arrays, record.arrays["success"]
        told = {"length": record.config["length"], "seed": record.config["seed"]}
        flat = float((1 - exact**WALKS - (1 - exact) ** WALKS).mean())
        begun = float((1 - exact**FIRST - (1 - exact) ** FIRST).mean())
        for r, rule in enumerate(RULES):
            wins = seen["successes"][r]
            rows.append(told | {
                "rule": rule, "mixed": float(((wins > 0) & (wins < WALKS)).mean()), "flat": flat,
                "first": begun, "steps": float(seen["steps"][r].mean()),
                "depth": float(seen["depth"][r].mean()), "trees": len(wins),
            })  # fmt: skip
    frame = pd.DataFrame(rows)
    return Tables({"deep_trees": frame}, claims_of(frame))
