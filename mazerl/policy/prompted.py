"""Policies on problems side by side, and problem by problem.

Free rows that see the goal need nothing of their own: `TABULAR` has a row for each arrival of the
world of `prompts_of`. Here they are joined to its flat layout and separated again, and a policy of
that world is made one of the maze with the goal of one problem alone.
"""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array, World
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, Walker, require_trainable


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


def with_goal(policy: Policy, prompts: Prompts, problem: int) -> Policy:
    """A policy that sees the goal, as one on the maze with the goal of one problem alone."""
    own = prompts.own_arcs

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
