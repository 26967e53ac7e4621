"""A transformer that sees the goal, on the world of `prompts_of`.

It adds to each token, the arrival arc of the maze itself, the parts of its goal's code; so
its weights are those of all problems of the maze, held-out ones too.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from mazerl.errors import MazerlError
from mazerl.maze import Array, World
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.transformer import (
    Decoder,
    Network,
    check_decoder,
    empty_cache,
    init_network,
    make_network,
    score_alone,
    score_next,
    score_sequence,
)


@lru_cache(maxsize=64)
def seeing(config: Decoder, heads: int = 1) -> Policy:
    """A transformer that sees the goal; its parameters are what `init_seeing` returns.

    Of its D·`heads` outputs the first D are logits of ports; what others are, their trainer knows.

    Raises:
        MazerlError: a size that no transformer can have; when walking, a world without goal codes.
    """
    check_decoder(config)
    context, outputs = config.context, seeing_outputs(config, heads)

    def bind(maze: World, params: Any) -> Walker:
        world = _required(maze)
        if context == 1:
            logits = outputs(world, params, jnp.arange(world.num_arrivals)[None])[0]
            logits = logits[:, : world.num_ports]
            return Walker((), lambda memory, arc: (logits[arc], memory))
        model = _network(config, world, params, heads)

        def step(memory: Any, arc: Array) -> tuple[Array, Any]:
            x = _embed(world, model, arc)
            every, memory = score_next(model, context, memory, x, arc >= world.num_arcs)
            return every[: world.num_ports], memory

        return Walker(empty_cache(config), step)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        return outputs(maze, params, arcs)[..., : maze.num_ports]

    return Policy(bind, context, score, config.legality == "learned")


def seeing_outputs(config: Decoder, heads: int) -> Callable[[World, Any, Array], Array]:
    """All outputs [B, T, D·heads] of such a transformer, after arrivals [B, T]."""
    context = config.context

    def outputs(maze: World, params: Any, arcs: Array) -> Array:
        world = _required(maze)
        model = _network(config, world, params, heads)
        x = _embed(world, model, arcs)
        if context == 1:
            return score_alone(model, x.reshape(-1, x.shape[-1])).reshape(*arcs.shape, -1)
        return jax.vmap(partial(score_sequence, model, context))(x, arcs >= world.num_arcs)

    return outputs


def init_seeing(config: Decoder, prompts: Prompts, key: Array, heads: int = 1) -> dict[str, Any]:
    """Random parameters for a maze and its codes, as nested dicts of float32 arrays."""
    check_decoder(config)
    return init_network(config, _num_tokens(prompts), prompts.num_ports * heads, key)


def _embed(world: Prompts, model: Network, arcs: Array) -> Array:
    """Embedded tokens [..., C] of arrivals [...]."""
    problem, arrival = _parts_of(world, arcs)
    own = world.own_arcs + 1
    told = model.embedding(own + jnp.asarray(world.code)).sum(1)
    return model.embedding(arrival) + told[problem]


def _network(config: Decoder, world: Prompts, params: Any, heads: int) -> Network:
    return make_network(config, _num_tokens(world), world.num_ports * heads, params)


def _num_tokens(world: Prompts) -> int:
    """Arrivals of the maze itself, and parts of codes."""
    return world.own_arcs + 1 + len(world.parts)


def _parts_of(world: Prompts, arcs: Array) -> tuple[Array, Array]:
    """Problem and arrival arc of the maze itself [...] of the world's arrivals [...]."""
    begins, own = arcs >= world.num_arcs, world.own_arcs
    return (
        jnp.where(begins, arcs - world.num_arcs, arcs // own),
        jnp.where(begins, own, arcs % own),
    )


def _required(world: World) -> Prompts:
    if not isinstance(world, Prompts):
        raise MazerlError("this policy sees the goal; let it walk on what prompts_of makes")
    return world
