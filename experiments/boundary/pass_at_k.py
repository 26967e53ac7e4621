"""B1, B2, B3, B6, B8: PASS@(k, T) of policies over turns, on problems that none was trained on."""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from experiments.boundary.pass_at_k_claims import FAMILIES, claims_of
from experiments.boundary.pass_at_k_tables import LONG_TRIES, SAMPLED, TEMPERATURES, frames_of
from experiments.common.cells import cell_key
from experiments.common.fork_problems import CATEGORIES, DISTANCE, draw_problems
from experiments.common.seeds import CONFIRMING
from experiments.common.turn_models import (
    DECODER,
    MAX_DEGREE,
    MODELS,
    Effort,
    at_temperature,
    train_models,
)
from mazerl.exact.turn_chain import TurnMoves, turn_moves, turn_probabilities, turns_within
from mazerl.maze.side_by_side import Mazes, side_by_side
from mazerl.policy.turns import turning
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.walk.rollouts import run_walks


@dataclass(frozen=True)
class Config:
    """A seed, of problems and training alike, how many problems, and how long to train."""

    seed: int
    trained: int = 100  # problems of B and as many of C
    tested: int = 500  # other problems of each category
    base_steps: int = 1500
    sft_steps: int = 1000
    rl_steps: int = 400
    limit: int = 4 * DISTANCE  # T of RL
    longest: int = 8 * DISTANCE
    tries: int = 64


GRID = tuple(Config(CONFIRMING + n) for n in range(5))
QUICK = tuple(replace(config, tested=100) for config in GRID[:1])
SMOKE = (Config(0, 40, 40, 600, 400, 150),)


CLAIM_FAMILIES = FAMILIES


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """What each model comes to on the problems of each category, which end the arrays' names.

    `law` [models, X, longest+1] is P(τ = t), `tempered` [temperatures, 3, X] and `long`
    [2, tries, X] P(τ ≤ T), of `SAMPLED` and of the base model and SFT; `steps` [3, tries, X] are
    those of walks, 0 for one that did not arrive; `scores` [2, X, 4] are of arrivals of the base
    model and RL, as of `_scores`.
    """
    every = {
        name: draw_problems(name, config.tested + config.trained * (name != "A"), config.seed)
        for name in CATEGORIES
    }
    shown = [maze for name in "BC" for maze in every[name][: config.trained]]
    effort = Effort(config.base_steps, config.sft_steps, config.rl_steps, limit=config.limit)
    models = train_models(shown, effort, config.seed, work)
    arrays: dict[str, np.ndarray] = {}
    for name, problems in every.items():
        world = side_by_side(problems[-config.tested :])
        found = _solve(world, models, config)
        arrays |= {f"{what}_{name}": array for what, array in found.items()}
    return arrays


def _solve(world: Mazes, models: dict[str, Any], config: Config) -> dict[str, np.ndarray]:
    moves = turn_moves(world, DECODER, MAX_DEGREE)

    def law(params: Any, limit: int) -> np.ndarray:
        return turns_within(world, moves, params, limit).law

    longest = config.limit * max(LONG_TRIES)
    long = [law(models[name], longest).cumsum(1) for name in ("base", "sft")]
    tempered = [
        [law(at_temperature(models[name], t), config.limit).sum(1) for name in SAMPLED]
        for t in TEMPERATURES
    ]
    scores = _scores(moves, models["base"])
    return {
        "law": np.stack([law(params, config.longest) for params in models.values()]),
        "tempered": np.array(tempered),
        "long": np.array([[each[:, config.limit * k] for k in LONG_TRIES] for each in long]),
        "steps": np.stack([_walk(world, models[name], config, name) for name in SAMPLED]),
        "scores": np.stack([
            turns_within(world, moves, models[name], config.limit, scores).scores
            for name in ("base", "rl")
        ]),
    }  # fmt: skip


def _walk(world: Mazes, params: Any, config: Config, name: str) -> np.ndarray:
    """Steps [tries, X] of walks that arrive within the longest limit, 0 for others."""
    key = jax.random.fold_in(cell_key(config), MODELS.index(name))
    walks = config.tries * world.num_mazes
    policy = turning(DECODER, MAX_DEGREE)
    ended = run_walks(policy, params, world, key, walks, config.longest)
    steps = np.where(ended.reached, ended.steps, 0)
    return np.asarray(steps, np.int16).reshape(config.tries, -1)


def _scores(moves: TurnMoves, base: Any) -> np.ndarray:
    """Of each move [R, 4]: log-probability under the base model, and 1, at forks; in passages."""
    row = moves.source[: len(moves.turn)]
    degree = moves.read[moves.seen[row], -1] % (MAX_DEGREE + 1)
    log_p = np.log(turn_probabilities(moves, base))
    kinds = [degree > 2, degree == 2]
    return np.stack([x * kind for kind in kinds for x in (log_p, np.ones_like(log_p))], 1)


def table(records: list[Record]) -> Tables:
    """The surface, its iso-success lines, the contingency tables, and what else was asked."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
