"""What a policy says of moves made: log-probabilities and entropies."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.contract import Policy, require_trainable


def legal_ports(maze: World, arcs: Array) -> Array:
    """Which ports exist after each arrival arc [..., D] bool."""
    degree = jnp.asarray(maze.degree)[arrival_vertex(maze)][arcs]
    ports = jnp.asarray(maze.ports).reshape((1,) * degree.ndim + (-1,))
    return ports < degree[..., None]


def port_log_probabilities(maze: World, logits: Array, arcs: Array) -> Array:
    """Log-probabilities [..., D] after arrival arcs [...]; -inf at ports that do not exist."""
    return jax.nn.log_softmax(jnp.where(legal_ports(maze, arcs), logits, -jnp.inf))


def move_log_probability(log_p: Array, port: Array, decided: Array | float) -> Array:
    """Of ports taken [...], given log_p [..., D]; 0 where the policy did not move."""
    port = jnp.minimum(port, log_p.shape[-1] - 1)  # chance may have more ports
    taken = jnp.take_along_axis(log_p, port[..., None], axis=-1)[..., 0]
    return jnp.where(decided > 0, taken, 0.0)


class Judged(NamedTuple):
    """What a policy says of moves made, of any one shape [...]."""

    log_probability: Array  # of the port; 0 where the policy did not move
    entropy: Array  # of the distribution over ports, nats


def judge(policy: Policy, maze: World, params: Any, arcs: Array, ports: Array) -> Judged:
    """Judge moves: ports [B, T] taken after arrival arcs [B, T].

    Where the arrival arc says all and there are more moves than arcs, every arc is scored once.

    Raises:
        MazerlError: the policy has no whole-sequence form.
    """
    score = require_trainable(policy)
    once = policy.markov and maze.num_arrivals <= arcs.size
    scored = jnp.arange(maze.num_arrivals)[None] if once else arcs
    log_p = port_log_probabilities(maze, score(maze, params, scored), scored)
    finite = jnp.where(jnp.isfinite(log_p), log_p, 0.0)
    entropy = -jnp.sum(jnp.exp(log_p) * finite, -1)
    if once:
        # One scalar a move is gathered instead of a row.
        width = maze.num_ports
        entry = arcs * width + jnp.minimum(ports, width - 1)
        taken, entropy = finite.reshape(-1)[entry], entropy[0][arcs]
    else:
        taken = move_log_probability(finite, ports, 1.0)
    return Judged(jnp.where(is_decided(maze, arcs), taken, 0.0), entropy)


def is_decided(maze: World, arcs: Array) -> Array:
    """Whether the policy moves after each arrival arc, rather than chance."""
    return ~jnp.asarray(maze.chance)[arrival_vertex(maze)][arcs]
