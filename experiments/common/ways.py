"""Ways to learn a pool whose goals the policy sees, with free rows, each with as many steps.

A way is given a pool, a base model that is blind to the goal, a budget of environment steps and a
rate, and ends in rows [X, R]. Ways that imitate are shown as many tokens as others may take steps.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.exact.horizon import follow
from mazerl.maze import Array
from mazerl.maze.problems import ProblemSet
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.extraction import extract_rows, row_probabilities
from mazerl.policy.preferences import row_sums
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training import Method, Training, TrainingStoppedError, Watch, train
from mazerl.training.contrast import Contrasting, contrast_corpus
from mazerl.training.gated import Gated, GatedTask, gated
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.training.sft import corpus, sft
from mazerl.training.success import success_ascent
from mazerl.training.tree import Trees, TreeTask, tree
from mazerl.walk.corpora import arrived_only, golden_walks, mix_walks
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks, rollout
from mazerl.walk.side_by_side import join_walks

GROUPS, WALKS, FIRST, BATCH = 12, 16, 8, 64
"""Groups or trees an update, walks of each, a tree's whole ones; walks of a batch of imitation."""

_CORPUS, _AT_ONCE = 16384, 1024  # walks of a corpus, each maybe several times; of a rollout
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


def _rows(given: Given, params: Any) -> np.ndarray:
    return separate_rows(given.world, extract_rows(TABULAR, given.world, params))


def _seen(given: Given, rows: np.ndarray) -> np.ndarray:
    return np.broadcast_to(rows, (len(given.asked), rows.shape[-1]))


def base(given: Given) -> Learned:
    """The base model itself."""
    return Learned(_seen(given, given.base))


def tempered(temperature: float) -> Way:
    """The base at another temperature."""

    def way(given: Given) -> Learned:
        maze = given.asked.maze
        weight = given.base ** (1 / temperature)
        rows = weight / row_sums(maze, weight)[rows_of(maze).arrival]
        return Learned(_seen(given, rows))

    return way


def uniform(given: Given) -> Learned:
    """The random walk."""
    maze = given.asked.maze
    return Learned(_seen(given, row_probabilities(maze, np.zeros(rows_of(maze).size))))


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
    return Learned(_rows(given, params[0]), spent[-1])


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
    start = _seen(given, np.log(given.base))
    logits = train(method, (), start, Training(200, "adam", given.rate, record_every=50)).params
    return Learned(np.stack([row_probabilities(asked.maze, row) for row in logits]))


def _imitate(given: Given, walks: Walks, steps: float) -> Learned:
    """As many tokens of these walks as others may take steps."""
    length = float(np.mean(walks.length))
    updates = max(1, round(given.steps / (BATCH * length)))
    training = Training(updates, "adam", given.rate, record_every=1, max_norm=1.0)
    task = corpus(given.world, _tiled(_wide(walks, given.asked.limit)))
    method = sft(given.world, TABULAR, BATCH)
    params = train(method, task, given.start, training, given.key).params
    return Learned(_rows(given, params), steps, updates * BATCH * length)


def _wide(walks: Walks, limit: int) -> Walks:
    more = limit - walks.port.shape[1]
    arc, port = (
        np.pad(np.asarray(x), ((0, 0), (0, more)), "edge") for x in (walks.arc, walks.port)
    )
    return walks._replace(arc=arc, port=port)


def _tiled(walks: Walks) -> Walks:
    """Each walk as often as the others, but for one time; corpora of one shape compile once."""
    order = np.resize(np.arange(len(walks.length)), _CORPUS)
    return Walks(*(np.asarray(field)[order] for field in walks))


_GOLDEN = 32  # golden paths of each goal; a tree has one


def _paths(given: Given) -> Walks:
    each = [
        golden_walks(given.world.alone(x), _GOLDEN, given.seed) for x in range(len(given.asked))
    ]
    return join_walks(given.world, each)


def golden(given: Given) -> Learned:
    """SFT on shortest paths."""
    return _imitate(given, _paths(given), 0)


