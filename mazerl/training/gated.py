"""Gated contrast: learning from walks of the base alone, at its decisions (ReasonMaxxer).

    once:  corpus = walks of the base, with advantages, decisions and anchors (`contrast`)
    for each update:
        batch  = the next `batch` walks of the corpus, round and round
        loss   = mean over walks of  -Σ decision · log π(move)  +  β Σ anchor · KL(base ‖ π)
        rate   = times min(1, share/warm_up), and falling to 0 as the run ends

Negative advantages make the loss unbounded below: it is stopped, not converged. With free rows
those off the gate never move, so that the anchor does nothing there. Gai et al. 2026 (arXiv
2605.06241 §4).

`population_contrast` is its decision term over infinitely many groups, exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_number, require_whole
from mazerl.maze import Array, Maze, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.rows import row_log_softmax, rows_of
from mazerl.policy.scoring import legal_ports, port_log_probabilities
from mazerl.policy.tabular import TABULAR
from mazerl.training.contrast import Contrast
from mazerl.training.method import Batch, Method, Metrics, Params, Training, the_task
from mazerl.training.parallel import split_walkers

TRAINING = Training(steps=150, optimizer="adam", rate=0.2, record_every=1, max_norm=1.0)

_ROUNDING, _FAR = 1e-6, 80.0  # nats


class GatedTask(NamedTuple):
    """What is traced: the corpus, and what a nat of the anchor costs."""

    corpus: Any  # a `Contrast`; None before it is drawn
    beta: float = 0.2


@dataclass(frozen=True)
class Gated:
    """What is static."""

    batch: int = 8  # walks an update
    warm_up: float = 0.1  # share of the run in which the rate rises
    keep_rate: bool = False  # whether it then stays, and does not fall to 0


def gated(world: World, policy: Policy = TABULAR, sizes: Gated | None = None) -> Method:
    """Gated contrast. Parameters: the policy's. Task: a `GatedTask`.

    Raises:
        MazerlError: a batch below 1, a warm-up out of range, or a policy that cannot be trained.
    """
    sizes = sizes or Gated()
    require_whole("the batch", sizes.batch)
    require_number("warm_up", sizes.warm_up, 0.0, 1.0)
    require_trainable(policy)
    return replace(_gated(policy, sizes), world=world)


@lru_cache
def _gated(policy: Policy, sizes: Gated) -> Method:
    score = require_trainable(policy)

    def begin(world: World, task: GatedTask, key: Array) -> Array:
        del world, task, key
        return jnp.int32(0)

    def walk(
        world: World, task: GatedTask, params: Params, seen: Array, key: Array
    ) -> tuple[Array, Array]:
        """The numbers of the next walks, and how far that is."""
        del world, params, key
        size = task.corpus.arc.shape[0]
        return (seen + jnp.arange(sizes.batch)) % size, (seen + sizes.batch) % size

    def collect(
        world: World, task: GatedTask, params: Params, walked: Array, key: Array, share: Array
    ) -> Batch:
        del world, params, key, share
        samples = jax.tree.map(lambda x: x[walked], task.corpus)
        return Batch(split_walkers(samples), task.beta, {})

    def loss(world: World, params: Params, batch: Batch) -> tuple[Array, Metrics]:
        seen: Contrast = batch.samples
        log_p = port_log_probabilities(world, score(world, params, seen.arc), seen.arc)
        legal = legal_ports(world, seen.arc)
        log_p = jnp.where(legal, log_p, 0.0)
        # Chance may have more ports than any row.
        port = jnp.minimum(seen.port, log_p.shape[-1] - 1)
        taken = jnp.take_along_axis(log_p, port[..., None], axis=-1)[..., 0]
        away = log_p - seen.base
        # Of a difference that is a rounding's Adam would make a whole step.
        away = jnp.where(jnp.abs(away) > _ROUNDING, jnp.minimum(away, _FAR), 0.0)
        # Σ q log(q/p), as Σ q (r - 1 - log r) with r = p/q, whose slope at r = 1 is exactly 0.
        each = jnp.exp(seen.base) * (jnp.expm1(away) - away)
        far = jnp.sum(jnp.where(legal, each, 0.0), -1)
        decision = -jnp.sum(seen.decision * taken, 1).mean()
        anchor = jnp.sum(seen.anchor * far, 1).mean()
        return decision + batch.shared * anchor, {"decision": decision, "anchor": anchor}

    return Method(collect, loss, begin, walk, schedule=_schedule(sizes.warm_up, sizes.keep_rate))


@lru_cache
def _schedule(warm_up: float, keep_rate: bool) -> Callable[[Array], Array] | None:
    """Linear warm-up, linear decay to 0; None where the rate stays as it is."""
    if warm_up == 0 and keep_rate:
        return None

    def factor(share: Array) -> Array:
        # Of the first update too the rate is not 0.
        up = (share + 1e-3) / max(warm_up, 1e-3)
        down = jnp.ones_like(share) if keep_rate else (1 - share) / max(1 - warm_up, 1e-3)
        return jnp.minimum(jnp.minimum(up, down), 1.0)

    return factor


class Population(NamedTuple):
    """What infinitely many groups say."""

    # [..., R] expected advantage times how often each move is made, a walk; 0 off the gate
    moves: Array
    arrival: Array  # [R] as of `rows_of`


def population(maze: Maze, moves: np.ndarray) -> Population:
    """The task of `population_contrast`, of moves as of `exact.contrast`.

    Raises:
        MazerlError: they are none of this maze's.
    """
    rows = rows_of(maze)
    if moves.shape[-1:] != (rows.size,):
        raise MazerlError(f"moves of shape {moves.shape}; this maze needs [..., {rows.size}]")
    return Population(moves, rows.arrival)


def population_contrast(maze: Maze) -> Method:
    """The decision term over infinitely many groups, summed over a walk's moves.

    Parameters: logits of rows, of the shape of the moves. Task: a `Population`.
    """
    return replace(_POPULATION, world=maze)


def _of_population(maze: World, logits: Array, batch: Batch) -> tuple[Array, Metrics]:
    task: Population = batch.shared
    by_entry, moves = (x.reshape(-1, x.shape[-1]).T for x in (logits, task.moves))
    log_p = row_log_softmax(by_entry, task.arrival, maze.num_arcs + 1)
    return -jnp.sum(jnp.where(moves != 0, moves * log_p, 0.0)), {}


_POPULATION = Method(the_task, _of_population, exact=True)
