"""A policy's one-step form, along given arrivals."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array, World
from mazerl.policy.contract import Policy


def step_by_step(policy: Policy, maze: World, params: Any, arcs: Array) -> np.ndarray:
    """Logits [B, T, D] by the cached form."""

    def walk(sequence: jax.Array) -> jax.Array:
        walker = policy.bind(maze, params)

        def body(memory: Any, arc: jax.Array) -> tuple[Any, jax.Array]:
            logits, memory = walker.logits(memory, arc)
            return memory, logits

        return jax.lax.scan(body, walker.memory, sequence)[1]

    return np.asarray(jax.jit(jax.vmap(walk))(jnp.asarray(arcs)))
