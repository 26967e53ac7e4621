"""The best policy of a maze: goal known, or blind to the goal and Markov in the arrival arc.

Blind policies that remember nothing are partially informed, so that finding the best one is not
convex. Descents of the exact hitting time from several starts end in local optima; the best of them
is a policy that exists, so its time is an upper bound on the optimum's.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from mazerl.errors import require_seed, require_whole
from mazerl.exact.chain import plan_chain
from mazerl.exact.markov import hitting_times, policy_gradient
from mazerl.maze import Maze
from mazerl.maze.paths import shortest_paths
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.walk.env import Reward

# Beyond e⁻³⁰ a probability changes no digit of a time.
_LARGEST_GAP = 30.0
# A port taken less often than this is dropped, if that does not lengthen the walk.
_RARE = 0.02


class BestBlind(NamedTuple):
    """The best of several descents."""

    time: float  # expected steps, goal drawn uniformly
    probabilities: np.ndarray  # [R]
    times: np.ndarray  # [restarts] where each descent ended


def best_blind(maze: Maze, restarts: int = 4, seed: int = 0) -> BestBlind:
    """Least expected steps found for a policy that sees its arrival arc and not the goal.

    L-BFGS (scipy) on the log of the exact hitting time, by the logits of free rows. The first
    descent begins near the uniform walk, the others at random rows.

    Raises:
        MazerlError: restarts below 1.
    """
    require_whole("restarts", restarts)
    rows, plan, generator = (
        rows_of(maze),
        plan_chain(maze),
        np.random.default_rng(require_seed("seed", seed)),
    )
    steps_only = Reward(arrival=0.0, penalty=1.0)

    def log_time(logits: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = policy_gradient(maze, row_probabilities(maze, logits), steps_only, plan)
        return float(np.log(-gradient.value)), gradient.logits / gradient.value

    found = []
    for number in range(restarts):
        begin = generator.normal(size=rows.size) * (0.5 if number else 0.01)
        ended = minimize(
            log_time, begin, jac=True, method="L-BFGS-B",
            bounds=[(-_LARGEST_GAP, _LARGEST_GAP)] * rows.size,
            options={"maxiter": 200, "ftol": 1e-12, "gtol": 1e-9},
        )  # fmt: skip
        soft = row_probabilities(maze, ended.x)
        # Descents end a little short of certainty.
        hard = np.where(soft < _RARE, 0.0, soft)
        hard /= np.bincount(rows.arrival, hard, maze.num_arcs + 1)[rows.arrival]
        options = [(float(hitting_times(maze, p, plan).mean()), p) for p in (soft, hard)]
        found.append(min(options, key=lambda option: option[0]))
    time, probabilities = min(found, key=lambda option: option[0])
    return BestBlind(time, probabilities, np.array([time for time, _ in found]))


def goal_known_time(maze: Maze) -> float:
    """Mean length of the shortest paths to the goals: the best for who knows the goal."""
    distance = shortest_paths(maze).distance
    return float(np.mean([distance[goal] for goal in np.asarray(maze.goals).tolist()]))
