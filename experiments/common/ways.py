"""Ways to learn a pool whose goals the policy sees, with free rows, each with as many steps.

A way is given a pool, a base model that is blind to the goal, a budget of environment steps and a
rate, and ends in rows [X, R]. Ways that imitate are shown as many tokens as others may take steps.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from mazerl.maze import Array
from mazerl.maze.problems import ProblemSet
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.preferences import row_sums
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Method, Training, TrainingStoppedError, Watch, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.training.success import success_ascent
from mazerl.training.tree import Trees, TreeTask, tree
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks

GROUPS, WALKS, FIRST = 12, 16, 8
"""Groups or trees an update, walks of each, a tree's whole ones."""

_PPO = Sizes(walkers=64, horizon=128, minibatches=4)
_REWARD = Reward(1.0, 0.0)


@dataclass(frozen=True)
class Given:
    """What all ways begin with."""

    asked: ProblemSet
    base: np.ndarray  # [R], blind to the goal
    steps: int  # of the environment
    rate: float
    seed: int
    key: Array

    @cached_property
    def world(self) -> Prompts:
        """The problems side by side."""
        return prompts_of(self.asked)

    @cached_property
    def start(self) -> np.ndarray:
        """Logits of the world's free rows."""
        return join_rows(self.world, np.log(self.base)).astype(np.float32)


class Learned(NamedTuple):
    """What a way ends in, and what it took."""

    rows: np.ndarray  # [X, R]
    steps: float = 0.0  # of the environment
    tokens: float = 0.0  # that were imitated, each as often as it was shown


Way = Callable[[Given], Learned]


def learned_rows(given: Given, params: Any) -> np.ndarray:
    """Rows [X, R] of the world's parameters."""
    return separate_rows(given.world, extract_rows(TABULAR, given.world, params))


def for_all(given: Given, rows: np.ndarray) -> np.ndarray:
    """Rows [R] of a blind policy, alike for all goals [X, R]."""
    return np.broadcast_to(rows, (len(given.asked), rows.shape[-1]))


def base(given: Given) -> Learned:
    """The base model itself."""
    return Learned(for_all(given, given.base))


def tempered(temperature: float) -> Way:
    """The base at another temperature."""

    def way(given: Given) -> Learned:
        maze = given.asked.maze
        weight = given.base ** (1 / temperature)
        rows = weight / row_sums(maze, weight)[rows_of(maze).arrival]
        return Learned(for_all(given, rows))

    return way


def uniform(given: Given) -> Learned:
    """The random walk."""
    maze = given.asked.maze
    return Learned(for_all(given, row_probabilities(maze, np.zeros(rows_of(maze).size))))


def _climb(given: Given, method: Method, task: Any, each: float | None = None) -> Learned:
    """Train until the next update would take more steps than to stop; `each` where it is fixed."""
    spent, params = [0.0], [given.start]

    def tell(done: int, metrics: dict[str, np.ndarray], now: Any) -> None:
        del done
        spent.append(spent[-1] + (float(metrics["steps"]) if each is None else each))
        params[0] = np.asarray(now)

    def enough() -> bool:
        return spent[-1] + (spent[-1] - spent[max(len(spent) - 2, 0)]) / 2 > given.steps

    training = Training(100_000, "adam", given.rate, record_every=1, max_norm=0.5, kl_stop=0.05)
    with suppress(TrainingStoppedError):
        train(method, task, given.start, training, given.key, watch=Watch(tell, stop=enough))
    return Learned(learned_rows(given, params[0]), spent[-1])


def grouped(others: bool = False, **sizes: Any) -> Way:
    """GRPO of some kind, by what differs in its `Groups`; or told the outcomes of another group."""

    def way(given: Given) -> Learned:
        told = Groups(GROUPS, WALKS, given.asked.limit, **sizes)
        method = grpo(given.world, TABULAR, told)
        if others:
            method = replace(method, walk=_exchanged(method.walk))
        return _climb(given, method, GRPOTask(_REWARD))

    return way


@lru_cache
def _exchanged(walk: Callable[..., tuple[Walks, Any]]) -> Callable[..., tuple[Walks, Any]]:
    def walked(*given: Any) -> tuple[Walks, Any]:
        walks, state = walk(*given)
        return walks._replace(reached=jnp.roll(walks.reached, WALKS)), state

    return walked


def by_ppo(given: Given) -> Learned:
    """PPO with a critic for each goal."""
    task = PPOTask(reward=_REWARD, limit=given.asked.limit)
    each = float(_PPO.walkers * _PPO.horizon)
    return _climb(given, ppo(given.world, TABULAR, _PPO), task, each)


def on_trees(given: Given) -> Learned:
    """Trees whose nodes UUCB chooses, with its first constants (reconstructed)."""
    sizes = Trees(GROUPS, WALKS, FIRST, limit=given.asked.limit, selector="uucb")
    return _climb(given, tree(given.world, TABULAR, sizes), TreeTask())


def exactly(given: Given) -> Learned:
    """Ascent on mean p, nothing sampled."""
    asked = given.asked
    method = success_ascent(asked.maze, asked.limit, "success", asked.goals)
    start = for_all(given, np.log(given.base))
    logits = train(method, (), start, Training(200, "adam", given.rate, record_every=50)).params
    return Learned(np.stack([row_probabilities(asked.maze, row) for row in logits]))
