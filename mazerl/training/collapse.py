"""A collapse, told while it happens: walks that are not lucky at once get lost and never arrive.

The share of walks that succeed hides this, because a policy that knows one way forward is often
lucky. Where the policy reads its arrival alone the chain itself watches: H of the parameters is
solved after every record, in milliseconds, and a collapse is an H that stays far above that of the
best policy, which exact descent finds where it is asked for. A policy that remembers more is walked
with after every record instead, its parameters held still: what these walks tell of H is too short
where it is large, hardly ever too long. On mazes too large for either, the walks of training that
have lasted half the time limit are watched: how many of them arrive, beside how many would have at
the rate of the first records. That sees least: parameters that change free walkers who would be
lost for good.
"""

import math
from functools import cache, partial

import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.chain import ChainPlan, plan_chain
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import best_blind, goal_known_time
from mazerl.maze import Maze, World
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.policy.sampling import seeded_key
from mazerl.training.method import Columns, Metrics, Monitor, Params, Training
from mazerl.walk.rollouts import run_walks
from mazerl.walk.times import time_at_least

MOST_ARCS = 2000
"""Mazes of more arcs are not solved while training goes on."""

LOST = 100.0
"""A collapse is an H this many times the best policy's, …"""

PATIENCE = 0.095
"""… in all records of so large a share of the run."""

LOST_AT_LEAST = 50.0
"""Of an H that walks tell, the same: a base model's may be 20 times the best policy's."""

WALKS = 128
"""Walks of parameters held still, a record, …"""

TIMES = 64
"""… their limit over the best policy's H, …"""

MOST_STEPS = 2**13
"""… and the longest."""

# Without either: so many late arrivals were due, and less than a tenth of them came.
_DUE = 10.0

EXACT, AT_LEAST = "hitting_time", "hitting_time_at_least"
"""Metrics of a record: H by the chain, and by walks of parameters held still."""


def monitor(policy: Policy, world: World) -> Monitor:
    """What watches PPO: the chain where it can be solved, own walks, or those of training."""
    if not isinstance(world, Maze) or world.num_arcs > MOST_ARCS:
        return Monitor(warning=by_walks, merit=merit)

    @cache
    def optimum() -> float:
        return best_blind(world, restarts=1).time

    if not policy.markov:

        def clock(params: Params) -> Metrics:
            return {AT_LEAST: np.array(held_still(policy, world, params, optimum()))}

        def told(metrics: Columns, training: Training) -> str | None:
            return by_time(metrics, training, optimum(), AT_LEAST)

        return Monitor(clock, told, merit)
    plan, least = plan_chain(world), goal_known_time(world)

    def warning(metrics: Columns, training: Training) -> str | None:
        # Half a second's descent, and only if H is a collapse's beside what no policy beats.
        suspect = by_time(metrics, training, least) is not None
        return by_time(metrics, training, optimum()) if suspect else None

    return Monitor(partial(_by_chain, policy, world, plan), warning, merit)


def _by_chain(policy: Policy, maze: Maze, plan: ChainPlan, params: Params) -> Metrics:
    try:
        time = float(hitting_times(maze, extract_rows(policy, maze, params), plan).mean())
    except MazerlError:  # beyond what a number can say
        time = math.inf
    return {EXACT: np.array(time)}


def held_still(policy: Policy, maze: Maze, params: Params, optimum: float) -> float:
    """H of parameters by walks with them, or less where it is far beyond the best policy's."""
    steps = min(MOST_STEPS, math.ceil(TIMES * optimum))
    return time_at_least(run_walks(policy, params, maze, seeded_key(0), WALKS, steps), steps)


def patience(training: Training) -> int:
    """Records in which H has to be that of a collapse."""
    return max(2, math.ceil(PATIENCE * (training.steps // training.record_every)))


def merit(metrics: Metrics) -> float:
    """How good a record of [] each was: by H where it is told, else by how many walks arrived."""
    for name in (EXACT, AT_LEAST):
        if name in metrics:
            return -float(metrics[name])
    return float(metrics["arrivals"])


def by_time(metrics: Columns, training: Training, optimum: float, name: str = EXACT) -> str | None:
    """What to say if H has been that of a collapse for as long as is waited."""
    lost, about = (LOST, "") if name == EXACT else (LOST_AT_LEAST, "at least about ")
    time = metrics[name]
    lately = time[-patience(training) :]
    if len(lately) < patience(training) or lately.min() <= lost * optimum:
        return None
    return (
        f"PPO has collapsed: H is {about}{time[-1]:.3g}, {time[-1] / optimum:.3g} times the "
        f"optimum, while {metrics['success'][-1]:.0%} of the walks that end have arrived; {_REMEDY}"
    )


_REMEDY = (
    "let the critic see the goal, walk more steps an update, lower the rate, or raise gamma or the "
    "limit"
)


def by_walks(metrics: Columns, training: Training) -> str | None:
    """What to say if walks that last have ceased to arrive."""
    steps, arrivals = metrics["late_steps"], metrics["late_arrivals"]
    window = max(1, len(steps) // 10)
    rate = arrivals[:window].sum() / max(steps[:window].sum(), 1)
    due, came = rate * steps[-window:].mean(), arrivals[-window:].mean()
    if due * window * training.record_every < _DUE or came > due / 10:
        return None
    distinct = 100 * metrics["distinct"]
    return (
        f"PPO has collapsed: of walks that last, {came:.2g} arrive an update, not {due:.2g} as at "
        f"first, with {distinct[-window:].mean():.2g} distinct arcs in 100 steps; {_REMEDY}"
    )
