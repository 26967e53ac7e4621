"""`mazerl solve`: exact expected hitting times of a maze under a named policy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mazerl.cli.answering import POLICY_HELP, answer
from mazerl.cli.parsing import Options
from mazerl.errors import MazerlError
from mazerl.exact.corridor import (
    goal_known,
    memory_optimum,
    rlvr_optimum,
    sft_base,
    solve_families,
    uniform_time,
)
from mazerl.exact.families import limit_gaps
from mazerl.exact.limits import policy_logits
from mazerl.exact.long_limits import success_within
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import BestBlind, best_blind, goal_known_time
from mazerl.maze import Maze, compile_maze
from mazerl.maze.problems import require_some_within
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import build

_OPTIONS: dict[str, Options] = {
    "policy": {"policy": (str, "uniform", POLICY_HELP)},
    "run": {
        "limit": (
            int | None,
            None,
            "a time limit in steps: say how likely each goal is reached within it [default: none]",
        ),
        "method": (
            str,
            "auto",
            "chain: eliminate the states of the whole graph; structured: a corridor's solver, "
            "linear in depth; auto: the chain up to 50000 arcs",
        ),
        "json": (bool, False, "print one JSON object"),
    },
}


def main(words: Sequence[str]) -> None:
    """Solve a topology."""
    answer("solve", "Print exact expected hitting times of a maze.", _OPTIONS, words, solve_report)


# Up to this size the whole graph is solved in well under a second.
_CHAIN_ARCS = 50_000


# Up to this size the best policy is found in seconds.
_MOST_ENTRIES = 5_000


def solve_report(
    topology: str,
    parameters: dict[str, Any],
    policy: str = "uniform",
    method: str = "auto",
    limit: int | None = None,
) -> dict[str, Any]:
    """Exact expected hitting time of a named policy, and what to compare it with.

    With a limit also the probability to arrive within it, goal by goal in the maze's order.
    """
    maze = compile_maze(build(topology, **parameters))
    corridor, best = topology == "corridor", None
    method = _method(method, topology, parameters, maze, policy)
    if limit is not None:
        if method == "structured":
            raise MazerlError("method 'structured' knows no time limit; use chain, or drop --limit")
        require_some_within(maze, "--limit", limit)
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
    if limit is not None:
        success = success_within(maze, probabilities, limit)
        result |= {
            "limit": limit,
            "success_within_limit": float(success.mean()),
            "success_by_goal": success.tolist(),
        }
    return result | (_corridor_facts(parameters) if corridor else _facts(maze, best))


def _method(wanted: str, topology: str, parameters: dict[str, Any], maze: Maze, policy: str) -> str:
    """The method to solve with, where it is possible."""
    if wanted not in ("auto", "chain", "structured"):
        raise MazerlError(f"unknown method {wanted!r}; known: auto, chain, structured")
    corridor = topology == "corridor"
    if wanted == "auto":
        deep = corridor and maze.num_arcs > _CHAIN_ARCS and parameters["fork"] == "chance"
        return "structured" if deep else "chain"
    if wanted == "structured" and not corridor:
        raise MazerlError(f"method 'structured' knows corridors, not {topology!r}; use chain")
    if wanted == "structured" and parameters["fork"] == "learned" and policy == "rlvr":
        raise MazerlError("method 'structured' knows no learned fork; use chain, or fork chance")
    return wanted


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
