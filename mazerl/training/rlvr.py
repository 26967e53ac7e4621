"""RLVR by exact policy gradient: ascent on the expected verifiable reward of an episode.

    reward  = arrival - penalty · steps              (1 on reaching the drawn goal, a cost per step)
    batch   = the task: nothing is sampled
    loss    = -E[reward] = penalty · H(policy) - arrival
    H       = exact, by the corridor's structured solver or by the chain algebra of any maze

The gradient is automatic differentiation of an exact H, which is the policy gradient of
`markov.policy_gradient` (tested to be equal).
"""

from typing import NamedTuple

import jax.numpy as jnp

from mazerl.exact.chain import plan_chain
from mazerl.exact.corridor import hitting_time
from mazerl.exact.markov import mean_hitting_time
from mazerl.maze import Array, Maze
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.training.method import Batch, Method, Metrics, the_task
from mazerl.training.objectives import expected_reward
from mazerl.walk.env import Reward


class CorridorTask(NamedTuple):
    """A corridor, but for its depth, and a reward."""

    width: float
    lanes: float
    arrival: float = 1.0
    penalty: float = 1e-3


def _corridor_loss(world: None, gaps: Array, batch: Batch) -> tuple[Array, Metrics]:
    del world
    task: CorridorTask = batch.shared
    time = hitting_time(gaps, task.width, task.lanes)
    return -expected_reward(time, task.arrival, task.penalty), {}


RLVR_FAMILIES = Method(the_task, _corridor_loss, exact=True)
"""Parameters: a corridor's gaps [4, K]. Task: a `CorridorTask`. One update costs O(K)."""


def rlvr_tabular(maze: Maze) -> Method:
    """Parameters: tabular logits [R] of this maze. Task: a `Reward`.

    The elimination of the maze's chain is compiled; that takes seconds at a hundred arcs and grows
    with the number of goals.
    """
    rows, plan = rows_of(maze), plan_chain(maze)

    def loss(world: None, logits: Array, batch: Batch) -> tuple[Array, Metrics]:
        del world
        reward: Reward = batch.shared
        probability = jnp.exp(row_log_softmax(logits, rows.arrival, maze.num_arcs + 1))
        time = mean_hitting_time(plan, probability)
        return -expected_reward(time, reward.arrival, reward.penalty), {}

    return Method(the_task, loss, exact=True)
