"""A transformer that reads its maze in a prompt (`mazerl.maze.told`) and says where it goes.

    edge {u, v}   … one token an edge, the sum of its ends' embeddings and that of "edge"
    goal g        its name's embedding and that of "goal"
    v₀ v₁ v₂ …    the walk, the start first; after each, logits over the next name

Weights are those of all mazes whose names are known. Every token attends to all before it. The
step-by-step form reads everything anew at each step: prompts are short, and no walker has to carry
what its maze's prompt left behind.
"""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.maze.told import Told
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.transformer import (
    Decoder,
    Network,
    check_decoder,
    init_network,
    make_network,
    score_sequence,
)

_ROLES = 2  # of an edge, of the goal; names have none where they are walked


@lru_cache(maxsize=64)
def in_context(config: Decoder) -> Policy:
    """A policy that reads its prompt; its parameters are what `init_in_context` returns.

    `config.context` is the number of arrivals that it remembers beside the prompt.

    Raises:
        MazerlError: a size that no transformer can have; when walking, a world without prompts;
            when scoring, walks longer than it remembers.
    """
    check_decoder(config)

    def logits(world: Told, model: Network, maze: Array, arcs: Array) -> Array:
        """Of one walk: logits [T, D] after arrivals [T] in a maze []."""
        x = jnp.concatenate([_prompt(world, model, maze), model.embedding(_said(world, arcs))])
        begins = jnp.zeros(len(x), bool)
        return score_sequence(model, len(x), x, begins)[-len(arcs) :]

    def bind(maze: World, params: Any) -> Walker:
        world, last = _required(maze), config.context - 1
        model = _network(config, world, params)

        def step(memory: tuple[Array, Array], arc: Array) -> tuple[Array, tuple[Array, Array]]:
            seen, age = memory
            age = jnp.where(arc >= world.num_arcs, 0, age)
            seen = jnp.where(age > last, jnp.roll(seen, -1), seen)
            at = jnp.minimum(age, last)
            seen = seen.at[at].set(arc)
            return logits(world, model, _maze_of(world, arc), seen)[at], (seen, age + 1)

        return Walker((jnp.zeros(config.context, jnp.int32), jnp.int32(0)), step)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        world = _required(maze)
        if arcs.shape[1] > config.context:
            raise MazerlError(
                f"walks of {arcs.shape[1]} steps, but the policy remembers {config.context}; raise "
                "its context"
            )
        model = _network(config, world, params)
        return jax.vmap(partial(logits, world, model))(_maze_of(world, arcs[:, 0]), arcs)

    return Policy(bind, None, score)


def init_in_context(config: Decoder, num_names: int, key: Array) -> dict[str, Any]:
    """Random parameters for all mazes of so many names, as nested dicts of float32 arrays."""
    check_decoder(config)
    names = require_whole("num_names", num_names)
    return init_network(config, names + 1 + _ROLES, names, key)


def _network(config: Decoder, world: Told, params: Any) -> Network:
    return make_network(config, world.num_ports + 1 + _ROLES, world.num_ports, params)


def _prompt(world: Told, model: Network, maze: Array) -> Array:
    """Embedded edges and goal [E+1, C] of a maze []."""
    roles = model.embedding(world.num_ports + 1 + jnp.arange(_ROLES))
    edges = model.embedding(jnp.asarray(world.edges)[maze]).sum(1) + roles[:1]
    goal = model.embedding(jnp.asarray(world.told_goal)[maze][None]) + roles[1:]
    return jnp.concatenate([edges, goal])


def _said(world: Told, arcs: Array) -> Array:
    """Names [...] of the vertices that arrivals [...] lead to."""
    vertex = jnp.append(world.head, world.start)[arcs]
    return jnp.asarray(world.name)[vertex]


def _maze_of(world: Told, arcs: Array) -> Array:
    """The mazes [...] of arrivals [...]."""
    begins = arcs >= world.num_arcs
    return jnp.where(begins, arcs - world.num_arcs, arcs // world.own_arcs)


def _required(world: World) -> Told:
    if not isinstance(world, Told):
        raise MazerlError("this policy reads a prompt; let it walk on what tell makes")
    return world
