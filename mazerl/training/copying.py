"""Base models that see a goal and heed it no more than a tabular policy does: copies of its rows.

    d      = expected visits of each arrival within T steps of a walk that no goal ends, exact
    batch  = some problems, so that arrivals come with codes of goals that walks need not reach
    loss   = mean over them of Σ d(e) KL(rows(e) ‖ policy(x, e)): nats a walk

Nothing is sampled but which codes a batch has: the loss is that of imitating infinitely many walks.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_limit
from mazerl.exact.horizon import arrival_law, expected_visits
from mazerl.maze import Array
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from mazerl.policy.rows import require_rows, rows_of
from mazerl.policy.scoring import port_log_probabilities
from mazerl.policy.seeing import init_seeing, seeing
from mazerl.policy.transformer import Decoder
from mazerl.store.records import write_record
from mazerl.training.base import pretrain, stored_base
from mazerl.training.loop import train
from mazerl.training.method import Batch, Method, Metrics, Training

MOST_NATS = 0.05
"""KL(rows ‖ policy) of a walk, mean over goals, that a copy may have at most; and …"""

MOST_LOG_RATIO = 0.1
"""… how far log p may be off, for all goals but one in twenty."""

_CHUNK, _CHUNKS = 250, 24


class Pattern(NamedTuple):
    """What is copied."""

    visits: Array  # [A+1] expected, a walk
    target: Array  # [A+1, D] probabilities; 0 at ports that do not exist and where chance moves


def pattern_of(prompts: Prompts, rows: np.ndarray, limit: int) -> Pattern:
    """Rows [R] of a blind policy as what is to be copied, and where it goes within the limit."""
    maze = prompts.alone(0)
    p, layout = require_rows(maze, rows), rows_of(maze)
    target = np.zeros((maze.num_arcs + 1, maze.num_ports), np.float32)
    port = np.arange(layout.size) - layout.start[layout.arrival]
    target[layout.arrival, port] = p
    visits = expected_visits(maze, p, require_limit("the time limit", limit))
    return Pattern(visits.astype(np.float32), target)


def copying(prompts: Prompts, policy: Policy, problems: int = 4) -> Method:
    """Copying rows, some problems an update. Parameters: the policy's. Task: a `Pattern`."""
    require_trainable(policy)
    return Method(*_copying(policy, problems), world=prompts)


@lru_cache
def _copying(policy: Policy, problems: int) -> tuple[Any, Any]:
    score = require_trainable(policy)

    def collect(
        world: Prompts, task: Pattern, params: Any, walked: Any, key: Array, share: Array
    ) -> Batch:
        del params, walked, share
        return Batch(jax.random.randint(key, (problems,), 0, world.num_mazes), task, {})

    def loss(world: Prompts, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        arcs, task = arrivals_of(world, batch.samples), batch.shared
        log_p = port_log_probabilities(world, score(world, params, arcs), arcs)
        target = task.target[None]
        log_ratio = jnp.log(jnp.maximum(target, 1e-30)) - log_p
        nats = jnp.sum(jnp.where(target > 0, target * log_ratio, 0.0), -1)
        return jnp.mean(nats @ task.visits), {}

    return collect, loss


def arrivals_of(world: Prompts, problem: Array) -> Array:
    """The world's arrivals [N, A+1] of problems [N], the walk that begins last."""
    own = world.own_arcs
    inside = problem[:, None] * own + jnp.arange(own)[None]
    return jnp.concatenate([inside, world.num_arcs + problem[:, None]], axis=1)


class Likeness(NamedTuple):
    """How near a copy is, by the chain."""

    nats: float  # KL(rows ‖ policy) of a walk, mean over goals
    log_ratio: float  # 95% quantile over goals of |log p_copy - log p|


def likeness(
    prompts: Prompts, policy: Policy, params: Any, rows: np.ndarray, limit: int
) -> Likeness:
    """Compare a policy that sees the goal with rows [R] that do not, exactly."""
    maze, copied = prompts.alone(0), separate_rows(prompts, extract_rows(policy, prompts, params))
    goals = np.array([int(prompts.alone(x).goals[0]) for x in range(prompts.num_mazes)])
    visits = expected_visits(maze, rows, limit)[rows_of(maze).arrival]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(rows > 0, rows * np.log(rows / copied), 0.0)
    p, q = (arrival_law(maze, each, limit, goals).sum(1) for each in (rows, copied))
    off = np.abs(np.log(q) - np.log(p))
    return Likeness(float((terms @ visits).mean()), float(np.quantile(off, 0.95)))


def copy_rows(
    prompts: Prompts, policy: Policy, params: Any, rows: np.ndarray, limit: int, key: Array,
    rate: float = 3e-3,
) -> Any:  # fmt: skip
    """Parameters that walk like rows [R] whatever the goal, from random ones.

    Raises:
        MazerlError: the copy is not near enough after 6000 updates.
    """
    method, task = copying(prompts, policy), pattern_of(prompts, rows, limit)
    for chunk in range(_CHUNKS):
        # Smaller steps in the end: at one rate the noise of the codes would stay.
        training = Training(_CHUNK, "adam", rate * 0.85**chunk, record_every=_CHUNK, max_norm=1.0)
        params = train(method, task, params, training, jax.random.fold_in(key, chunk)).params
        near = likeness(prompts, policy, params, rows, limit)
        if near.nats < MOST_NATS and near.log_ratio < MOST_LOG_RATIO:
            return params
    raise MazerlError(
        f"the copy is {near.nats:.3g} nats a walk from its rows after {_CHUNK * _CHUNKS} updates, "
        f"not within {MOST_NATS}; give it more channels, or another rate"
    )


def seeing_base(
    root: Path, prompts: Prompts, description: dict[str, Any], decoder: Decoder, seed: int,
    rows: np.ndarray, limit: int,
    write: Callable[[Path, str, Any, dict[str, np.ndarray], float], object] = write_record,
) -> Any:  # fmt: skip
    """The stored base model of a transformer that sees the goal; made and stored if there is none.

    Args:
        root: the run store.
        prompts: all problems of the maze, held-out ones too.
        description: what makes the maze, its problems and the rows.
        decoder: the transformer's shape; with context above 1 rows cannot be copied exactly, and
            it is pretrained on uniform walks whatever the rows are.
        seed: of the random parameters and the copying.
        rows: [R] to copy.
        limit: steps of a walk by which the copy is judged.
        write: as for `base_model`.
    """
    config = {
        "maze": description, "decoder": asdict(decoder), "seed": seed, "limit": limit,
        "nats": MOST_NATS, "log_ratio": MOST_LOG_RATIO, "sees_goal": True,
    }  # fmt: skip

    def make(begin: Array, key: Array) -> Any:
        start = init_seeing(decoder, prompts, begin)
        if decoder.context > 1:
            return pretrain(prompts, seeing(decoder), start, key)
        return copy_rows(prompts, seeing(decoder), start, rows, limit, key)

    return stored_base(root, config, make, write)
