"""What sampling does to a policy gradient, exactly: the covariance of an update, and how it grows.

Of one walk with reward r = 1 for arriving within T, baseline p and score S (the derivative of its
log-probability by the logits), the update (r - p)S has mean ∇p and covariance

    (1 - 2p) E[r S Sᵀ] + p² E[S Sᵀ] - ∇p ∇pᵀ
    E[S Sᵀ]   = Σ over arrivals of E[visits] · (diag π - π πᵀ)
    E[r S Sᵀ] = ∇²p + Σ over arrivals of E[r · visits] · (diag π - π πᵀ)

The mean of N walks' updates, each with the mean of the others as its baseline (RLOO), has this
covariance divided by N, but for terms of order 1/N². Around the path of exact ascent fluctuations
grow linearly as long as they are small (Kurtz 1971; Mandt, Hoffman & Blei 2017).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit
from mazerl.exact.horizon import follow
from mazerl.maze import Array, Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import row_log_softmax, rows_of

_MOST_ENTRIES = 2000


class UpdateNoise(NamedTuple):
    """Of P(arrive within T) by the logits of a policy."""

    success: float
    gradient: np.ndarray  # [R]
    hessian: np.ndarray  # [R, R]
    covariance: np.ndarray  # [R, R] of one walk's update


def update_noise(maze: Maze, logits: np.ndarray, limit: int) -> UpdateNoise:
    """Mean, slope and covariance of a walk's update at logits [R].

    Raises:
        MazerlError: the maze has several goals or chance vertices, or too many row entries for
            matrices of them; the limit is out of range.
    """
    require_limit("the time limit", limit)
    rows = rows_of(maze)
    if maze.num_goals != 1 or np.asarray(maze.chance).any():
        raise MazerlError("updates are of a maze with one goal and without chance; give such one")
    if rows.size > _MOST_ENTRIES:
        raise MazerlError(f"{rows.size} row entries; matrices of at most {_MOST_ENTRIES} are made")
    goal, p = int(maze.goals[0]), row_probabilities(maze, logits)
    arrives = np.asarray(maze.head)[rows.arc] == goal
    with jax.enable_x64(True):
        told = _derivatives(
            jnp.asarray(logits, jnp.float64), rows.arrival, rows.arc, arrives, maze.num_arcs, limit
        )
        success, gradient, hessian = (np.asarray(part) for part in told)
    path = follow(maze, p, limit, goal)
    visits = path.occupancy[:limit].sum(0)
    # With h steps left at a visit P(arrive) is to_go[h].
    right = (path.occupancy[:limit] * path.to_go[limit:0:-1]).sum(0)
    same = rows.arrival[:, None] == rows.arrival[None]
    spread = np.where(same, np.diag(p) - np.outer(p, p), 0.0)
    of_success = hessian + right[rows.arrival][:, None] * spread
    of_all = visits[rows.arrival][:, None] * spread
    covariance = (1 - 2 * success) * of_success + success**2 * of_all
    return UpdateNoise(float(success), gradient, hessian, covariance - np.outer(gradient, gradient))


@jax.jit(static_argnums=(4, 5))
def _derivatives(
    logits: Array, arrival: Array, arc: Array, arrives: Array, arcs: int, limit: int
) -> tuple[Array, Array, Array]:
    def success(logits: Array) -> Array:
        p = jnp.exp(row_log_softmax(logits, arrival, arcs + 1))

        def step(mass: Array, _: None) -> tuple[Array, Array]:
            moved = p * mass[arrival]
            onward = jnp.zeros(arcs + 1).at[arc].add(jnp.where(arrives, 0.0, moved))
            return onward, jnp.sum(jnp.where(arrives, moved, 0.0))

        return jnp.sum(jax.lax.scan(step, jnp.zeros(arcs + 1).at[-1].set(1.0), length=limit)[1])

    value, gradient = jax.value_and_grad(success)(logits)
    return value, gradient, jax.hessian(success)(logits)
