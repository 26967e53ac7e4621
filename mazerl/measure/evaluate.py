"""How well a policy walks: exactly where that is possible, else from walks."""

from typing import Any, NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_limit, require_whole
from mazerl.exact.chain import ChainPlan, plan_chain
from mazerl.exact.long_limits import LimitTooLongError, success_within
from mazerl.exact.markov import hitting_times
from mazerl.maze import Array, Maze, World
from mazerl.maze.prompts import Prompts
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from mazerl.walk.rollouts import run_walks
from mazerl.walk.times import tail_time


class Evaluation(NamedTuple):
    """How well a policy walks, and how that is known."""

    hitting_time: float  # expected steps, mean over goals
    low: float  # [low, high] is the 95% interval; exact times are their own
    high: float
    how: str
    success_within_limit: float  # P(hit ≤ limit)
    censored_share: float  # share of walks that the limit stops
    walks: int  # 0 where all of the answer is exact


def evaluate(
    policy: Policy, world: World, params: Any, key: Array, walks: int = 1000, limit: int = 1000
) -> Evaluation:
    """Solve a policy exactly where the arrival arc says all, else estimate from walks.

    Args:
        policy: any.
        world: the maze that it walks on, or problems whose goals it sees.
        params: its parameters.
        key: for the walks.
        walks: number of walks, where they are needed.
        limit: time limit in steps; walks that reach it are censored.
    """
    require_whole("the number of walks", walks)
    require_limit("the time limit", limit)
    if policy.markov:
        parts = _chains(policy, world, params)
        time = float(np.mean([hitting_times(*part).mean() for part in parts]))
        how, used = "exact chain", 0
        try:
            success = np.mean([success_within(maze, rows, limit, plan).mean()
                               for maze, rows, plan in parts])  # fmt: skip
        except LimitTooLongError:
            how, used = f"exact chain; success by {walks} walks", walks
            success = np.mean(run_walks(policy, params, world, key, walks, limit).reached)
        return Evaluation(time, time, time, how, float(success), 1 - float(success), used)
    ended = run_walks(policy, params, world, key, walks, limit)
    estimate = tail_time(ended, limit)
    return Evaluation(
        estimate.value,
        estimate.low,
        estimate.high,
        f"{walks} walks, censoring-aware",
        1 - estimate.censored,
        estimate.censored,
        walks,
    )


def _chains(
    policy: Policy, world: World, params: Any
) -> list[tuple[Maze, np.ndarray, ChainPlan]]:  # fmt: skip
    """Mazes with the rows that a policy walks by there: one, or one for each goal that it sees."""
    rows = extract_rows(policy, world, params)
    if isinstance(world, Prompts):
        seen = separate_rows(world, rows)
        mazes = [world.alone(x) for x in range(len(seen))]
        return [(maze, p, plan_chain(maze)) for maze, p in zip(mazes, seen, strict=True)]
    if not isinstance(world, Maze):
        raise MazerlError("several mazes side by side; evaluate them one by one")
    return [(world, rows, plan_chain(world))]
