"""Y: mazes in the prompt: what SFT, search traces and GRPO make of graphs never seen."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.backtracking.in_context_claims import FAMILIES, claims_of, frames_of
from experiments.common.cells import cell_key
from experiments.common.seeds import CONFIRMING
from experiments.common.told_graphs import (
    Drawn,
    Side,
    chance_of,
    depth_first,
    draw_graphs,
    golden_path,
    guess_of,
    path_star,
    small_trees,
    some_of,
    told_goals,
    told_other_edges,
    walks_of,
)
from mazerl.maze import Array
from mazerl.maze.told import Told
from mazerl.policy.contract import Policy
from mazerl.policy.in_context import in_context, init_in_context
from mazerl.policy.scoring import judge
from mazerl.policy.transformer import Decoder
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import train
from mazerl.training.grpo import TRAINING as GRPO_TRAINING
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.sft import TRAINING, corpus, sft
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout

CLAIM_FAMILIES = FAMILIES


@dataclass(frozen=True)
class Config:
    """Graphs, and what a decoder learns from."""

    graphs: str  # star ARMS LENGTH, or tree VERTICES
    method: str  # golden, or search: traces, and GRPO from there
    seed: int
    steps: int  # of SFT
    layers: int
    reward_steps: int = 0  # of GRPO
    channels: int = 32
    names: int = 8
    pool: int = 32_768  # graphs to train on
    test: int = 256  # graphs never seen
    walks: int = 16  # of each
    batch: int = 128
    rate: float = 3e-3


_GOLDEN = Config("star 2 2", "golden", 0, steps=1000, layers=2)
_SEARCH = replace(_GOLDEN, method="search", steps=1500)
_CELLS = (
    _GOLDEN,
    replace(_GOLDEN, graphs="star 2 3", steps=2000, layers=3),
    replace(_GOLDEN, graphs="star 2 4", steps=2000, layers=4, names=10),
    replace(_SEARCH, reward_steps=500),
    replace(_SEARCH, graphs="star 3 2"),
    replace(_SEARCH, graphs="star 2 4", layers=4, names=10),
    replace(_SEARCH, graphs="tree 7", steps=1000, layers=3),
)
GRID = tuple(replace(cell, seed=CONFIRMING + n) for cell in _CELLS for n in range(3))
_TINY = replace(_GOLDEN, steps=400, names=6, pool=4096, test=64, batch=64)
SMOKE = (_TINY, replace(_TINY, method="search", steps=1000))
QUICK = tuple(replace(cell, seed=CONFIRMING) for cell in SMOKE)

_EVERY = 25  # updates a record


class _Graphs(NamedTuple):
    """What a cell trains on, and what it is judged on."""

    training: Drawn
    test: Drawn
    straight: int  # steps of the longest way to a goal
    limit: int  # steps in which every search has found it


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """What `_judged` says after each training, and of the same decoder along SFT."""
    graphs, decoder = _graphs(config), _decoder(config)
    key, policy = cell_key(config), in_context(_decoder(config))
    generator = np.random.default_rng(config.seed)
    trace = golden_path if config.method == "golden" else partial(depth_first, generator=generator)
    shown = walks_of(graphs.training, [trace(maze) for maze in graphs.training.mazes], graphs.limit)
    start = init_in_context(decoder, config.names, jax.random.fold_in(key, 0))
    training = replace(TRAINING, steps=config.steps, rate=config.rate, record_every=_EVERY)
    method = sft(graphs.training.world, policy, config.batch)
    ran = train(method, corpus(graphs.training.world, shown), start, training,
                jax.random.fold_in(key, 1), keep_history=True, watch=work.watch("sft"))  # fmt: skip
    told = {
        "guess": np.array([guess_of(maze) for maze in graphs.test.mazes]),
        "chance": np.array([chance_of(maze, graphs.limit) for maze in graphs.test.mazes]),
        "distance": np.array([len(golden_path(maze)) - 1 for maze in graphs.test.mazes]),
        "curve": _along(config, graphs, ran.history), "loss": np.asarray(ran.loss),
    }  # fmt: skip
    told |= _judged(config, graphs, ran.params, config.method)
    for name, world in _rewarded(config, graphs):
        learned = train(
            grpo(world, policy, Groups(64, 4, graphs.straight)), GRPOTask(Reward(1.0, 0.0)),
            ran.params, replace(GRPO_TRAINING, steps=config.reward_steps, rate=1e-3),
            jax.random.fold_in(key, 2), watch=work.watch(name),
        )  # fmt: skip
        told |= _judged(config, graphs, learned.params, name)
    return told


def _rewarded(config: Config, graphs: _Graphs) -> list[tuple[str, Told]]:
    """Worlds on which GRPO rewards arrivals straight away; the second tells goals by chance."""
    if not config.reward_steps:
        return []
    blind = told_goals(graphs.training, False, config.seed)
    return [("reward", graphs.training.world), ("blind", blind)]


def _graphs(config: Config) -> _Graphs:
    kind, *sizes = config.graphs.split()
    star, size = kind == "star", [int(x) for x in sizes]

    def drawn(side: Side, number: int, seed: int) -> Drawn:
        shapes = [path_star(*size)] if star else small_trees(size[0], side)
        return draw_graphs(shapes, number, config.names, seed, side if star else None)

    return _Graphs(
        drawn("training", config.pool, 10 * config.seed),
        drawn("test", config.test, 10 * config.seed + 1),
        size[1] if star else size[0] - 2,
        _limit(config),
    )


def _limit(config: Config) -> int:
    """Steps in which a depth-first search has walked everything."""
    kind, *sizes = config.graphs.split()
    if kind == "star":
        arms, length = (int(x) for x in sizes)
        return (2 * arms - 1) * length
    return 2 * (int(sizes[0]) - 1) - 1


def _decoder(config: Config) -> Decoder:
    return Decoder(config.layers, config.channels, context=_limit(config))


def _straight(config: Config, drawn: Drawn, world: Told, params: Any) -> np.ndarray:
    """P(each move of the one way to the goal) [M, straight], of graphs told as `world` says."""
    limit = max(len(golden_path(maze)) for maze in drawn.mazes) - 1
    walks = walks_of(drawn, [golden_path(maze) for maze in drawn.mazes], limit)
    log_p = _score(in_context(_decoder(config)), world, params, walks.arc[:, :-1], walks.port)
    real = np.arange(limit) < walks.length[:, None]
    return np.where(real, np.exp(np.asarray(log_p, float)), 1.0)


@partial(jax.jit, static_argnums=0)
def _score(policy: Policy, world: Told, params: Any, arcs: Array, ports: Array) -> Array:
    return judge(policy, world, params, arcs, ports).log_probability


def _along(config: Config, graphs: _Graphs, history: Any) -> np.ndarray:
    """P of the first move and of the others [records+1, 2], mean over graphs never seen."""
    records, told = len(jax.tree.leaves(history)[0]), []
    for n in range(records):
        params = jax.tree.map(lambda x, n=n: x[n], history)
        moves = _straight(config, graphs.test, graphs.test.world, params)
        told.append([moves[:, 0].mean(), moves[:, 1:].prod(1).mean()])
    return np.asarray(told)


def _judged(config: Config, graphs: _Graphs, params: Any, name: str) -> dict[str, np.ndarray]:
    """Of one decoder, keys `name.…`: exact p of going straight [M], and walks [M, W].

    `straight`: on graphs never seen; `trained`: on the first of those trained on; `edges` and
    `goal`: told otherwise than they are. `steps`, `reached`: of walks within the limit;
    `edges_reached`: of those where other edges are told.
    """
    test, seen = graphs.test, some_of(graphs.training, config.test)
    other = told_other_edges(test)
    worlds = {
        "straight": (test, test.world), "trained": (seen, seen.world), "edges": (test, other),
        "goal": (test, told_goals(test, True, config.seed)),
    }  # fmt: skip
    found = {
        each: _straight(config, drawn, world, params).prod(1)
        for each, (drawn, world) in worlds.items()
    }
    for each, world in (("", test.world), ("edges_", other)):
        walks = rollout(in_context(_decoder(config)), params, world.in_turn(), cell_key(config),
                        config.test * config.walks, graphs.limit)  # fmt: skip
        found[f"{each}reached"] = np.asarray(walks.reached).reshape(config.walks, -1).T
        found[f"{each}steps"] = np.asarray(walks.length).reshape(config.walks, -1).T
    return {f"{name}.{each}": values for each, values in found.items()}


def table(records: list[Record]) -> Tables:
    """A row a decoder, the curves, and Y."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
