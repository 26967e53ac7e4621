"""A collapse, told while it happens: walks that are not lucky at once get lost and never arrive.

The share of walks that succeed hides this, because a policy that knows one way forward is often
lucky. Where the policy reads its arrival alone the chain itself watches: H of the parameters is
solved after every record, in milliseconds, and a collapse is an H that stays far above that of the
best policy, which exact descent finds where it is asked for. Elsewhere the walks that have lasted
half the time limit are watched: how many of them arrive, beside how many would have at the rate of
the first records. That sees less: parameters that change free walkers who would be lost for good.
"""

import math
from functools import cache

from mazerl.errors import MazerlError
from mazerl.exact.chain import plan_chain
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import best_blind, goal_known_time
from mazerl.maze import Maze, World
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.training.method import Columns, Metrics, Monitor, Params, Training

MOST_ARCS = 2000
"""Mazes of more arcs are not solved while training goes on."""

LOST = 100.0
"""A collapse is an H this many times the best policy's, …"""

PATIENCE = 0.095
"""… in all records of so large a share of the run."""

# Without the chain: so many late arrivals were due, and less than a tenth of them came.
_DUE = 10.0


def monitor(policy: Policy, world: World) -> Monitor:
    """What watches PPO: by the chain where it can be solved in no time, else by late walks."""
    if not policy.markov or not isinstance(world, Maze) or world.num_arcs > MOST_ARCS:
        return Monitor(None, by_walks, merit)
    maze, plan, least = world, plan_chain(world), goal_known_time(world)

    def clock(params: Params) -> float:
        try:
            return float(hitting_times(maze, extract_rows(policy, maze, params), plan).mean())
        except MazerlError:  # beyond what a number can say
            return math.inf

    @cache
    def optimum() -> float:
        return best_blind(maze, restarts=1).time

    def warning(metrics: Columns, training: Training) -> str | None:
        # Half a second's descent, and only if H is a collapse's beside what no policy beats.
        suspect = by_chain(metrics, training, least) is not None
        return by_chain(metrics, training, optimum()) if suspect else None

    return Monitor(clock, warning, merit)


def patience(training: Training) -> int:
    """Records in which H has to be that of a collapse."""
    return max(2, math.ceil(PATIENCE * (training.steps // training.record_every)))


def merit(metrics: Metrics) -> float:
    """How good a record of [] each was: by H where it is told, else by how many walks arrived."""
    if "hitting_time" in metrics:
        return -float(metrics["hitting_time"])
    return float(metrics["arrivals"])


def by_chain(metrics: Columns, training: Training, optimum: float) -> str | None:
    """What to say if H has been that of a collapse for as long as is waited."""
    time = metrics["hitting_time"]
    lately = time[-patience(training) :]
    if len(lately) < patience(training) or lately.min() <= LOST * optimum:
        return None
    return (
        f"PPO has collapsed: H is {time[-1]:.3g}, {time[-1] / optimum:.3g} times the optimum, "
        f"while {metrics['success'][-1]:.0%} of the walks that end have arrived; {_REMEDY}"
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
