"""What the command line says of a maze: exact answers, and answers by walks."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jax
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.exact.corridor import (
    goal_known,
    memory_optimum,
    rlvr_optimum,
    sft_base,
    solve_families,
    uniform_time,
)
from mazerl.exact.elimination import ChainTooLargeError
from mazerl.exact.families import family_map, limit_gaps, tabular_from_families
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import BestBlind, best_blind, goal_known_time
from mazerl.maze import Maze, compile_maze
from mazerl.measure.evaluate import tail_time
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.topology import build
from mazerl.walk.corpora import golden_visits
from mazerl.walk.rollouts import Arrivals, run_walks

POLICIES = ("uniform", "sft", "rlvr")
# Up to this size the whole graph is solved in well under a second.
_CHAIN_ARCS = 50_000
# Up to this size the best policy is found in seconds.
_MOST_ENTRIES = 5_000
# Certain moves get this gap when they are sampled: e⁻³⁰ is below what 24 random bits can show.
CERTAIN = 30.0


def policy_logits(topology: str, parameters: dict[str, Any], maze: Maze, policy: str) -> np.ndarray:
    """Tabular logits [R] of a named policy; +inf marks moves that are certain in the limit.

    Raises:
        MazerlError: the policy is unknown.
    """
    if policy not in POLICIES:
        raise MazerlError(f"unknown policy {policy!r}; known: {', '.join(POLICIES)}")
    if policy == "uniform":
        return np.zeros(rows_of(maze).size)
    if policy == "sft":
        # Rows that golden paths visit become what they show; all others stay at the base.
        rows, visits = rows_of(maze), golden_visits(maze)
        seen = np.bincount(rows.arrival, visits, maze.num_arcs + 1)[rows.arrival] > 0
        with np.errstate(divide="ignore"):
            return np.where(seen, np.log(visits), 0.0)
    if topology != "corridor":
        with np.errstate(divide="ignore"):
            return np.log(best_blind(maze).probabilities)
    families = family_map(maze, parameters["depth"])
    logits = np.asarray(tabular_from_families(families, limit_gaps("rlvr", parameters["depth"])))
    return np.where(_to_the_next_branch(maze), np.inf, logits)


def _to_the_next_branch(maze: Maze) -> np.ndarray:
    """Entries [R] that leave a corridor's fork, where it is the policy's, for the next branch.

    The arrival arc tells which branch was just left, so going round the branches in order never
    enters one twice: the edge-state policy reaches the optimum with memory.
    """
    rows, start = rows_of(maze), int(maze.start)
    head = np.append(np.asarray(maze.head), maze.start)
    left = np.asarray(maze.reverse)[np.minimum(rows.arrival, maze.num_arcs - 1)]
    back_at_fork = (head[rows.arrival] == start) & (rows.arrival < maze.num_arcs)
    return back_at_fork & (rows.arc == (left + 1) % int(maze.degree[start]))


def solve_report(
    topology: str, parameters: dict[str, Any], policy: str = "uniform", method: str = "auto"
) -> dict[str, Any]:
    """Exact expected hitting time of a named policy, and what to compare it with."""
    if method not in ("auto", "chain", "structured"):
        raise MazerlError(f"unknown method {method!r}; known: auto, chain, structured")
    maze = compile_maze(build(topology, **parameters))
    corridor, best = topology == "corridor", None
    if method == "auto":
        deep = corridor and maze.num_arcs > _CHAIN_ARCS and parameters["fork"] == "chance"
        method = "structured" if deep else "chain"
    if method == "structured" and not corridor:
        raise MazerlError(f"method 'structured' knows corridors, not {topology!r}; use chain")
    if method == "structured" and parameters["fork"] == "learned" and policy == "rlvr":
        raise MazerlError("method 'structured' knows no learned fork; use chain, or fork chance")
    if method == "structured":
        gaps = limit_gaps(policy, parameters["depth"])
        log_time = solve_families(gaps, parameters["width"], parameters["lanes"])
        with np.errstate(over="ignore"):
            time = float(np.exp(log_time))
    else:
        if not corridor and rows_of(maze).size <= _MOST_ENTRIES:
            best = best_blind(maze)
        if policy == "rlvr" and best is not None:
            probabilities = best.probabilities
        else:
            logits = policy_logits(topology, parameters, maze, policy)
            probabilities = row_probabilities(maze, logits)
        time = float(hitting_times(maze, probabilities).mean())
        log_time = float(np.log(time))
    result = {
        "topology": topology, **parameters, "policy": policy, "hitting_time": time,
        "log10_hitting_time": log_time / float(np.log(10)),
        "goal_certain": bool(np.isfinite(log_time)),
        "num_vertices": maze.num_vertices, "num_arcs": maze.num_arcs, "num_goals": maze.num_goals,
        "method": method,
    }  # fmt: skip
    return result | (_corridor_facts(parameters) if corridor else _facts(maze, best))


def _facts(maze: Maze, best: BestBlind | None) -> dict[str, Any]:
    """What to compare a time with, on any maze."""
    uniform = hitting_times(maze, row_probabilities(maze, np.zeros(rows_of(maze).size)))
    return {
        "optimum": best.time if best else None,
        "optimum_is": f"the best of {len(best.times)} descents: an upper bound"
        if best
        else f"not sought on more than {_MOST_ENTRIES} row entries",
        "goal_known": goal_known_time(maze),
        "uniform": float(uniform.mean()),
    }


def _corridor_facts(parameters: dict[str, Any]) -> dict[str, Any]:
    size = (parameters["width"], parameters["depth"], parameters["lanes"])
    learned = parameters["fork"] == "learned"
    return {
        # A policy that moves at the fork goes round the branches there.
        "optimum": float(memory_optimum(*size) if learned else rlvr_optimum(*size)),
        "optimum_is": "exact",
        "optimum_with_memory": float(memory_optimum(*size)),
        "goal_known": goal_known(size[1]),
        "uniform": float(uniform_time(*size)),
        "sft_base": sft_base(size[2]),
    }


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
        key = jax.random.fold_in(jax.random.key(seed), number)
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
