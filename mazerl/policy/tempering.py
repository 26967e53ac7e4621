"""Policies at another temperature than they were trained at."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from mazerl.errors import require_number
from mazerl.maze import Array, World
from mazerl.policy.contract import Memory, Policy, Walker


@lru_cache
def tempered(policy: Policy, temperature: float) -> Policy:
    """The policy with its logits divided by a temperature; to walk with, not to be trained.

    Raises:
        MazerlError: the temperature is not above 0.
    """
    require_number("the temperature", temperature, 0.0, above=True)

    def bind(maze: World, params: Any) -> Walker:
        walker = policy.bind(maze, params)

        def logits(memory: Memory, arc: Array) -> tuple[Array, Memory]:
            preference, memory = walker.logits(memory, arc)
            return preference / temperature, memory

        return Walker(walker.memory, logits)

    return replace(policy, bind=bind, score=None)
