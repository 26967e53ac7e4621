"""What an oracle is told: exact values of the policy that walks now, inside jit."""

from typing import Any

import jax
import jax.numpy as jnp

from mazerl.maze import Array
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import require_trainable
from mazerl.policy.scoring import port_log_probabilities
from mazerl.policy.tabular import TABULAR
from mazerl.walk.env import choices_of
from mazerl.walk.nodes import Nodes


def values_of(world: Prompts, params: Array, limit: int) -> Array:
    """V [T+1, arrivals] by the steps left: the chance of free rows to arrive within them."""
    score = require_trainable(TABULAR)
    arrivals, choices = jnp.arange(world.num_arrivals), choices_of(world)
    log_p = port_log_probabilities(world, score(world, params, arrivals[None]), arrivals[None])
    port = jnp.arange(world.num_ports)[None]
    arc = jnp.minimum(choices.first_arc[:, None] + port, world.num_arcs - 1)
    problem = jnp.where(
        arrivals < world.num_arcs, arrivals // world.own_arcs, arrivals - world.num_arcs
    )
    arrived = jnp.asarray(world.head)[arc] == jnp.asarray(world.goals)[problem][:, None]
    p = jnp.exp(log_p[0])

    def back(value: Array, _: None) -> tuple[Array, Array]:
        before = jnp.sum(p * jnp.where(arrived, 1.0, value[arc]), 1)
        return before, before

    none = jnp.zeros(world.num_arrivals)
    return jnp.concatenate([none[None], jax.lax.scan(back, none, None, length=limit)[1]])


def most_open(nodes: Nodes, data: Any, key: Array) -> Array:
    """V(1-V), told V of `values_of`: where the next outcome is most open."""
    del key
    value = data[jnp.broadcast_to(nodes.left, nodes.arc.shape), nodes.arc]
    return value * (1 - value)
