"""What the maze answers to a move, predicted: a loss that needs no reward, beside one that does.

    answer = what is said where a move led to: the degree of the vertex, a landmark, a dead end
    loss   = mean over the update's own moves of -log q(answer | walk so far, move)

It is of the walks that another method has collected, so that it comes for nothing, and is made to
stand beside it by `mixed.mixed`, with a small weight (ECHO's is 0.05; arXiv 2605.24517). Walks are
data to it: no gradient goes through where they lead.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, World
from mazerl.policy.answering import Answering
from mazerl.policy.scoring import is_decided
from mazerl.training.method import Batch, Method, Metrics
from mazerl.walk.rollouts import Walks


class _Samples(NamedTuple):
    """Whole walks."""

    arc: Array  # [N, T]
    port: Array  # [N, T]
    answer: Array  # [N, T] to the move
    decided: Array  # [N, T] 1 where the policy moved


def answers(world: World, answering: Answering) -> Method:
    """Predict answers to moves. Parameters: the policy's. Task: a table, see `require_table`."""
    return replace(_answers(answering), world=world)


def require_table(world: World, answering: Answering, table: np.ndarray) -> np.ndarray:
    """A table [arrivals] of what is answered to a move that leads to each arrival.

    Raises:
        MazerlError: it is of another world, or has answers that the head does not know.
    """
    table = np.asarray(table)
    if table.shape != (world.num_arrivals,):
        raise MazerlError(
            f"answers of shape {table.shape}; this world needs one for each of its "
            f"{world.num_arrivals} arrivals"
        )
    if table.min() < 0 or table.max() >= answering.answers:
        raise MazerlError(
            f"answers run from {table.min()} to {table.max()}, but the head knows "
            f"{answering.answers}; give numbers from 0, or a larger head"
        )
    return table.astype(np.int32)


@lru_cache
def _answers(answering: Answering) -> Method:
    def collect(
        world: World, task: Array, params: Any, walks: Walks, key: Array, share: Array
    ) -> Batch:
        del params, key, share
        arc = walks.arc[:, :-1]
        real = jnp.arange(arc.shape[1])[None, :] < walks.length[:, None]
        decided = (real & is_decided(world, arc)).astype(jnp.float32)
        answer = jnp.asarray(task)[walks.arc[:, 1:]]
        return Batch(_Samples(arc, walks.port, answer, decided), (), {})

    def loss(world: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        moves: _Samples = batch.samples
        log_q = jax.nn.log_softmax(answering.logits(world, params, moves.arc))
        port = jnp.minimum(moves.port, log_q.shape[-2] - 1)[..., None, None]
        of_port = jnp.take_along_axis(log_q, port, axis=-2)[..., 0, :]
        told = jnp.take_along_axis(of_port, moves.answer[..., None], axis=-1)[..., 0]
        total = jnp.maximum(jnp.sum(moves.decided), 1)
        return -jnp.sum(moves.decided * told) / total, {}

    return Method(collect, loss)
