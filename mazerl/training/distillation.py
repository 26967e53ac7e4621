"""KL distillation of a teacher that sees the goal, by its exact occupancy.

    d      = expected visits of each goal and arrival by the teacher's walks of at most T steps
    batch  = the task: nothing is sampled
    loss   = mean over goals of Σ d(x, e) KL(teacher(x, e) ‖ policy(x, e)): nats a walk

By the chain rule this is the KL of whole walks, the teacher's from the policy's. It is that of the
distillation of Gai et al. (arXiv 2605.06241, appendix A) with infinitely many of the teacher's own
walks and all of its probabilities.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.horizon import follow
from mazerl.maze import Array
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.rows import require_rows_of, rows_of
from mazerl.policy.scoring import port_log_probabilities
from mazerl.training.copying import arrivals_of
from mazerl.training.method import Batch, Method, Metrics, the_task


class Lesson(NamedTuple):
    """What a teacher does, and where."""

    visits: np.ndarray  # [X, A+1] expected, a walk
    target: np.ndarray  # [X, A+1, D] probabilities; 0 at ports that do not exist


def lesson_of(prompts: Prompts, teacher: np.ndarray, limit: int) -> Lesson:
    """Rows [X, R] of a teacher, for walks to each problem's goal of at most `limit` steps.

    Raises:
        MazerlError: they are no rows of this maze for so many goals, or the limit is none.
    """
    problems = range(prompts.num_mazes)
    maze = prompts.alone(0)
    rows = require_rows_of(maze, teacher, len(problems))
    rows = np.broadcast_to(rows, (len(problems), rows.shape[1]))
    goals = [int(prompts.alone(x).goals[0]) for x in problems]
    visits = np.stack([
        follow(maze, rows[x], limit, goals[x]).occupancy[:limit].sum(0) for x in problems
    ])  # fmt: skip
    layout = rows_of(maze)
    target = np.zeros((len(problems), maze.num_arcs + 1, maze.num_ports))
    target[:, layout.arrival, np.arange(layout.size) - layout.start[layout.arrival]] = rows
    return Lesson(visits, target)


def distillation(prompts: Prompts, policy: Policy, exact: bool = False) -> Method:
    """Distillation into a policy that sees the goal. Parameters: its own. Task: a `Lesson`.

    Args:
        prompts: the problems that the teacher was asked.
        policy: Markov in the arrival, so that the teacher's occupancy is all that matters.
        exact: float64 throughout.

    Raises:
        MazerlError: the policy remembers more than its arrival, or cannot be trained.
    """
    if not policy.markov:
        raise MazerlError(
            "this policy remembers more than the arrival arc; imitate walks of the teacher's by sft"
        )
    require_trainable(policy)
    return replace(_distillation(policy, exact), world=prompts)


@lru_cache
def _distillation(policy: Policy, exact: bool) -> Method:
    score = require_trainable(policy)

    def loss(world: Prompts, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        task: Lesson = batch.shared
        arcs = arrivals_of(world, jnp.arange(world.num_mazes))
        log_p = port_log_probabilities(world, score(world, params, arcs), arcs)
        visited = jnp.asarray(task.target) * jnp.asarray(task.visits)[..., None]
        # What the teacher never does has no part, whatever is thought of it.
        log_ratio = jnp.log(jnp.where(visited > 0, task.target, 1.0)) - jnp.where(
            visited > 0, log_p, 0.0
        )
        return jnp.sum(visited * log_ratio) / world.num_mazes, {}

    return Method(the_task, loss, exact=exact)
