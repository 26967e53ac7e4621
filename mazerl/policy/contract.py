"""The policy contract.

A policy is a pair of a pure function and a flag; its parameters are a pytree apart from it.
`bind(maze, params)` runs once per rollout (inside jit) and returns a `Walker`: what one walker
remembers at the start, and its step. Steps are written for one walker and vmapped by rollouts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mazerl.errors import MazerlError
from mazerl.maze import Array, World

Memory = Any


class Walker(NamedTuple):
    """One walker's step, with the parameters bound."""

    memory: Memory  # pytree at the start of an episode
    # (memory, arrival arc []) → (logits over ports [D], memory); illegal ports are masked later
    logits: Callable[[Memory, Array], tuple[Array, Memory]]
    # (memory, arrival arc [], random bits [] uint32) → (port [], memory): a faster draw from the
    # same distribution, where there is one
    draw: Callable[[Memory, Array, Array], tuple[Array, Memory]] | None = None


@dataclass(frozen=True)
class Policy:
    """How to walk, twice: step by step, and a whole sequence at once. The two agree (tested).

    In either form arc A means that a walk begins, and everything before it is forgotten.
    """

    bind: Callable[[World, Any], Walker]
    # How many of the last arrival arcs a layer or row reads; None where there is no bound.
    context: int | None = 1
    # (maze, params, arrival arcs [B, T]) → logits over ports [B, T, D], of which whoever reads them
    # masks the illegal; None where a policy cannot be trained
    score: Callable[[World, Any, Array], Array] | None = None
    # Imitation is not told which ports exist; walks are kept to legal ones all the same.
    learns_legality: bool = False

    @property
    def markov(self) -> bool:
        """Whether the arrival arc says all, so that `mazerl.exact.markov` can solve it exactly."""
        return self.context == 1


def require_trainable(policy: Policy) -> Callable[[World, Any, Array], Array]:
    """The policy's whole-sequence form; a `MazerlError` if it has none."""
    if policy.score is None:
        raise MazerlError("this policy has no whole-sequence form; train the one that it wraps")
    return policy.score
