"""Tabular policies: one row of port logits per arrival arc, in the layout of `rows`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.contract import Memory, Policy, Scores, Walker
from mazerl.policy.sampling import multiply_high


def _bind_uniform(maze: World, params: Any) -> Walker:
    del params
    arrival_degree = jnp.asarray(maze.degree)[arrival_vertex(maze)]
    logits = jnp.zeros(maze.num_ports)
    return Walker(
        memory=(),
        logits=lambda memory, arc: (logits, memory),
        draw=lambda memory, arc, bits: (multiply_high(bits, arrival_degree[arc]), memory),
    )


def _bind_tabular(maze: World, logits: Array) -> Walker:
    vertex = arrival_vertex(maze)
    length = jnp.where(jnp.asarray(maze.chance)[vertex], 0, jnp.asarray(maze.degree)[vertex])
    start = jnp.cumsum(length) - length
    ports = jnp.asarray(maze.ports)

    def row(memory: Memory, arc: Array) -> tuple[Array, Memory]:
        # Entries past the end of a short row belong to other rows; they are masked as illegal.
        return jnp.take(logits, start[arc] + ports, mode="clip"), memory

    return Walker(memory=(), logits=row)


def _score_tabular(maze: World, logits: Array, arcs: Array) -> Scores:
    row = _bind_tabular(maze, logits).logits
    flat = jax.vmap(lambda arc: row((), arc)[0])(arcs.reshape(-1))
    return Scores(flat.reshape(*arcs.shape, -1), jnp.zeros(arcs.shape))


class ActorCritic(NamedTuple):
    """Parameters of `TABULAR_CRITIC`: a tabular policy and one value per arrival arc."""

    policy: Array  # [R]
    value: Array  # [A+M]


def _score_critic(maze: World, params: ActorCritic, arcs: Array) -> Scores:
    return Scores(_score_tabular(maze, params.policy, arcs).logits, params.value[arcs])


UNIFORM = Policy(_bind_uniform)
"""The uniform random walk, the base model; its parameters are ignored."""


TABULAR = Policy(_bind_tabular, score=_score_tabular)
"""One free row per arrival arc; the parameters are the flat logits [R] that `rows_of` lays out."""


TABULAR_CRITIC = Policy(
    lambda maze, params: _bind_tabular(maze, params.policy), score=_score_critic
)
"""`TABULAR` with values; the parameters are an `ActorCritic`."""
