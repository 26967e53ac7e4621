"""Inference-time search: wrappers that turn a policy into a policy."""

from typing import Any

import jax.numpy as jnp

from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.contract import Policy, Walker

_MANY = 2**31 - 1


def no_repeat(policy: Policy) -> Policy:
    """Search that never repeats an arc while it can avoid it (Wei & Kim 2026, Cor. 1).

    Arcs already traversed in the episode are masked and the rest renormalised; where all are
    masked, the least-traversed are allowed. Only the policy's own moves are masked: to search at
    the fork as well, as the corollary does, build the maze with `fork="learned"`. Logits must be
    finite.
    """

    def bind(maze: World, params: Any) -> Walker:
        inner = policy.bind(maze, params)
        vertex = arrival_vertex(maze)
        first_arc = jnp.asarray(maze.first_arc)[vertex]
        degree = jnp.asarray(maze.degree)[vertex]
        ports = jnp.asarray(maze.ports)

        def logits(memory: tuple[Any, Array], arc: Array) -> tuple[Array, tuple[Any, Array]]:
            inside, traversed = memory
            begins = arc >= maze.num_arcs
            traversed = jnp.where(begins, 0, traversed.at[arc].add(1, mode="drop"))
            preference, inside = inner.logits(inside, arc)
            legal = ports < degree[arc]
            count = jnp.take(traversed, first_arc[arc] + ports, mode="clip")
            least = jnp.min(count, where=legal, initial=_MANY)
            allowed = legal & (count == least)
            return jnp.where(allowed, preference, -jnp.inf), (inside, traversed)

        return Walker((inner.memory, jnp.zeros(maze.num_arcs, jnp.int32)), logits)

    return Policy(bind, context=None)
