"""A pool for studies of ReasonMaxxer, and what it and others learn there, at what cost."""

from typing import Any, NamedTuple

import jax
import numpy as np

from mazerl import build, compile_maze
from mazerl.exact.pools import success_of
from mazerl.maze.problems import ProblemSet, every_goal, problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.tabular import TABULAR
from mazerl.training import Method, Training, train
from mazerl.training.contrast import Contrast, Contrasting, Told, contrast_corpus, draw_walks
from mazerl.training.gated import Gated, GatedTask, gated
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import arrived_only

LIMIT, BATCH, HARDEST = 60, 8, 1 / 512
"""T; walks an update; problems with a p below are left out."""


class Pool(NamedTuple):
    """Problems that the policy sees, a base model, and both as one world."""

    asked: ProblemSet
    base: np.ndarray  # [R]
    world: Prompts
    start: np.ndarray  # [X·R] logits of the base

    def success(self, params: Any) -> np.ndarray:
        """Exact p of each problem [X] by free rows."""
        rows = separate_rows(self.world, extract_rows(TABULAR, self.world, params))
        return success_of(self.asked, rows)


def pool_of(seed: int, problems: int, cave: int) -> Pool:
    """A base model with opinions and some of the problems that it may solve, by the seed."""
    maze = compile_maze(build("caves", junctions=24, fewest=3, most=4, passage=3, spine=3,
                              graph_seed=cave))  # fmt: skip
    base = opinionated_rows(maze, 0.02, 1.0, seed)
    every = problems_of(maze, LIMIT, every_goal(maze, LIMIT))
    within = np.flatnonzero(success_of(every, base) > HARDEST)
    drawn = np.random.default_rng(seed).permutation(within)[:problems]
    asked = every.take(np.sort(drawn))
    world = prompts_of(asked)
    return Pool(asked, base, world, join_rows(world, np.log(base)).astype(np.float32))


def drawn(pool: Pool, key: jax.Array, how: Contrasting) -> tuple[Contrast, Told]:
    """A corpus of the base, repeated to as many walks and steps as there may be.

    Then all corpora of a pool and a number of walks share a compilation.
    """
    made, told = contrast_corpus(pool.world, TABULAR, pool.start, key, how)
    return _filled(made, len(pool.asked) * how.walks, how.limit), told


def _filled(made: Any, walks: int, steps: int) -> Any:
    def fill(x: np.ndarray) -> np.ndarray:
        more = [(0, 0), (0, steps - x.shape[1])] + [(0, 0)] * (x.ndim - 2)
        # Padding stands where the walk ended.
        wide = np.pad(x, more, mode="edge") if x.dtype == np.int32 else np.pad(x, more)
        return np.resize(wide, (walks, *wide.shape[1:]))

    return type(made)(*(fill(np.asarray(field)) for field in made))


def learned(
    pool: Pool, made: Contrast, rate: float, sizes: Gated | None = None, updates: int = 0,
    every: int = 0,
) -> Any:  # fmt: skip
    """A run of gated contrast with its history, one pass over the corpus by default."""
    updates = updates or len(made.arc) // BATCH
    training = Training(updates, "adam", rate, record_every=every or updates, max_norm=1.0)
    method = gated(pool.world, TABULAR, sizes or Gated(BATCH))
    return train(method, GatedTask(made), pool.start, training, keep_history=True)


def fine_tuned(pool: Pool, key: jax.Array, how: Contrasting, rate: float) -> tuple[np.ndarray, int]:
    """p [X] after SFT on all successes of the walks of `drawn`, in as many updates; their steps."""
    walks = draw_walks(pool.world, TABULAR, pool.start, key, how)
    size = len(walks.length)
    shown = _filled(corpus(pool.world, arrived_only(walks)), size, how.limit)
    training = Training(size // BATCH, "adam", rate, record_every=size // BATCH, max_norm=1.0)
    run = train(sft(pool.world, TABULAR, BATCH), shown, pool.start, training, key)
    return pool.success(run.params), int(walks.length.sum())


def over_steps(
    pool: Pool, method: Method, task: Any, rate: float, updates: int, key: jax.Array, steps: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Steps walked [U+1] and exact p [U+1, X] after each update; `steps` each if it tells none."""
    training = Training(updates, "adam", rate, record_every=1, max_norm=0.5, kl_stop=0.05)
    run = train(method, task, pool.start, training, key, keep_history=True)
    spent = run.metrics.get("steps", np.full(updates, float(steps)))
    success = np.stack([pool.success(params) for params in run.history])
    return np.append(0.0, np.cumsum(spent)), success
