"""Policies with a head for what the maze answers to a move.

The head says for each port what is answered if it is taken. A network's shares all but its last
matrix with the head for ports; free rows share nothing with a table of answers, which is what they
are a control for.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, Walker, require_trainable
from mazerl.policy.rows import rows_of
from mazerl.policy.seeing import init_seeing, seeing, seeing_outputs
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder


class Answering(NamedTuple):
    """A policy and its head."""

    policy: Policy
    logits: Callable[[World, Any, Array], Array]  # arrivals [B, T] → [B, T, D, answers], by port
    answers: int  # how many there are


@lru_cache(maxsize=64)
def answering_network(config: Decoder, count: int) -> Answering:
    """A transformer that sees the goal; its parameters are what `init_answering` returns.

    Raises:
        MazerlError: a size that no transformer can have, or fewer than two answers.
    """
    _check(count)
    outputs = seeing_outputs(config, 1 + count)

    def logits(world: World, params: Any, arcs: Array) -> Array:
        ports = world.num_ports
        told = outputs(world, params, arcs)[..., ports:]
        return told.reshape(*arcs.shape, ports, count)

    return Answering(seeing(config, 1 + count), logits, count)


def init_answering(config: Decoder, count: int, prompts: Prompts, key: Array) -> dict[str, Any]:
    """Random parameters of a network with a head."""
    return init_seeing(config, prompts, key, 1 + _check(count))


@lru_cache(maxsize=64)
def answering_rows(count: int) -> Answering:
    """Free rows and a free table of answers: {"rows": [R], "answers": [arrivals, D, count]}."""
    _check(count)
    score_rows = require_trainable(TABULAR)

    def bind(world: World, params: Any) -> Walker:
        return TABULAR.bind(world, params["rows"])

    def score(world: World, params: Any, arcs: Array) -> Array:
        return score_rows(world, params["rows"], arcs)

    return Answering(
        Policy(bind, score=score), lambda world, params, arcs: params["answers"][arcs], count
    )


def rows_with_answers(world: World, rows: Array, count: int) -> dict[str, Any]:
    """Parameters of `answering_rows`: these rows, and a table that knows nothing."""
    if jnp.shape(rows) != (rows_of(world).size,):
        raise MazerlError(f"rows of shape {jnp.shape(rows)}; give those of this world")
    table = jnp.zeros((world.num_arrivals, world.num_ports, count), jnp.float32)
    return {"rows": jnp.asarray(rows, jnp.float32), "answers": table}


def _check(count: int) -> int:
    if require_whole("the number of answers", count) < 2:
        raise MazerlError("one answer alone says nothing; give at least 2")
    return count
