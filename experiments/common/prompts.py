"""Problems of one cave that studies of rollouts share, with all that is exact about them."""

from typing import NamedTuple

import numpy as np

from mazerl import build, compile_maze
from mazerl.exact.horizon import follow, success_gradient
from mazerl.exact.pools import success_of
from mazerl.maze import Maze
from mazerl.maze.problems import every_goal, problems_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.rows import Rows, rows_of
from mazerl.walk.nodes import Forest


class Prompts(NamedTuple):
    """Goals of one cave for one base model that is blind to them."""

    maze: Maze
    rows: Rows
    p: np.ndarray  # [R]
    goals: np.ndarray  # [X]
    success: np.ndarray  # [X]
    gradient: np.ndarray  # [X, R] of success, by logits
    value: np.ndarray  # [X, T+1, A+1] V by the steps left


def prompts_of(count: int, junctions: int, limit: int, seed: int) -> Prompts:
    """Goals with p from 1/256 to 255/256, as they come; cave, base model and goals by the seed."""
    # All junctions have as many ways, so that caves are of one shape.
    maze = compile_maze(build("caves", junctions=junctions, fewest=3, most=3, passage=3, spine=3,
                              graph_seed=seed))  # fmt: skip
    draw = np.random.default_rng(seed)
    p = opinionated_rows(maze, 0.02, 1.0, seed)
    every = problems_of(maze, limit, every_goal(maze, limit))
    success = success_of(every, p)
    open_ones = every.goals[(success > 1 / 256) & (success < 255 / 256)]
    goals = np.sort(draw.choice(open_ones, min(count, len(open_ones)), replace=False))
    exact = success_gradient(maze, p, limit, goals)
    value = [follow(maze, p, limit, int(goal)).to_go.astype(np.float32) for goal in goals]
    return Prompts(maze, rows_of(maze), p, goals, exact.success, exact.logits, np.stack(value))


def updates_of(prompts: Prompts, forest: Forest, credit: np.ndarray) -> np.ndarray:
    """Σ credit ∇log π over own steps, by a problem's leaves [X, R]; no vertex is chance's."""
    count, size = len(prompts.goals), prompts.rows.size
    x, leaf, t = np.nonzero(credit)
    entry = prompts.rows.start[np.asarray(forest.arc)[x, leaf, t]]
    entry = entry + np.asarray(forest.port)[x, leaf, t]
    taken = np.bincount(x * size + entry, credit[x, leaf, t], count * size).reshape(count, size)
    visits = np.add.reduceat(taken, prompts.rows.start[:-1], axis=1)
    update = taken - prompts.p * visits[:, prompts.rows.arrival]
    return update / np.asarray(forest.grown.sum(1))[:, None]
