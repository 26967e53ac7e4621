"""A policy at another temperature, in both of its forms."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from mazerl.errors import require_number
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, Walker


@lru_cache
def tempered(policy: Policy, temperature: float) -> Policy:
    """The policy whose logits are divided by a temperature.

    Raises:
        MazerlError: the temperature is not finite, or not above 0.
    """
    require_number("the temperature", temperature, 0.0, above=True)

    def bind(maze: World, params: Any) -> Walker:
        walker = policy.bind(maze, params)

        def logits(memory: Any, arc: Array) -> tuple[Array, Any]:
            cold, memory = walker.logits(memory, arc)
            return cold / temperature, memory

        return Walker(walker.memory, logits)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        assert policy.score is not None
        return policy.score(maze, params, arcs) / temperature

    return replace(policy, bind=bind, score=None if policy.score is None else score)
