"""Who gets out of a trap: SFT, SFT that was shown some backtracking, search, RL; exactly."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from experiments.common.finite_corpora import corpora_of, corpus_chances
from experiments.common.searching import search_time
from experiments.common.trap_stars import straight_rows, trap_star
from experiments.laws.trap_phases_claims import (
    FACTOR,
    FAMILIES,
    MOST,
    SHARES,
    WALKS,
    claims_of,
    frames_of,
)
from mazerl.exact.chain import ChainPlan, plan_chain
from mazerl.exact.markov import entry_visits, hitting_times, policy_gradient
from mazerl.exact.optimum import best_blind
from mazerl.maze import Maze
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.walk.corpora import golden_visits
from mazerl.walk.env import Reward

CLAIM_FAMILIES = FAMILIES


@dataclass(frozen=True)
class Config:
    """A trap, what is shown of it, and how RL climbs: as in family C2."""

    depth: int  # edges of an arm
    way: int  # edges of the way round from its end; 0: there is none
    arms: int = 3
    restarts: int = 2  # of the descents to the optimum
    updates: int = 1200
    rate: float = 0.01
    early: int = 20  # updates that do not do
    least: float = 1e-9  # probability of what search is followed through


# Where going back is as short as going round, the best policies do either by turns.
GRID = (
    *(Config(depth, way) for way in (0, 2, 1) for depth in range(2, 13) if depth != way),
    *(Config(depth, 0, arms) for arms in (2, 5) for depth in (4, 8)),
)
_FEW = {0: (2, 3, 4, 5, 6, 8, 10), 2: (4, 5), 1: (3, 8)}
SMOKE = tuple(
    replace(config, restarts=1, least=1e-8)
    for config in GRID
    if config.depth in _FEW[config.way] and config.arms < 5
)


def run(config: Config) -> dict[str, np.ndarray]:
    """Exact times: of policies [], of shares of demonstrations [walks, shares], and shares needed.

    `needed` [walks, 2] is the least share for the mean over corpora to be within `FACTOR` of the
    optimum, and for `MOST` of corpora to be; inf where there is none. `uniform` [shares] is the
    limit of SFT where that share of the walks is the base model's.
    """
    maze = trap_star(config.arms, config.depth, config.way)
    plan = plan_chain(maze)

    def time(p: np.ndarray) -> float:
        return float(hitting_times(maze, p, plan).mean())

    golden, base = golden_visits(maze), row_probabilities(maze, np.zeros(rows_of(maze).size))
    sft, straight = imitated(maze, golden), straight_rows(maze, config.depth, config.way)
    optimum = min(best_blind(maze, config.restarts).time, time(straight))
    goal = int(np.asarray(maze.goals)[0])  # all arms are alike
    searched = search_time(maze, sft, goal, config.least)
    updates, early = ascend(maze, plan, base, config, FACTOR * optimum)

    def mixed(p: np.ndarray) -> list[float]:
        """H in the limit of many walks, a share of them of this policy."""
        walked = entry_visits(maze, p, plan)
        return [time(imitated(maze, (1 - s) * golden + s * walked)) for s in SHARES]

    found: dict[str, object] = {
        "base": time(base), "sft": time(sft), "straight": time(straight), "optimum": optimum,
        "search": searched.time, "search_lost": searched.lost,
        "search_straight": search_time(maze, straight, goal, config.least).time,
        "rl_updates": updates, "rl_early": early,
        "uniform": mixed(base), "infinite": mixed(straight),
    }  # fmt: skip
    found |= _of_corpora(maze, golden, sft, straight, time, optimum)
    return {name: np.asarray(x) for name, x in found.items()}


def imitated(maze: Maze, visits: np.ndarray) -> np.ndarray:
    """Rows [R] of SFT in the limit on these visits; rows without any stay the base model's."""
    rows = rows_of(maze)
    seen = np.bincount(rows.arrival, visits, maze.num_arcs + 1)[rows.arrival] > 0
    with np.errstate(divide="ignore"):
        return row_probabilities(maze, np.where(seen, np.log(visits), 0.0))


def ascend(
    maze: Maze, plan: ChainPlan, base: np.ndarray, config: Config, bound: float
) -> tuple[float, float]:
    """Updates by signs of the exact gradient until H is within the bound, and H after the early.

    From the uniform walk; the updates are inf where those of the config do not do.
    """
    logits, p, needed, early = np.zeros(len(base)), base, np.inf, np.inf
    for update in range(config.updates + 1):
        gradient = policy_gradient(maze, p, Reward(arrival=0.0, penalty=1.0), plan)
        if update == config.early:
            early = -gradient.value
        if -gradient.value <= bound:
            needed = min(needed, update)
        if needed < np.inf and early < np.inf:
            break
        logits = logits + config.rate * np.sign(gradient.logits)
        p = row_probabilities(maze, logits)
    return needed, early


def shown_rows(maze: Maze, shown: np.ndarray, golden: np.ndarray, walked: np.ndarray) -> np.ndarray:
    """Rows [R] after SFT to the end: golden paths', and of the others those shown [A+1]."""
    rows = rows_of(maze)
    return np.where(shown[rows.arrival], walked, golden)


def _of_corpora(
    maze: Maze, golden: np.ndarray, sft: np.ndarray, walked: np.ndarray,
    time: Callable[[np.ndarray], float], optimum: float,
) -> dict[str, object]:  # fmt: skip
    """What corpora of few walks come to."""
    known = np.bincount(rows_of(maze).arrival, golden, maze.num_arcs + 1) > 0
    corpora = corpora_of(maze, walked, known)
    times = np.array([time(shown_rows(maze, shown, sft, walked)) for shown in corpora.shown])
    within = times <= FACTOR * optimum * (1 + 1e-12)

    def mean(worth: np.ndarray, share: float, walks: int) -> float:
        return float(corpus_chances(corpora, share, walks) @ worth)

    needed = [
        [
            _least(lambda share, n: mean(times, share, n) / optimum - FACTOR, walks),
            _least(lambda share, n: MOST - mean(within, share, n), walks),
        ]
        for walks in WALKS
    ]
    expected = [[mean(times, share, walks) for share in SHARES] for walks in WALKS]
    return {"corpora": len(times), "expected": expected, "needed": needed}


def _least(short: Callable[[float, int], float], walks: int) -> float:
    """Where what a share falls short by gets to 0, by bisection; inf if it does not."""
    if short(0.0, walks) <= 0:
        return 0.0
    if short(1.0, walks) > 0:
        return np.inf
    return float(brentq(short, 0.0, 1.0, (walks,), xtol=1e-15, rtol=1e-14))


def table(records: list[Record]) -> Tables:
    """Cells, shares and the boundary, and L3."""
    frames = frames_of(records)
    return Tables(frames, claims_of(frames))