def explored(given: Given, rows: np.ndarray | None = None) -> tuple[Walks, float]:
    """Walks of rows [X, R], the base's unless given, within the budget of steps; and how many."""
    asked = given.asked
    p = _seen(given, given.base) if rows is None else rows
    mean = np.mean([_mean_steps(asked, p[x], x) for x in range(len(asked))])
    logits = np.log(np.maximum(join_rows(given.world, p), 1e-30)).astype(np.float32)
    count = max(1, round(given.steps / mean))
    keys = jax.random.split(given.key, -(-count // _AT_ONCE))
    parts = [rollout(TABULAR, logits, given.world, key, _AT_ONCE, asked.limit) for key in keys]
    fields = (np.concatenate(field)[:count] for field in zip(*parts, strict=True))
    walks = Walks(*fields)
    return walks, float(walks.length.sum())


def _mean_steps(asked: ProblemSet, p: np.ndarray, x: int) -> float:
    return float(follow(asked.maze, p, asked.limit, int(asked.goals[x])).occupancy[:-1].sum())


def positives(given: Given) -> Learned:
    """SFT on the base's own walks that arrive."""
    walks, steps = explored(given)
    return _imitate(given, arrived_only(walks), steps)


def backtracking(given: Given) -> Learned:
    """SFT on shortest paths and on the base's arrivals, which look into dead ends, a half each."""
    walks, steps = explored(given)
    found = arrived_only(walks)
    count = min(len(found.length), len(_paths(given).length))
    paths = Walks(*(np.asarray(field) for field in _paths(given)))
    drawn = np.random.default_rng(given.seed).permutation(len(found.length))[:count]
    most = Walks(*(field[drawn] for field in _wide(found, given.asked.limit)))
    order = np.random.default_rng(given.seed).permutation(len(paths.length))[:count]
    some = Walks(*(field[order] for field in paths))
    return _imitate(given, mix_walks(most, some, 0.5), steps)


def contrasted(given: Given) -> Learned:
    """ReasonMaxxer: gated contrast, one pass over walks of the base at temperature 0.6."""
    asked = given.asked
    cold = tempered(0.6)(given).rows
    mean = np.mean([_mean_steps(asked, cold[x], x) for x in range(len(asked))])
    how = Contrasting(walks=round(given.steps / (mean * len(asked))), limit=asked.limit)
    made, told = contrast_corpus(given.world, TABULAR, given.start, given.key, how)
    sizes = Gated()
    updates = max(1, len(made.arc) // sizes.batch)
    training = Training(updates, "adam", given.rate, record_every=updates, max_norm=1.0)
    method = gated(given.world, TABULAR, sizes)
    params = train(method, GatedTask(made), given.start, training, given.key).params
    return Learned(_rows(given, params), told.steps, told.tokens)


def distilled(given: Given) -> Learned:
    """SFT on arrivals of exact ascent's policy, dead ends included."""
    teacher = exactly(replace(given, rate=0.1)).rows
    walks, steps = explored(given, rows=teacher)
    del steps  # the teacher's, who is paid for elsewhere
    return _imitate(given, arrived_only(walks), 0)


def named_after(relabel: bool) -> Way:
    """SFT on walks up to a goal of the pool that they came by; told that goal, or the one meant."""

    def way(given: Given) -> Learned:
        walks, steps = explored(given)
        return _imitate(given, cut(given, walks, relabel), steps)

    return way


def cut(given: Given, walks: Walks, relabel: bool) -> Walks:
    """Walks that came by goals of the pool, each up to one of these, drawn evenly."""
    world, draw = given.world, np.random.default_rng(given.seed)
    own, vertices = world.own_arcs, world.num_vertices // world.num_mazes
    head = np.asarray(world.head)[:own] % vertices
    goals = np.asarray(given.asked.goals)
    begins = walks.arc[:, 0] - world.num_arcs
    inside = walks.arc[:, 1:] - begins[:, None] * own
    real = np.arange(inside.shape[1]) < walks.length[:, None]
    vertex = np.where(real, head[np.where(real, inside, 0)], -1)
    by = vertex[:, :, None] == goals[None, None]  # [N, T, X]
    passed, first = by.any(1), by.argmax(1)
    score = np.where(passed, draw.random(passed.shape), -1.0)
    chosen = score.argmax(1)
    kept = np.flatnonzero(passed.any(1))
    chosen = chosen[kept]
    length = first[kept, chosen] + 1
    told = chosen if relabel else begins[kept]
    arc = np.where(real[kept], inside[kept] + told[:, None] * own, 0)
    arc = np.concatenate([(world.num_arcs + told)[:, None], arc], axis=1).astype(np.int32)
    reached = np.ones(len(kept), bool)
    return Walks(
        arc, walks.port[kept], np.asarray(world.goals)[told], length.astype(np.int32), reached,
        ~reached,
    )  # fmt: skip
