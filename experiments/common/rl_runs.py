"""Pools with goals that the policy sees, and what PPO and GRPO with free rows make of a base."""

from dataclasses import replace
from typing import Literal, NamedTuple

import jax
import numpy as np

from mazerl import build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows, turn_at_junctions
from mazerl.policy.extraction import extract_rows, row_logits
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.tabular import TABULAR
from mazerl.training import Method, Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.walk.env import Reward

Learner = Literal["grpo", "ppo"]

LEAST = 1 / 128
"""p of the base on each goal, at least: what it never reaches teaches nothing."""

_TURNING, _FARTHEST = 0.02, 3
_GROUP, _PER_GOAL = 16, 2
# Rates that reach a mean p of 0.99 on development pools.
_TRAINING: dict[Learner, Training] = {
    "grpo": Training(60, "adam", 0.2, record_every=60, max_norm=0.5, kl_stop=0.05),
    "ppo": Training(40, "adam", 0.05, record_every=40, max_norm=0.5, kl_stop=0.02),
}


class Pool(NamedTuple):
    """X goals of one maze that the policy sees, and a base model."""

    maze: Maze
    base: np.ndarray  # [X, R]
    limit: int  # three times the way to the farthest goal

    @property
    def prompts(self) -> Prompts:
        """As a world."""
        return prompts_of(problems_of(self.maze, self.limit))

    def success(self, rows: np.ndarray) -> float:
        """Mean p."""
        return float(arrival_law(self.maze, rows, self.limit).sum(1).mean())


def pool_of(kind: str, problems: int, seed: int) -> Pool:
    """Draw a maze, a base with opinions at junctions, and up to so many goals.

    Kinds: a *tree* of caves; a *regular* random graph, in which several ways lead to a goal. Turns
    are at junctions.
    """
    if kind == "tree":
        graph = build("caves", junctions=16, most=6, passage=1, graph_seed=seed)
    else:
        graph = build("random_regular", vertices=48, degree=4, graph_seed=seed)
    whole = compile_maze(graph)
    goals = np.flatnonzero(np.arange(whole.num_vertices) != int(whole.start))
    if kind == "tree":
        goals = np.asarray(whole.goals)
    distance = shortest_paths(whole).distance
    limit = _FARTHEST * round(max(distance[int(goal)] for goal in goals))
    rows = turn_at_junctions(whole, opinionated_rows(whole, _TURNING, 1.0, seed))
    success = arrival_law(whole, rows, limit, goals).sum(1)
    within = np.random.default_rng(seed).permutation(goals[success >= LEAST])
    chosen = np.sort(within[:problems])
    maze = replace(whole, goals=chosen.astype(np.asarray(whole.goals).dtype))
    return Pool(maze, np.tile(rows, (len(chosen), 1)), limit)


def learned(pool: Pool, learner: Learner, key: jax.Array) -> np.ndarray:
    """Rows [X, R] of a run that began with the base; the reward is for arriving alone."""
    world = pool.prompts
    start = join_rows(world, row_logits(pool.base)).astype(np.float32)
    method, task = _method(world, learner, pool.limit)
    params = train(method, task, start, _TRAINING[learner], key).params
    return separate_rows(world, extract_rows(TABULAR, world, params))


def _method(world: Prompts, learner: Learner, limit: int) -> tuple[Method, GRPOTask | PPOTask]:
    reward = Reward(1.0, 0.0)
    if learner == "ppo":
        return ppo(world, TABULAR, Sizes()), PPOTask(reward=reward, limit=limit)
    sizes = Groups(_PER_GOAL * world.num_mazes, _GROUP, limit)
    return grpo(world, TABULAR, sizes), GRPOTask(reward)
