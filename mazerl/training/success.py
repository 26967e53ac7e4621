"""Exact ascent on success within a time limit, of many goals that the policy may see.

    p_x     = P(arrive at goal x within T), exact
    loss    = -mean over goals of h(p_x) + β · KL(policy ‖ base) of a walk, nats
    h       = p, log p, 2 arcsin √p, 1 - (1-p)^k; or -E[min(τ, T)] in its place

These are what RLOO, fine-tuning on successes prompt by prompt, GRPO in large groups and PKPO climb
when nothing is left to chance (`measure.outcome_weights`). Nothing is sampled.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit, require_number, require_whole
from mazerl.exact.episode import Problems, episode_value, plan_episode
from mazerl.maze import Array, Maze
from mazerl.maze.problems import require_goals, require_within
from mazerl.policy.rows import require_rows, row_log_softmax, rows_of
from mazerl.training.method import Batch, Method, Metrics, the_task

Objective = Literal["success", "log_success", "arcsin_success", "pass_at_k", "steps"]
"""p, log p, 2 arcsin √p, pass@k, or -E[min(τ, T)]."""


def success_ascent(
    maze: Maze,
    limit: int,
    objective: Objective = "success",
    goals: np.ndarray | None = None,
    pass_k: int = 4,
    beta: float = 0.0,
    base: np.ndarray | None = None,
) -> Method:
    """Ascent on the mean of an objective over X goals. Task: `()`.

    Parameters: logits [R] of a policy that is blind to the goal, or [X, R] of one that sees it.

    Args:
        maze: what is walked on.
        limit: T, every step counts.
        objective: what to climb.
        goals: [X] vertices; the maze's by default.
        pass_k: tries of pass@k.
        beta: nats that a unit of the objective is worth; not below 0.
        base: row probabilities [R] that the KL is to, all positive; uniform by default.

    Raises:
        MazerlError: the objective is unknown, a number out of range, a goal is farther than the
            limit, or the base rules a move out.
    """
    require_limit("the time limit", limit)
    require_number("beta", beta, 0.0)
    shape = _shape(objective, require_whole("pass_k", pass_k))
    wanted = require_goals(maze, goals)
    require_within(maze, wanted, limit)
    rows, plan = rows_of(maze), plan_episode(maze)
    arrivals = maze.num_arcs + 1
    degree = np.diff(rows.start)[rows.arrival]
    before = 1.0 / degree if base is None else require_rows(maze, base)
    if not (before > 0).all():
        raise MazerlError("the base gives a move no probability; a KL to it may be infinite")
    still = np.zeros((arrivals, 1))

    def total(goal: Array, p: Array, reward: Array, arrival: float) -> Array:
        return episode_value(plan, Problems(goal, p, reward, arrival), limit)

    def loss(world: None, logits: Array, batch: Batch) -> tuple[Array, Metrics]:
        del world, batch
        goal = jnp.asarray(wanted)
        log_p = _by_row(logits, rows.arrival, arrivals)
        p = jnp.exp(log_p)
        success = total(goal, p, jnp.asarray(still), 1.0)
        if objective == "steps":
            gain = total(goal, p, jnp.asarray(still) - 1.0, 0.0)
        else:
            gain = shape(success)
        told: dict[str, Any] = {"success": success.mean(), "objective": gain.mean()}
        if beta == 0:
            return -gain.mean(), told
        each = p * (log_p - jnp.log(before)[:, None])
        away = jnp.zeros((arrivals, p.shape[1])).at[rows.arrival].add(each)
        told["kl"] = total(goal, p, away, 0.0).mean()
        return beta * told["kl"] - gain.mean(), told

    return Method(the_task, loss, exact=True)


def _by_row(logits: Array, arrival: np.ndarray, arrivals: int) -> Array:
    """Log-probabilities [R, 1] of a blind policy, [R, X] of one that sees the goal."""
    return row_log_softmax(jnp.atleast_2d(logits).T, arrival, arrivals)


def _shape(objective: str, k: int) -> Callable[[Array], Array]:
    # Where p is 1 to the last digit there is nothing left to climb.
    shapes: dict[str, Callable[[Array], Array]] = {
        "success": lambda p: p,
        "log_success": jnp.log,
        "arcsin_success": lambda p: 2 * jnp.arcsin(jnp.sqrt(jnp.clip(p, 0.0, 1 - 1e-15))),
        "pass_at_k": lambda p: 1 - (1 - p) ** k,
        "steps": lambda p: p,
    }
    if objective not in shapes:
        raise MazerlError(
            f"unknown objective {objective!r}; known: {', '.join(get_args(Objective))}"
        )
    return shapes[objective]
