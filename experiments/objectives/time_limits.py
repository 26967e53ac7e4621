"""O7: what the end at the limit is, and what the critic sees of it: right and wrong pairs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, get_args

import jax.numpy as jnp
import networkx as nx
import numpy as np

from experiments.common.cells import cell_key
from experiments.common.limits import best_success, discounted_gradient, success_and_gradient
from experiments.common.seeds import CONFIRMING
from experiments.objectives import time_limits_claims
from mazerl import build, compile_maze
from mazerl.exact.actor_critic import ActorCritic, expected_update, success_variance
from mazerl.exact.horizon import arrival_law
from mazerl.exact.markov import hitting_times, policy_gradient
from mazerl.exact.optimum import best_blind
from mazerl.maze import Array, Maze, World
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.claims import Family
from mazerl.sweep.studies import Tables
from mazerl.training import Method, train
from mazerl.training.ppo import TRAINING, PPOTask, Sizes, ppo
from mazerl.walk.env import Reward

Name = Literal["two ways", "corridor"]
Objective = Literal["success", "hitting_time", "discounted"]

LAMBDAS = time_limits_claims.LAMBDAS
BOTH = (False, True)
RUNS: tuple[tuple[Objective, bool, bool, float], ...] = (
    ("success", False, True, 0.95), ("success", False, False, 0.95),
    ("success", False, False, 0.0), ("success", False, False, 1.0),
    ("success", True, True, 0.95), ("success", True, False, 0.95),
    ("hitting_time", False, True, 0.95), ("hitting_time", False, False, 0.95),
    ("hitting_time", True, True, 0.95), ("hitting_time", True, False, 0.95),
)  # fmt: skip
"""Exact ascents: objective, whether it bootstraps, whether the critic sees the time, λ."""


@dataclass(frozen=True)
class Config:
    """Updates at the base model, where exact ascent leads from there, or where PPO does.

    Or expected updates, while the critic is learning.
    """

    part: Literal["gradient", "ascent", "lag", "ppo"]
    maze: Name
    limit: int
    updates: int = 150  # of ascent or PPO
    objective: Objective = "success"  # what PPO is rewarded for
    bootstraps: bool = False  # at the limit
    clock: int = 0  # last steps that PPO's critic tells apart
    begins: float = 0.0  # values that PPO's critic begins with, or that which is learning
    seed: int = 0


_LIMITS: dict[Name, tuple[int, ...]] = {
    # A quarter, a half, one, two, four and twenty times the base's H.
    "two ways": (5, 11, 22, 44, 87, 436),
    "corridor": (35, 70, 140, 280, 560, 2800),
}
_NOTHING = 1e-9  # length of an update that is rounding
_T, _WALKERS, _HORIZON, _INERTIA = 11, 32, 128, 30.0  # of PPO
_PPO = (
    *(
        Config("ppo", "two ways", _T, 200, objective, bootstraps, clock)
        for objective in get_args(Objective)[:2]
        for bootstraps, clock in ((False, 0), (False, _T), (True, 0), (True, _T // 2), (True, _T))
    ),
    Config("ppo", "two ways", _T, 200, "success", True, 0, 1.0),
)
EXACT = (
    *(Config("gradient", maze, limit) for maze in _LIMITS for limit in _LIMITS[maze]),
    *(Config("ascent", "two ways", limit) for limit in (5, 7, 11, 15, 22, 33, 44, 87)),
    Config("ascent", "corridor", 35),
    *(Config("lag", "two ways", _T, 300, bootstraps=True, begins=value) for value in (0.0, 1.0)),
)
GRID = (*EXACT, *(replace(c, seed=CONFIRMING + n) for c in _PPO for n in range(5)))
QUICK = (
    *(c for c in EXACT if c.part == "gradient" and (c.maze == "two ways" or c.limit < 100)),
    *(c for c in EXACT if c.part == "lag"),
    Config("ascent", "two ways", 15, 50),
)
SMOKE = (
    *(Config("gradient", "two ways", limit) for limit in (11, 22)),
    Config("ascent", "two ways", 15, 30),
)

CLAIM_FAMILIES = (
    Family(
        id="O7",
        title="What the end at a time limit is",
        statement="For success within the limit the end at T is an end, and the update is right "
        "at every λ only if the critic sees the steps left; bootstrapping there leaves nothing to "
        "climb. For the expected hitting time it is the other way round: what is cut off is worth "
        "its value, and taken for an end it can turn the gradient round.",
        source="Pardo et al. 2018, Time Limits in Reinforcement Learning: time-awareness where a "
        "limit is part of the task, partial-episode bootstrapping where it is not. O7.1, O7.2, "
        "O7.6 and O7.7 are true by construction (the policy gradient theorem, baselines that do "
        "not depend on the move, a value of 1 everywhere, the Markov property): they test the "
        "code. Where wrong pairs lead, and from which T on, no paper gives",
        control="O7.c1: at twenty times the base's hitting time all eight pairs must agree. O7.c2: "
        "the two objectives pull apart at all, so that right and wrong can be told. O7.c3: PPO "
        "that is rewarded for success and bootstraps must stay where it is once its critic begins "
        "where it would end. O7.c4: a table that sees all of the time left has never seen an "
        "arrival with all of it left, so that it bootstraps from nothing: it must behave as an "
        "end. O7.c5 is O7.c3 without noise.",
        scope="One goal, rows blind to the time, tables: two ways (a door that mostly leads to the "
        "goal and else into a room, or a slow sure way; three rows that decide) and a corridor of "
        "3 branches. Which pairs come out wrong by how much is of these mazes: in the corridor "
        "the shortest way is the surest, and only the time-out that has nothing to climb ends "
        "elsewhere. A critic blind to the time does little harm at λ = .95 in either. Exact "
        "ascents take steps of one length along the expected update, from the uniform walk. Exact "
        "critics that see the time and bootstrap know the value of going on at every arrival; a "
        "table does if it tells apart only the last steps. PPO is the library's, at one limit, "
        "half the base's hitting time, without an entropy bonus. O7.20 was added when O7.17 had "
        "been seen, to find its reason: values that are still being learned, not noise.",
        sampled=("O7.16", "O7.17", "O7.18", "O7.19", "O7.c3", "O7.c4"),
    ),
)


@lru_cache
def maze_of(name: Name) -> Maze:
    """A maze with one goal."""
    if name == "corridor":
        whole = compile_maze(build("corridor", width=3, depth=2, lanes=2))
        return replace(whole, goals=whole.goals[:1])
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0, goals=[2])
    # The door has two edges to the goal and one to a room with twenty dead ends.
    graph.add_edges_from([(0, 1), (1, 2), (1, 2), (1, 3), *((3, n) for n in range(4, 24))])
    # The sure way is a random walk, too, but has nowhere else to go.
    nx.add_path(graph, [0, 24, 25, 26, 2])
    for vertex in (1, 3, 24, 25, 26):
        graph.nodes[vertex]["chance"] = True
    return compile_maze(graph)


def method_of(
    maze: Maze, objective: Objective, limit: int, lam: float, bootstraps: bool, sees_time: bool
) -> ActorCritic:
    """What is rewarded: arriving, every step, or arriving soon, seen as far as the base walks."""
    arrival, penalty = (0.0, 1.0) if objective == "hitting_time" else (1.0, 0.0)
    gamma = 1.0
    if objective == "discounted":
        gamma = 1 - 1 / float(hitting_times(maze, uniform(maze))[0])
    return ActorCritic(limit, arrival, penalty, gamma, lam, bootstraps, sees_time)


def uniform(maze: Maze) -> np.ndarray:
    """Rows of the base model."""
    return row_probabilities(maze, np.zeros(rows_of(maze).size))


def run(config: Config) -> dict[str, np.ndarray]:
    """One cell."""
    parts: dict[str, Callable[[Config, Maze], dict[str, np.ndarray]]] = {
        "gradient": _gradient, "ascent": _ascent, "lag": _lag, "ppo": _ppo,
    }  # fmt: skip
    maze = maze_of(config.maze)
    base, best = uniform(maze), best_blind(maze, 2).time
    told = {"base": reached(maze, base, config.limit), "best_time": best}
    if config.part != "gradient":
        told["best_success"] = best_success(maze, config.limit)
    return {name: np.asarray(x) for name, x in told.items()} | parts[config.part](config, maze)


def reached(maze: Maze, p: np.ndarray, limit: int) -> np.ndarray:
    """P(τ ≤ T) and H [2]."""
    return np.array([arrival_law(maze, p, limit)[0].sum(), hitting_times(maze, p)[0]])


def _gradient(config: Config, maze: Maze) -> dict[str, np.ndarray]:
    """Expected updates at the base beside the exact gradients: [objective, end, sees time, λ]."""
    p, goal = uniform(maze), int(maze.goals[0])
    gamma = method_of(maze, "discounted", 1, 1.0, True, True).gamma
    exact = {
        "success": success_and_gradient(maze, p, config.limit)[1],
        "hitting_time": policy_gradient(maze, p, Reward(0.0, 1.0)).logits,
        "discounted": discounted_gradient(maze, p, gamma),
    }
    shape = (len(exact), 2, 2, len(LAMBDAS))
    names = ("length", "apart", "along", "by_rows")
    told = {name: np.zeros(shape) for name in names} | {"variance": np.zeros(2)}
    for place in np.ndindex(shape):
        objective: Any = tuple(exact)[place[0]]
        bootstraps, sees_time = BOTH[place[1]], BOTH[place[2]]
        method = method_of(maze, objective, config.limit, LAMBDAS[place[3]], bootstraps, sees_time)
        found, true = expected_update(maze, p, goal, method), exact[objective]
        told["length"][place] = np.linalg.norm(found.logits)
        told["apart"][place] = np.linalg.norm(found.logits - true)
        told["along"][place] = found.logits @ true
        told["by_rows"][place] = _by_rows(maze, found.logits, true)
        if objective == "success" and not bootstraps and method.lam == 1:
            told["variance"][int(sees_time)] = success_variance(maze, p, goal, found.values)
    lengths = [np.linalg.norm(each) for each in exact.values()]
    return told | {
        "exact": np.array(lengths),
        "between": exact["success"] @ exact["hitting_time"] / (lengths[0] * lengths[1]),
    }


def _by_rows(maze: Maze, found: np.ndarray, true: np.ndarray) -> float:
    """The length of what a multiple of the true gradient, one for each row, makes of an update."""
    arrival = rows_of(maze).arrival
    along = np.bincount(arrival, found * true, maze.num_arcs + 1)
    square = np.bincount(arrival, true**2, maze.num_arcs + 1)
    part = np.maximum(along, 0) ** 2
    return float(np.sqrt(np.divide(part, square, where=square > 0, out=0 * part).sum()))


def _ascent(config: Config, maze: Maze) -> dict[str, np.ndarray]:
    """Success and H [runs, 2] where ascent along each of `RUNS` ends, and how long it moved."""
    ends, moved = [], []
    for objective, bootstraps, sees_time, lam in RUNS:
        method = method_of(maze, objective, config.limit, lam, bootstraps, sees_time)
        p, updates = ascend(maze, method, config.updates)
        ends.append(reached(maze, p, config.limit))
        moved.append(updates)
    return {"ends": np.stack(ends), "moved": np.array(moved)}


def ascend(maze: Maze, method: ActorCritic, updates: int) -> tuple[np.ndarray, int]:
    """Rows [R] after updates of a length that falls linearly, 30 in all; and how many there were.

    It ends where nothing is left to climb.
    """
    logits, goal = np.zeros(rows_of(maze).size), int(maze.goals[0])
    for n in range(updates):
        update = expected_update(maze, row_probabilities(maze, logits), goal, method).logits
        length = np.linalg.norm(update)
        if length < _NOTHING:
            return row_probabilities(maze, logits), n
        logits = logits + update / length * 60 / updates * (1 - n / updates)
    return row_probabilities(maze, logits), updates


def _lag(config: Config, maze: Maze) -> dict[str, np.ndarray]:
    """Success and H [2] where expected updates lead, each 0.05 long, while a table is averaged.

    As many moves are seen an update as PPO's, and values follow as fast.
    """
    logits, goal = np.zeros(rows_of(maze).size), int(maze.goals[0])
    method = method_of(maze, config.objective, config.limit, 0.95, config.bootstraps, False)
    table = np.full(maze.num_arcs + 1, config.begins)
    for _ in range(config.updates):
        p = row_probabilities(maze, logits)
        found = expected_update(maze, p, goal, method, table)
        made = found.occupancy[:-1].sum(0)
        missed = (found.occupancy[:-1] * found.advantage).sum(0) / np.where(made > 0, made, 1)
        # A walk that is cut off takes one more row of a walker's.
        seen = _WALKERS * _HORIZON * made / (made.sum() + found.occupancy[-1].sum())
        table = table + missed * seen / (seen + _INERTIA)
        length = np.linalg.norm(found.logits)
        if length < _NOTHING:
            break
        logits = logits + found.logits * 0.05 / length
    p = row_probabilities(maze, logits)
    return {"ends": reached(maze, p, config.limit)}


def _ppo(config: Config, maze: Maze) -> dict[str, np.ndarray]:
    """Success and H [records+1, 2] along PPO."""
    at_limit: Literal["bootstrap", "end"] = "bootstrap" if config.bootstraps else "end"
    sizes = Sizes(_WALKERS, _HORIZON, 2, 4, "goal", at_limit, config.clock)
    method = _begun(sizes, config.begins)
    reward = Reward(0.0, 0.05) if config.objective == "hitting_time" else Reward(1.0, 0.0)
    task = PPOTask(reward, entropy=0.0, limit=config.limit, inertia=_INERTIA)
    training = replace(TRAINING, steps=config.updates, record_every=config.updates // 10)
    start = np.zeros(rows_of(maze).size)
    method = replace(method, world=maze)
    run = train(method, task, start, training, cell_key(config), keep_history=True)
    rows = [row_probabilities(maze, logits) for logits in run.history]
    return {"ends": np.stack([reached(maze, p, config.limit) for p in rows])}


@lru_cache
def _begun(sizes: Sizes, value: float) -> Method:
    """PPO whose critic begins with other values."""
    method = ppo(maze_of("two ways"), sizes=sizes)
    if value == 0:
        return method

    def begin(maze: World, task: Any, key: Array) -> Any:
        carried = method.begin(maze, task, key)
        return carried._replace(values=jnp.full_like(carried.values, value))

    return replace(method, begin=begin)


def table(records: list[Record]) -> Tables:
    """One row an update, one an ascent, one a record of PPO; and O7."""
    return time_limits_claims.table(records, RUNS)
