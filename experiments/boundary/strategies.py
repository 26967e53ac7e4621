"""B5, B7: equal ways to the goal: which learning keeps them all, and what is new to the base."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np

from experiments.boundary.strategies_claims import FAMILIES, claims_of
from experiments.boundary.strategies_tables import TIME, TRIES, frames_of
from experiments.common.cells import all_trained, cell_key
from experiments.common.parallel_passages import Chain, Rule, chain_of, learn, parallel_passages
from experiments.common.seeds import CONFIRMING
from mazerl.measure.drift import update_noise
from mazerl.measure.overlap import law_entropy, overlap, rare_share, unseen_share, walk_laws
from mazerl.measure.routes import RoutePlan, expected_distinct, plan_routes, route_laws
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.loop import train_seeds
from mazerl.training.method import Training
from mazerl.walk.corpora import golden_visits, golden_walks, visits_of
from mazerl.walk.env import Reward

LIMIT, FORKS, PASSAGES, TURNING = 10, 3, 3, 0.1
RECORDS = 25
WALKS = 64  # of a policy, in each set that is counted
_JUDGED = 4  # seeds whose walks are enumerated
_AGAINST = 4.0  # nats that a base model holds against a demonstration at forks
_STEP = 1e-4  # of central differences


@dataclass(frozen=True)
class Config:
    """A way to learn from the base model, on forks with three passages on from each."""

    learning: str  # base, one or all (demonstrations), rl, grpo (the package's), noise (theory)
    rate: float = 4.0
    updates: int = 100
    walks: int = 0  # an update; 0: the exact gradient
    advantage: str = "leave_one_out"
    optimizer: str = "sgd"
    epsilon: float = 1e-8
    beta: float = 0.0
    entropy: float = 0.0
    third: int = 2  # edges of every third passage; the others have 2
    ends: int = 2  # dead ends at the first fork; others have 2
    spread: float = 0.0  # of normal numbers added to the base model's logits
    against: bool = False  # whether the base model is against the one demonstration
    seeds: int = 1
    seed: int = 0
    sets: int = 100  # how often it is counted what is new


def _grid(seeds: int, seed: int, sets: int = 100) -> tuple[Config, ...]:
    """All cells; those that draw anything, with so many seeds."""
    drawn = Config("rl", seeds=seeds, seed=seed)
    few = replace(drawn, seeds=min(seeds, 8))
    free = replace(few, optimizer="adam", rate=0.1, ends=0, spread=1e-7)
    thousand = replace(drawn, walks=1024)
    every = (
        Config("base"), Config("one", 1.0), Config("all", 1.0), Config("one", 1.0, against=True),
        Config("base", against=True), Config("rl"), Config("rl", updates=400),
        Config("rl", third=4), Config("rl", third=6),
        *(replace(drawn, spread=spread) for spread in (0.03, 0.1, 0.3)),
        replace(drawn, spread=0.1, optimizer="adam", rate=0.03),
        *(replace(free, epsilon=epsilon) for epsilon in (1e-8, 1e-6, 1e-5, 1e-4, 1e-2)),
        replace(free, ends=2), replace(free, optimizer="sgd", rate=4.0),
        replace(free, spread=0.0, updates=400, seeds=1),
        *(replace(drawn, rate=rate, updates=round(TIME / rate), walks=4**n)
          for rate in (16.0, 4.0, 1.0) for n in range(2, 9) if n < 8 or rate > 1),
        *(replace(thousand, beta=beta) for beta in (0.003, 0.01, 0.03)),
        *(replace(thousand, entropy=entropy) for entropy in (0.003, 0.01, 0.03)),
        *(replace(thousand, updates=400, advantage=name) for name in ("leave_one_out", "rewards")),
        *(replace(drawn, optimizer="adam", advantage="spread", rate=rate, updates=updates,
                  walks=walks)
          for rate, updates in ((0.01, 400), (0.03, 200), (0.1, 100)) for walks in (16, 64, 256)),
        *(Config("noise", rate, round(TIME / rate)) for rate in (16.0, 4.0, 1.0)),
        replace(drawn, learning="grpo", rate=16.0, updates=25, walks=64),
    )  # fmt: skip
    return tuple(replace(config, sets=sets) for config in every)


GRID = _grid(32, CONFIRMING)


def _part(seeds: int, seed: int, sets: int) -> tuple[Config, ...]:
    """What is soon done, and decided whatever the seeds are."""
    return tuple(
        config for config in _grid(seeds, seed, sets)
        if config.learning not in ("grpo", "noise") and config.updates == 100
        and config.rate != 16.0 and config.advantage == "leave_one_out"
        and config.walks in (0, 1024) and config.third != 4 and not (config.beta or config.entropy)
        and config.spread in (0.0, 1e-7, 0.1) and config.epsilon in (1e-8, 1e-4)
    )  # fmt: skip


QUICK, SMOKE = _part(8, CONFIRMING, 100), _part(2, 0, 20)

CLAIM_FAMILIES = FAMILIES


class _Place(NamedTuple):
    chain: Chain
    plan: RoutePlan
    base: np.ndarray  # [R] probabilities
    shown: np.ndarray  # [R] moves of one demonstration


@lru_cache
def _place(third: int, ends: int, against: bool) -> _Place:
    maze = parallel_passages((2, 2, third), FORKS, (ends, 2))
    base = straight_rows(maze, TURNING)
    shown = visits_of(maze, golden_walks(maze, 1, 0))
    if against:
        rows = rows_of(maze)
        at_fork = np.diff(rows.start)[rows.arrival] > 2
        base = row_probabilities(maze, np.log(base) - _AGAINST * (at_fork & (shown > 0)))
    return _Place(chain_of(maze, LIMIT), plan_routes(maze, LIMIT), base, shown)


def run(config: Config) -> dict[str, np.ndarray]:
    """P(success) by routes over time, and what the successes at the end have in common with base.

    `law` [records+1, S, routes]; of the noise (theory) `lost` [records+1], nats of the routes'
    entropy times walks. Else of the first seeds [s], or of [s, 2, tries] by walks and by routes:
    `unseen`, `rare`, `overlap` [s, 2], `entropy` [s] of walks, `distinct` [s] routes in 64 walks,
    and counted [sets]: `new`, `successes`, `routes`.
    """
    place = _place(config.third, config.ends, config.against)
    if config.learning == "noise":
        return _theory(config, place)
    draw = np.random.default_rng(int.from_bytes(jax.random.key_data(cell_key(config)).tobytes()))
    start = np.log(place.base) + config.spread * draw.normal(size=(config.seeds, len(place.base)))
    if config.learning == "grpo":
        logits = _by_package(config, place, start)
    else:
        logits = _learned(config, place, start, int(draw.integers(2**31)))
    maze = place.chain.maze
    rows = np.stack([[row_probabilities(maze, one) for one in each] for each in logits])
    law = np.stack([route_laws(place.plan, each) for each in rows])
    first = slice(_JUDGED)
    return {"law": law} | _against_base(place, rows[-1, first], law[-1, first], config.sets, draw)


def _learned(config: Config, place: _Place, start: np.ndarray, seed: int) -> np.ndarray:
    """Logits [records+1, S, R]."""
    if config.learning == "base":
        return start[None]
    rule = Rule(
        config.rate, config.updates, config.walks, config.advantage, config.optimizer,
        config.epsilon, config.beta, config.entropy,
    )  # fmt: skip
    shown = {"rl": None, "one": place.shown, "all": golden_visits(place.chain.maze)}
    return learn(place.chain, start, rule, RECORDS, seed, shown[config.learning])


def _by_package(config: Config, place: _Place, start: np.ndarray) -> np.ndarray:
    """The same by `training.grpo`, whose loss is a mean over walks and steps up to the limit."""
    sizes = Groups(
        groups=1, group=config.walks, limit=LIMIT, advantage=config.advantage,
        normalize="constant",
    )  # fmt: skip
    training = Training(config.updates, config.optimizer, config.rate * LIMIT, record_every=1)
    keys = jax.random.split(cell_key(config), config.seeds)
    runs = train_seeds(
        grpo(place.chain.maze, sizes=sizes), GRPOTask(Reward(1.0, 0.0)), start.astype(np.float32),
        training, keys, keep_history=True,
    )  # fmt: skip
    kept = [np.stack(each.history) for each in all_trained(runs)]
    return np.stack(kept, 1)[:: config.updates // RECORDS]


def _against_base(
    place: _Place, rows: np.ndarray, law: np.ndarray, sets: int, draw: np.random.Generator
) -> dict[str, np.ndarray]:
    """Of policies [s, R] with laws of routes [s, routes]."""
    base, *walks = walk_laws(place.chain.maze, np.stack([place.base, *rows]), LIMIT)
    (base_routes,) = route_laws(place.plan, place.base[None])
    pairs = [[(mine, base), (routes, base_routes)] for mine, routes in zip(walks, law, strict=True)]
    told = {
        name: np.array([[[told(*ways, n) for n in TRIES] for ways in each] for each in pairs])
        for name, told in (("unseen", unseen_share), ("rare", rare_share))
    }
    new, successes, routes = _counted(walks[0], base, law[0], sets, draw)
    return told | {
        "overlap": np.array([[overlap(*ways) for ways in each] for each in pairs]),
        "entropy": np.array([law_entropy(each) for each in walks]),
        "distinct": np.array([expected_distinct(each, WALKS) for each in law]),
        "new": new, "successes": successes, "routes": routes,
    }  # fmt: skip


def _counted(
    walks: np.ndarray, base: np.ndarray, law: np.ndarray, sets: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of sets of 64 walks: successes in no 1024 tries of the base; successes; distinct routes."""
    tries = draw.multinomial(TRIES[1], _with_failure(base), sets)[:, :-1]
    mine = draw.multinomial(WALKS, _with_failure(walks), sets)[:, :-1]
    by_route = draw.multinomial(WALKS, _with_failure(law), sets)[:, :-1]
    return (mine * (tries == 0)).sum(1), mine.sum(1), (by_route > 0).sum(1)


