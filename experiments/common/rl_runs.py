"""Pools with goals that the policy sees, and what PPO and GRPO with free rows make of a base."""

from dataclasses import replace
from typing import Literal, NamedTuple

import jax
import networkx as nx
import numpy as np

from mazerl import build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze import Maze
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows, turn_at_junctions
from mazerl.policy.extraction import extract_rows, row_logits
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.tabular import TABULAR
from mazerl.topology import Graph
from mazerl.training import Method, Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.walk.env import Reward

Learner = Literal["grpo", "ppo"]

LIMITS = {"tree": 24, "regular": 15}
"""T of a kind of pool."""

_JUNCTIONS, _PORTS, _TURNING = 16, 4, 0.02
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
    limit: int  # T

    @property
    def prompts(self) -> Prompts:
        """As a world."""
        return prompts_of(problems_of(self.maze, self.limit))

    def success(self, rows: np.ndarray) -> float:
        """Mean p."""
        return float(arrival_law(self.maze, rows, self.limit).sum(1).mean())


def pool_of(kind: str, problems: int, seed: int) -> Pool:
    """Draw a maze, a base with opinions at junctions, and so many goals.

    Kinds: a *tree*, whose goals are leaves; a *regular* random graph, in which several ways lead to
    a goal. Junctions have four ports, turns are at junctions and dead ends, and pools of a kind are
    of one shape, so that their runs share a compilation.
    """
    draw = np.random.default_rng(seed)
    if kind == "tree":
        maze = compile_maze(_tree(draw))
        goals = np.asarray(maze.goals)
    else:
        maze = compile_maze(build("random_regular", vertices=36, degree=4, graph_seed=seed))
        goals = np.setdiff1d(np.arange(maze.num_vertices), [int(maze.start)])
    chosen = np.sort(draw.choice(goals, problems, replace=False))
    maze = replace(maze, goals=chosen.astype(np.asarray(maze.goals).dtype))
    rows = turn_at_junctions(maze, opinionated_rows(maze, _TURNING, 1.0, seed))
    return Pool(maze, np.tile(rows, (problems, 1)), LIMITS[kind])


def _tree(draw: np.random.Generator) -> Graph:
    """A tree whose junctions have four ports each, grown at leaves drawn at random."""
    graph: Graph = nx.MultiGraph(start=0)
    leaves = [0]
    for _ in range(_JUNCTIONS):
        here = leaves.pop(int(draw.integers(len(leaves))))
        for _ in range(_PORTS - graph.degree(here) if here in graph else _PORTS):
            leaves.append(max(graph, default=0) + 1)
            graph.add_edge(here, leaves[-1])
    graph.graph["goals"] = leaves
    return graph


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
