"""Tabular policies: one row of port logits per arrival arc, in the layout of `rows`."""

from typing import Any

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.contract import Memory, Policy, Walker
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


def _score_tabular(maze: World, logits: Array, arcs: Array) -> Array:
    row = _bind_tabular(maze, logits).logits
    flat = jax.vmap(lambda arc: row((), arc)[0])(arcs.reshape(-1))
    return flat.reshape(*arcs.shape, -1)


UNIFORM = Policy(_bind_uniform)
"""The uniform random walk, the base model; its parameters are ignored."""


TABULAR = Policy(_bind_tabular, score=_score_tabular)
"""One free row per arrival arc; the parameters are the flat logits [R] that `rows_of` lays out."""