def _with_failure(law: np.ndarray) -> np.ndarray:
    every = np.append(law, max(1 - float(law.sum()), 0.0))
    return np.asarray(every / every.sum())


def _theory(config: Config, place: _Place) -> dict[str, np.ndarray]:
    """What sampling costs to first order in rate over walks, around the path of exact ascent."""
    maze, logits = place.chain.maze, np.log(place.base)
    spread, told = np.zeros((len(logits),) * 2), []
    every = config.updates // RECORDS
    for update in range(config.updates + 1):
        if update % every == 0:
            told.append(_lost(place, logits, spread))
        noise = update_noise(maze, logits, LIMIT)
        carried = np.eye(len(logits)) + config.rate * noise.hessian
        spread = carried @ spread @ carried.T + config.rate**2 * noise.covariance
        logits = logits + config.rate * noise.gradient
    return {"lost": np.array(told)}


def _lost(place: _Place, logits: np.ndarray, spread: np.ndarray) -> float:
    """Half the variance of the logarithms of the routes' shares, which are equal."""
    moved = logits + _STEP * np.concatenate([np.eye(len(logits)), -np.eye(len(logits))])
    rows = np.stack([row_probabilities(place.chain.maze, one) for one in moved])
    up, down = np.log(route_laws(place.plan, rows)).reshape(2, len(logits), -1)
    slope = (up - down) / (2 * _STEP)
    slope -= slope.mean(1, keepdims=True)
    return float(np.einsum("ir,ij,jr->r", slope, spread, slope).mean() / 2)


def table(records: list[Record]) -> Tables:
    """One row a cell, one a cell and time, and B5 and B7."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
