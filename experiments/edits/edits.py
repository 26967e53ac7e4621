"""Where exact RL changes a base model, by which signs that can be found, and what it takes."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments.common.caves import Caves, caves_of, random_teacher, teachers
from experiments.common.mixtures import curve, scores, sets, success
from experiments.common.seeds import CONFIRMING
from experiments.edits.claims import CLAIM_FAMILIES, GATES, REACH, table
from mazerl.measure.edits import (
    Differences,
    Visits,
    by_chance,
    differences,
    edits,
    found_by,
    visits,
)
from mazerl.policy import patched as patches
from mazerl.policy.preferences import greedy_rows

__all__ = ["CLAIM_FAMILIES", "GRID", "QUICK", "SMOKE", "Config", "run", "table"]


@dataclass(frozen=True)
class Config:
    """One maze, base model and teacher."""

    passage: int
    turns: str = "junctions"  # or "anywhere"
    kind: str = "plain"  # of caves_of
    seed: int = 0  # of the maze, the base and the problems
    junctions: int = 8
    most: int = 6
    problems: int = 10
    steps: int = 140


_RATE, _DEALS = 0.1, 5
_WORLDS = (
    (0, "junctions", "plain"), (3, "junctions", "plain"), (12, "junctions", "plain"),
    (3, "anywhere", "plain"), (12, "anywhere", "plain"), (3, "junctions", "confident"),
    (3, "junctions", "decorative"), (3, "junctions", "calibrated"),
)  # fmt: skip


def _grid(seeds: range) -> tuple[Config, ...]:
    return tuple(Config(*world, seed=seed) for seed in seeds for world in _WORLDS)


GRID = _grid(range(CONFIRMING, CONFIRMING + 5))
QUICK = _grid(range(CONFIRMING, CONFIRMING + 1))
SMOKE = _grid(range(1))


def run(config: Config) -> dict[str, np.ndarray]:
    """Shares [teacher, along base or teacher, field], curves [gate, size, 3], and controls."""
    world = caves_of(
        config.kind, config.passage, config.turns, config.junctions, config.most, config.problems,
        config.seed,
    )  # fmt: skip
    taught = teachers(world, REACH, _RATE, config.steps)
    walked = partial(visits, world.maze, limit=world.limit)
    base, after = walked(world.base), [walked(rows) for rows in taught]
    compare = partial(differences, world.maze, world.base, goals=world.maze.num_goals)
    found, drawn = compare(taught[-1]), random_teacher(world, config.seed)
    return {
        "shares": np.asarray([
            [edits(compare(rows), seen.occupancy) for seen in (base, own)]
            for rows, own in zip([*taught, drawn], [*after, walked(drawn)], strict=True)
        ]),
        "half": np.asarray([edits(found, base.occupancy, None).shifted]),
        "by_chance": np.asarray(by_chance(found.options, base.occupancy)),
        "success": np.stack([base.success, *(own.success for own in after)]),
        "finding": _finding(world, found, base),
        "curves": _curves(world, found, base, taught[-1], config.seed),
        "substitutes": _substitutes(world, taught[-1], drawn, config.seed),
        "marked": _marked(world, found, base, taught[-1]),
    }  # fmt: skip


def _scores(world: Caves, found: Differences, base: Visits, seed: int) -> dict[str, np.ndarray]:
    chance = partial(patches.chance_scores, world.maze.num_goals, world.maze)
    junction = patches.ways_out(world.maze) >= 3
    return scores(found, base) | {
        "degree": junction + chance(2 * seed), "chance": chance(2 * seed + 1),
    }  # fmt: skip


def _finding(world: Caves, found: Differences, base: Visits) -> np.ndarray:
    """Area under the curve of entropy and degree, by tokens and by junctions alone [4].

    Last the share of edited decisions that are in passages [1].
    """
    ways = patches.ways_out(world.maze)
    among = (np.ones(len(ways), bool), ways >= 3)
    told = [
        found_by(score, found.rank > 1, base.occupancy * where)
        for score in (found.entropy, (ways >= 3).astype(float))
        for where in among
    ]
    edited = base.occupancy * (found.rank > 1)
    inside = edited[:, ways == 2].sum() / edited.sum() if edited.any() else np.nan
    return np.asarray([*told, inside])


def _curves(
    world: Caves, found: Differences, base: Visits, teacher: np.ndarray, seed: int
) -> np.ndarray:
    """Of each gate and size: share of the base's tokens in S, p of π_S, p of its converse."""
    ranked, policies = _scores(world, found, base, seed), (world.base, teacher)
    return np.stack([
        curve(world.maze, policies, world.limit, base.occupancy,
              sets(ranked[name], base.occupancy, found.options > 1))
        for name in GATES
    ])  # fmt: skip


def _substitutes(world: Caves, teacher: np.ndarray, drawn: np.ndarray, seed: int) -> np.ndarray:
    """Mean p with the teacher's first choices where they are new, and with others in their place.

    Teacher's, base's without its first choice, ranks dealt anew (mean of a few deals); and greedy:
    base, teacher, base patched, random teacher, base patched with that.
    """
    maze, base = world.maze, world.base
    new = patches.differing(maze, base, teacher, maze.num_goals)
    deals = [
        patches.rank_matched(maze, base, teacher, new, _DEALS * seed + n) for n in range(_DEALS)
    ]
    others = patches.without_first_choice(maze, base, maze.num_goals)
    swapped = [
        patches.patched(maze, base, rows, new) for rows in (greedy_rows(maze, teacher), others)
    ]
    odd = patches.differing(maze, base, drawn, maze.num_goals)
    greedy = [
        greedy_rows(maze, base), greedy_rows(maze, teacher),
        patches.greedily_patched(maze, base, teacher, new), greedy_rows(maze, drawn),
        patches.greedily_patched(maze, base, drawn, odd),
    ]  # fmt: skip
    told = success(maze, [*swapped, *deals, *greedy], world.limit)
    dealt = told[2 : 2 + _DEALS].mean()
    return np.concatenate([told[:2], [dealt], told[2 + _DEALS :]])


def _marked(world: Caves, found: Differences, base: Visits, teacher: np.ndarray) -> np.ndarray:
    """What the kind of caves is about: NaN where nothing is marked.

    Shares of marked places in decisions, and in halves S of them by entropy and by pivotality; p
    of π_S for S the marked places, and these halves; entropy and pivotality of marked places.
    """
    if not world.marked.any():
        return np.full(8, np.nan)
    own = np.broadcast_to(world.marked, base.occupancy.shape) & (found.options > 1)
    weight = base.occupancy * (found.options > 1)
    gate = partial(patches.gate, occupancy=base.occupancy, among=found.options > 1)
    half = [gate(scores, share=0.5) for scores in (found.entropy, base.pivotality)]
    mixed = [patches.patched(world.maze, world.base, teacher, s) for s in (own, *half)]
    told = success(world.maze, mixed, world.limit)
    return np.asarray([
        weight[own].sum() / weight.sum(), *(weight[own & s].sum() / weight[s].sum() for s in half),
        *told, weight[own] @ found.entropy[own] / weight[own].sum(), base.pivotality[own].sum(),
    ])  # fmt: skip
