"""A law of what SFT on golden paths does to a network: it leaks into the rows that were not shown.

Free rows that no golden path visits stay uniform. A network's rows share weights, so that what is
learned of the shown ones moves the others too, and where nothing ties a place to its ports (they
are numbered at random) it moves them anyhow. The law takes rows that are not shown to be random:

    logit = strength · w · m^¼ · z,  z ~ N(0, 1)

with m the number of shown rows that have a choice, and w the root mean square over these of
√(k(n-k)/(n(n-1))) for k of n ports shown: the spread of a row's logits that are one apart, shown
ports against the others. The one number, `strength`, and the power of m are formed on some mazes;
the rest is the graph and the demonstrations.
"""

from typing import NamedTuple

import numpy as np

from mazerl import Maze
from mazerl.exact.chain import ChainPlan
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.walk.corpora import golden_visits


class Shown(NamedTuple):
    """What golden paths show of a maze's rows."""

    seen: np.ndarray  # [R] bool: the entry's row is visited
    logits: np.ndarray  # [R] what SFT of free rows comes to; 0 where not seen
    spread: float  # w · m^¼


def shown_by_golden_paths(maze: Maze) -> Shown:
    """Which rows golden paths visit, and how decided they are there; w is 0 where there is none."""
    rows, visits = rows_of(maze), golden_visits(maze)
    total = np.bincount(rows.arrival, visits, maze.num_arcs + 1)
    ports = np.bincount(rows.arrival, minlength=maze.num_arcs + 1)
    taken = np.bincount(rows.arrival, visits > 0, maze.num_arcs + 1)
    choice = (total > 0) & (ports > 1)
    n, k = ports[choice], taken[choice]
    apart = np.mean(k * (n - k) / (n * (n - 1))) if choice.any() else 0.0
    spread = float(np.sqrt(apart) * choice.sum() ** 0.25)
    seen = total[rows.arrival] > 0
    with np.errstate(divide="ignore"):
        return Shown(seen, np.where(seen, np.log(visits), 0.0), spread)


def leaky_log_times(
    maze: Maze, plan: ChainPlan, strengths: tuple[float, ...], draws: int, everywhere: bool = False
) -> np.ndarray:
    """log H of free rows with leaks, goal drawn uniformly [strengths, draws].

    The draws z are the same for every strength. `everywhere`: rows that are shown are random too,
    which is no law but what one is held against.
    """
    shown, rng = shown_by_golden_paths(maze), np.random.default_rng(0)
    kept = shown.seen & (not everywhere)
    found = []
    for _ in range(draws):
        z = shown.spread * rng.normal(size=len(kept))
        found.append([_log_time(maze, plan, np.where(kept, shown.logits, s * z))
                      for s in strengths])  # fmt: skip
    return np.array(found).T


def _log_time(maze: Maze, plan: ChainPlan, logits: np.ndarray) -> float:
    return float(np.log(hitting_times(maze, row_probabilities(maze, logits), plan).mean()))
