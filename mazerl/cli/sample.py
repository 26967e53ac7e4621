"""`mazerl sample`: a hitting time estimated from walks, beside the exact one where it is known."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import jax
import numpy as np

from mazerl.cli.answering import POLICY_HELP, answer
from mazerl.cli.parsing import Options
from mazerl.errors import require_whole
from mazerl.exact.limits import CERTAIN, policy_logits
from mazerl.exact.markov import hitting_times
from mazerl.exact.plans import ChainTooLargeError
from mazerl.maze import Maze, compile_maze
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.sampling import seeded_key
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.topology import build
from mazerl.walk.rollouts import Arrivals, run_walks
from mazerl.walk.times import tail_time

_OPTIONS: dict[str, Options] = {
    "policy": {
        "policy": (str, "uniform", POLICY_HELP),
        "search": (
            bool,
            False,
            "never repeat an arc while that can be avoided; at a fork only with --fork learned",
        ),
    },
    "run": {
        "walks": (int, 1000, "number of walks"),
        "limit": (int, 10_000, "time limit of a walk in steps; walks that reach it are censored"),
        "seed": (int, 0, "the same seed gives the same walks"),
        "json": (bool, False, "print one JSON object"),
    },
}


def main(words: Sequence[str]) -> None:
    """Sample walks on a topology."""
    summary = "Estimate a hitting time from walks, with an interval."
    answer("sample", summary, _OPTIONS, words, sample_report)


def _in_batches(
    policy: Policy,
    params: np.ndarray,
    maze: Maze,
    seed: int,
    walks: int,
    limit: int,
    progress: Callable[[float], None],
) -> Arrivals:
    """Walk in ten equal batches under one compilation, telling the share done after each."""
    batch = -(-walks // 10)
    steps, reached = [], []
    for number in range(10):
        key = jax.random.fold_in(seeded_key(seed), number)
        ended = run_walks(policy, params, maze, key, batch, limit)
        steps.append(np.asarray(ended.steps))
        reached.append(np.asarray(ended.reached))
        progress((number + 1) / 10)
    return Arrivals(np.concatenate(steps)[:walks], np.concatenate(reached)[:walks])


def sample_report(
    topology: str,
    parameters: dict[str, Any],
    policy: str = "uniform",
    walks: int = 1000,
    limit: int = 10_000,
    search: bool = False,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Estimated hitting time of a named policy, by walks, beside the exact one if it is known."""
    require_whole("the number of walks", walks)
    require_whole("the time limit", limit)
    maze = compile_maze(build(topology, **parameters))
    logits = policy_logits(topology, parameters, maze, policy)
    finite = np.nan_to_num(logits, posinf=CERTAIN, neginf=-CERTAIN)
    walker = TABULAR if search or policy != "uniform" else UNIFORM
    if search:
        walker = no_repeat(walker)
    params = finite.astype(np.float32)
    ended = _in_batches(walker, params, maze, seed, walks, limit, progress)
    estimate = tail_time(ended, limit)
    result: dict[str, Any] = {
        "topology": topology, **parameters, "policy": policy, "search": search, "seed": seed,
        "limit": limit, "hitting_time": estimate.value, "low": estimate.low, "high": estimate.high,
        "confidence": 0.95, "walks": walks, "arrivals": estimate.arrivals,
        "censored_share": estimate.censored,
    }  # fmt: skip
    if not search:
        # Walks are what is left for graphs that fill in.
        with suppress(ChainTooLargeError):
            exact = hitting_times(maze, row_probabilities(maze, logits)).mean()
            result["exact_hitting_time"] = float(exact)
    return result
