"""Policies that see the goal, on the world of `prompts_of`: rows a problem, and transformers.

Free rows need nothing of their own: `TABULAR` has a row for each arrival of that world. The
transformer adds to each token, the arrival arc of the maze itself, the parts of its goal's code; so
its weights are those of all problems of the maze, held-out ones too.
"""

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, World
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, Walker, require_trainable
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


def join_rows(prompts: Prompts, rows: Array) -> np.ndarray:
    """Rows [X, R], or [R] alike for all problems, as the world's flat ones [X·R]; on the host."""
    rows = np.broadcast_to(rows, (prompts.num_mazes, np.shape(rows)[-1]))
    inside = rows.shape[1] - _first_row(prompts)
    return np.concatenate([rows[:, :inside].reshape(-1), rows[:, inside:].reshape(-1)])


def separate_rows(prompts: Prompts, flat: Array) -> np.ndarray:
    """The world's rows [X·R] as those of each problem [X, R]; on the host."""
    problems, flat = prompts.num_mazes, np.asarray(flat)
    inside = flat.size - problems * _first_row(prompts)
    parts = (flat[:inside].reshape(problems, -1), flat[inside:].reshape(problems, -1))
    return np.concatenate(parts, axis=1)


def _first_row(prompts: Prompts) -> int:
    """Entries of the row by which a walk begins; walks that begin come last in the layout."""
    start = int(np.asarray(prompts.start)[0])
    return 0 if np.asarray(prompts.chance)[start] else int(np.asarray(prompts.degree)[start])


@lru_cache(maxsize=64)
def seeing(config: Decoder) -> Policy:
    """A transformer that sees the goal; its parameters are what `init_seeing` returns.

    Raises:
        MazerlError: a size that no transformer can have; when walking, a world without goal codes.
    """
    check_decoder(config)
    context = config.context

    def embed(world: Prompts, model: Network, arcs: Array) -> Array:
        """Embedded tokens [..., C] of arrivals [...]."""
        problem, arrival = _parts_of(world, arcs)
        own = _arcs(world) + 1
        told = model.embedding(own + jnp.asarray(world.code)).sum(1)
        return model.embedding(arrival) + told[problem]

    def rows(world: Prompts, model: Network) -> Array:
        return score_alone(model, embed(world, model, jnp.arange(world.num_arrivals)))

    def bind(maze: World, params: Any) -> Walker:
        world = _required(maze)
        model = _network(config, world, params)
        if context == 1:
            logits = rows(world, model)
            return Walker((), lambda memory, arc: (logits[arc], memory))

        def step(memory: Any, arc: Array) -> tuple[Array, Any]:
            x = embed(world, model, arc)
            return score_next(model, context, memory, x, arc >= world.num_arcs)

        return Walker(empty_cache(config), step)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        world = _required(maze)
        model = _network(config, world, params)
        x = embed(world, model, arcs)
        if context == 1:
            return score_alone(model, x.reshape(-1, x.shape[-1])).reshape(*arcs.shape, -1)
        return jax.vmap(partial(score_sequence, model, context))(x, arcs >= world.num_arcs)

    return Policy(bind, context, score, config.legality == "learned")


def init_seeing(config: Decoder, prompts: Prompts, key: Array) -> dict[str, Any]:
    """Random parameters for a maze and its codes, as nested dicts of float32 arrays."""
    check_decoder(config)
    return init_network(config, _num_tokens(prompts), prompts.num_ports, key)


def with_goal(policy: Policy, prompts: Prompts, problem: int) -> Policy:
    """A policy that sees the goal, as one on the maze with the goal of one problem alone."""
    own = _arcs(prompts)

    def there(arcs: Array) -> Array:
        return jnp.where(arcs >= own, prompts.num_arcs + problem, problem * own + arcs)

    def bind(maze: World, params: Any) -> Walker:
        del maze
        walker = policy.bind(prompts, params)
        draw = walker.draw
        return Walker(
            walker.memory,
            lambda memory, arc: walker.logits(memory, there(arc)),
            None if draw is None else lambda memory, arc, bits: draw(memory, there(arc), bits),
        )

    def score(maze: World, params: Any, arcs: Array) -> Array:
        del maze
        return require_trainable(policy)(prompts, params, there(arcs))

    return replace(policy, bind=bind, score=score if policy.score else None)


def _network(config: Decoder, world: Prompts, params: Any) -> Network:
    return make_network(config, _num_tokens(world), world.num_ports, params)


def _num_tokens(world: Prompts) -> int:
    """Arrivals of the maze itself, and parts of codes."""
    return _arcs(world) + 1 + len(world.parts)


def _arcs(world: Prompts) -> int:
    """A of the maze itself."""
    return world.num_arcs // world.num_mazes


def _parts_of(world: Prompts, arcs: Array) -> tuple[Array, Array]:
    """Problem and arrival arc of the maze itself [...] of the world's arrivals [...]."""
    begins, own = arcs >= world.num_arcs, _arcs(world)
    return (
        jnp.where(begins, arcs - world.num_arcs, arcs // own),
        jnp.where(begins, own, arcs % own),
    )


def _required(world: World) -> Prompts:
    if not isinstance(world, Prompts):
        raise MazerlError("this policy sees the goal; let it walk on what prompts_of makes")
    return world
