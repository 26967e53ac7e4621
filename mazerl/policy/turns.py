"""A policy that sees turns instead of places, so that it can walk on mazes of any size.

A token is the turn just made and the degree of the vertex it led to. Ports are counted from the one
that leads back: turn 0 goes back, turn q takes the q-th port after it. Where the environment moved,
or the walk begins, there was no turn; where it begins ports are counted from the first. Nothing
tells vertices apart that look alike, and weights that fit one maze fit all whose vertices, where
the policy moves, have no more than `max_degree` ports.

A policy that reads a few turns walks a Markov chain all the same, over arrivals and the turns
before them; `mazerl.exact.turn_chain` solves it exactly.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World, arrival_vertex
from mazerl.policy.contract import Policy, Walker
from mazerl.policy.transformer import (
    Cache,
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


class Compass(NamedTuple):
    """What turns are counted by."""

    vertex: Array  # [A+M] that an arrival leads to
    back: Array  # [A+M] its port that leads back; 0 where a walk begins
    degree: Array  # [A+M]
    chance: Array  # [A+M] bool
    first_arc: Array  # [A+M]


def compass_of(maze: World) -> Compass:
    """What turns are counted by, on a maze."""
    vertex = arrival_vertex(maze)
    first_arc = jnp.asarray(maze.first_arc)[vertex]
    degree, chance = jnp.asarray(maze.degree)[vertex], jnp.asarray(maze.chance)[vertex]
    back = jnp.asarray(maze.reverse) - first_arc[: maze.num_arcs]
    none = jnp.zeros(maze.num_mazes, back.dtype)
    return Compass(vertex, jnp.append(back, none), degree, chance, first_arc)


def _tokens(maze: World, compass: Compass, max_degree: int, before: Array, arc: Array) -> Array:
    """Tokens [...] of arrivals [...], given the arrivals before them [...]."""
    turn = (arc - compass.first_arc[before] - compass.back[before]) % compass.degree[before]
    none = (arc >= maze.num_arcs) | compass.chance[before]
    # Chance may have more ways to go than there are tokens; it makes no turns.
    return token_of(
        jnp.where(none, max_degree, turn), jnp.minimum(compass.degree[arc], max_degree), max_degree
    )


def token_of(turn: Any, degree: Any, max_degree: int) -> Any:
    """The token of a turn, `max_degree` for none, and a degree."""
    return turn * (max_degree + 1) + degree


def num_tokens(max_degree: int) -> int:
    """How many tokens there are."""
    return (max_degree + 1) ** 2


def _from_turns(maze: World, compass: Compass, logits: Array, arc: Array) -> Array:
    """Logits over turns [..., max_degree] → over ports [..., D]."""
    back, degree = compass.back[arc][..., None], compass.degree[arc][..., None]
    ports = jnp.asarray(maze.ports).reshape((1,) * arc.ndim + (-1,))
    turn = (ports - back) % degree
    return jnp.take_along_axis(logits, jnp.minimum(turn, logits.shape[-1] - 1), axis=-1)


def require_ports(maze: World, max_degree: int) -> None:
    """Raise a `MazerlError` where the policy would have more ports than turns."""
    if maze.num_ports > max_degree:
        raise MazerlError(
            f"a vertex of the maze has {maze.num_ports} ports, and this policy turns among at most "
            f"{max_degree}; raise max_degree"
        )


@lru_cache(maxsize=64)
def turning(config: Decoder, max_degree: int = 8) -> Policy:
    """A transformer over turns; its parameters are what `init_turning` returns.

    Raises:
        MazerlError: a size that no transformer can have; when walking, a vertex with more ports.
    """
    _check(config, max_degree)
    context = config.context

    def network(maze: World, params: Any) -> Network:
        require_ports(maze, max_degree)
        return make_network(config, num_tokens(max_degree), max_degree, params)

    def every(model: Network) -> Array:
        return score_alone(model, model.embedding(jnp.arange(num_tokens(max_degree))))

    def bind(maze: World, params: Any) -> Walker:
        model, compass = network(maze, params), compass_of(maze)
        alone = every(model) if context == 1 else None

        def step(memory: tuple[Array, Cache], arc: Array) -> tuple[Array, tuple[Array, Cache]]:
            before, cache = memory
            token = _tokens(maze, compass, max_degree, before, arc)
            if alone is None:
                x = model.embedding(token)
                logits, cache = score_next(model, context, cache, x, arc >= maze.num_arcs)
            else:
                logits = alone[token]
            return _from_turns(maze, compass, logits, arc), (arc, cache)

        return Walker((jnp.int32(0), () if context == 1 else empty_cache(config)), step)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        model, compass = network(maze, params), compass_of(maze)
        before = jnp.concatenate([arcs[:, :1], arcs[:, :-1]], axis=1)
        tokens = _tokens(maze, compass, max_degree, before, arcs)
        if context == 1:
            logits = every(model)[tokens]
        else:
            begins = arcs >= maze.num_arcs
            x = model.embedding(tokens)
            logits = jax.vmap(partial(score_sequence, model, context))(x, begins)
        return _from_turns(maze, compass, logits, arcs)

    return Policy(bind, context + 1, score, config.legality == "learned")


def init_turning(config: Decoder, key: Array, max_degree: int = 8) -> dict[str, Any]:
    """Random parameters, for all mazes, as nested dicts of float32 arrays."""
    _check(config, max_degree)
    return init_network(config, num_tokens(max_degree), max_degree, key)


def _check(config: Decoder, max_degree: int) -> None:
    check_decoder(config)
    require_whole("max_degree", max_degree)
