"""Success on validation problems, by which a run's best record is known (`Watch.judge`).

    exact where the policy reads its arrival alone, and the limit is no trouble:
        mean over problems of P(arrive within T)
    else the share of so many walks that arrive, by the same random numbers at every record

ReasonMaxxer takes the checkpoint that does best on problems held out of its training (Gai et al.
2026, arXiv 2605.06241 §4: 50; in the code 60).
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from mazerl.exact.pools import success_of
from mazerl.maze import Array, Maze, World
from mazerl.maze.problems import ProblemSet
from mazerl.maze.prompts import Prompts, in_turn
from mazerl.policy.contract import Policy
from mazerl.policy.extraction import extract_rows
from mazerl.policy.prompted import separate_rows
from mazerl.training.method import Params
from mazerl.walk.rollouts import run_walks

WALKS = 1000
"""At least, a record, where the chain does not say it."""

# Moves of the chain that a record may follow: about a second.
_MOST_MOVES = 2e8


def success_judge(
    policy: Policy, world: World, limit: int, key: Array
) -> Callable[[Params], float]:
    """Parameters → mean success within a limit of the problems of a world.

    Args:
        policy: any; its rows are solved where it is Markov in the arrival.
        world: a maze, of which each goal is a problem, or `Prompts`.
        limit: T, every step counts.
        key: of the walks, where they are needed.
    """
    asked = in_turn(world) if isinstance(world, Prompts) else world
    copies = world.num_goals // world.num_mazes  # that the chain is followed in
    if policy.markov and copies * world.num_arcs * limit <= _MOST_MOVES:
        return _by_chain(policy, world, limit)
    walks = -(-WALKS // world.num_goals) * world.num_goals

    def by_walks(params: Params) -> float:
        return float(np.mean(run_walks(policy, params, asked, key, walks, limit).reached))

    return by_walks


def _by_chain(policy: Policy, world: World, limit: int) -> Callable[[Params], float]:
    prompts = world if isinstance(world, Prompts) else None
    if prompts is not None:
        mazes = [prompts.alone(x) for x in range(prompts.num_mazes)]
        asked = ProblemSet(mazes[0], np.concatenate([maze.goals for maze in mazes]), limit)
    else:
        asked = ProblemSet(cast(Maze, world), np.asarray(world.goals), limit)

    def judge(params: Params) -> float:
        rows = extract_rows(policy, world, params)
        own = rows if prompts is None else separate_rows(prompts, rows)
        return float(success_of(asked, own).mean())

    return judge
