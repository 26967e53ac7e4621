"""RLVR by exact policy gradient: ascent on the expected verifiable reward of an episode.

    reward  = arrival - penalty · steps              (1 on reaching the drawn goal, a cost per step)
    loss    = -E[reward] = penalty · H(policy) - arrival
    H       = exact, by the corridor's structured solver or by the chain algebra of any maze

The gradient is automatic differentiation of an exact H, which is the policy gradient of
`markov.policy_gradient` (tested to be equal).
"""

import jax.numpy as jnp

from mazerl.corridor import log_hitting_time
from mazerl.env import Reward
from mazerl.markov import mean_hitting_time, plan_chain
from mazerl.maze import Array, Maze
from mazerl.objectives import expected_reward
from mazerl.policy import row_log_softmax, rows_of
from mazerl.train.loop import Batch, Method


def corridor_rlvr(width: int, lanes: int, reward: Reward) -> Method:
    """Train the family policy's gaps [4, K] on a corridor; one update costs O(K)."""

    def loss(gaps: Array, batch: Batch) -> Array:
        del batch
        time = jnp.exp(log_hitting_time(gaps, width, lanes))
        return -expected_reward(time, reward.arrival, reward.penalty)

    return Method(collect=lambda params, key: (), loss=loss, exact=True)


def chain_rlvr(maze: Maze, reward: Reward) -> Method:
    """Train tabular logits [R] on any maze that is small enough to compile its elimination."""
    rows, plan = rows_of(maze), plan_chain(maze)

    def loss(logits: Array, batch: Batch) -> Array:
        del batch
        probability = jnp.exp(row_log_softmax(logits, rows.arrival, maze.num_arcs + 1))
        time = mean_hitting_time(plan, probability)
        return -expected_reward(time, reward.arrival, reward.penalty)

    return Method(collect=lambda params, key: (), loss=loss, exact=True)
