"""What greedy choice of rollouts loses, and where the entropy term looks: exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from experiments.common.caves import caves_of
from experiments.common.counter_examples import counter_examples
from experiments.common.seeds import CONFIRMING
from experiments.rollouts.guarantee_claims import CLAIM_FAMILIES, claims
from mazerl.measure.adaptive import (
    Instances,
    at_random,
    estimated_gain,
    expected_gain,
    expected_worth,
    open_outcome,
    upper_confidence,
)
from mazerl.measure.edits import visits
from mazerl.measure.informativeness import (
    Expansions,
    SetFunction,
    best,
    greedy,
    mixed_pairs,
    objective,
)
from mazerl.policy.preferences import row_entropy, row_sums
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables

__all__ = ["CLAIM_FAMILIES"]


@dataclass(frozen=True)
class Config:
    """One draw of instances of each kind, and a cave of each kind."""

    seed: int
    fixed: int = 500  # instances whose rollouts are chosen beforehand
    adaptive: int = 100  # whose rollouts are chosen one after the other, of each kind
    goals: int = 24  # of each cave


GRID = tuple(Config(CONFIRMING + number) for number in range(20))
QUICK = tuple(Config(CONFIRMING + number, fixed=100) for number in range(8))
SMOKE = tuple(Config(number, fixed=50, adaptive=30) for number in range(6))

EXPANSIONS, OUTCOMES, STATES = 3, 3, 4
BUDGET = 4
"""Rollouts to choose."""

FIXED = ("all begun", "none begun", "mixed pairs", "with costs")
ADAPTIVE = {"known": (1, 1), "hidden": (3, 1), "known, none begun": (1, 0)}
"""Kind → hidden difficulties, rollouts of each expansion that were seen before."""

RULES = {
    "greedy": expected_gain, "estimated": estimated_gain, "uucb": upper_confidence,
    "open": open_outcome, "random": at_random,
}  # fmt: skip
CAVES = ("plain", "decorative")
PLACES = ("pick", "random", "rank", "marked", "idle")
"""Var Q where entropy is highest and at any junction, over the highest; their rank correlation;
shares of a walk's entropy where nothing hangs on the move, at decorative forks and anywhere."""
IDLE = 1e-12
"""Σ d Var Q below which nothing hangs on moves there."""
ARMS = (2, 3, 4, 6)


def run(config: Config) -> dict[str, np.ndarray]:
    """Ratios of gains to the optimum's, and what is known of places of high entropy."""
    arrays = {f"fixed {kind}": fixed_ratios(config, kind) for kind in FIXED}
    for number, (kind, (hidden, begun)) in enumerate(ADAPTIVE.items()):
        draw = np.random.default_rng([config.seed, 10 + number])
        gained = expected_worth(drawn(draw, config.adaptive, hidden, begun), BUDGET, RULES)
        for rule in RULES:
            arrays[f"{kind} {rule}"] = gained[rule] / gained["optimum"]
    for kind in CAVES:
        arrays |= {f"{kind} {name}": x for name, x in _places(config, kind).items()}
    return arrays | {f"surrogate {arms}": _surrogate(config, arms) for arms in ARMS}


def fixed_ratios(config: Config, kind: str) -> np.ndarray:
    """Greedy choice's gain over the best set's, of random instances [I]."""
    draw = np.random.default_rng([config.seed, FIXED.index(kind)])
    ratios = np.ones(config.fixed)
    for i in range(config.fixed):
        outcome = draw.dirichlet(np.full(OUTCOMES, 0.5), EXPANSIONS)
        visited = draw.gamma(0.3, size=(EXPANSIONS, STATES))
        whole = objective(Expansions(outcome, visited, outcome[:, 0]), tuple(draw.random(3)))
        begin = np.full(EXPANSIONS, 0 if kind == "none begun" else 1)
        worth = whole
        if kind == "mixed pairs":
            begin = draw.integers(1, 4, EXPANSIONS)
            worth = _pairs(outcome[:, 0])
        elif kind == "with costs":
            worth = _net(whole, draw.random(EXPANSIONS))
        most = worth(best(worth, begin, BUDGET)) - worth(begin)
        found = worth(greedy(worth, begin, BUDGET)) - worth(begin)
        # Where costs eat all gains there is nothing to choose.
        ratios[i] = found / most if most > 1e-9 else np.nan
    return ratios


def _pairs(success: np.ndarray) -> SetFunction:
    return lambda n: mixed_pairs(success, n)


def _net(worth: SetFunction, cost: np.ndarray) -> SetFunction:
    return lambda n: worth(n) - float(cost @ n)


def drawn(draw: np.random.Generator, count: int, hidden: int, begun: int) -> Instances:
    """Random instances; what was seen before is drawn from a difficulty that is drawn itself."""
    outcome = draw.dirichlet(np.full(OUTCOMES, 0.5), (count, hidden, EXPANSIONS))
    prior = draw.dirichlet(np.ones(hidden), count)
    begin = np.zeros((count, EXPANSIONS, OUTCOMES), int)
    for i in range(count):
        mine = outcome[i, draw.choice(hidden, p=prior[i])]
        for e in range(EXPANSIONS):
            begin[i, e] = draw.multinomial(begun, mine[e])
    visited = draw.gamma(0.3, size=(count, EXPANSIONS, STATES))
    return Instances(prior, outcome, visited, begin, draw.random((count, 3)))


def _places(config: Config, kind: str) -> dict[str, np.ndarray]:
    """Of a cave's goals: where entropy is high, and whether anything hangs on the move there."""
    world = caves_of(kind, 3, "anywhere", 12, 3, config.goals, config.seed)
    seen, rows = visits(world.maze, world.base, world.limit), rows_of(world.maze)
    ways = row_sums(world.maze, np.ones(rows.size))
    entropy = row_entropy(world.maze, world.base)
    share = entropy / np.log(np.maximum(ways, 2))
    told: dict[str, list[float]] = {name: [] for name in PLACES}
    hangs = seen.pivotality / np.maximum(seen.occupancy, 1e-300)
    for x in range(len(world.base)):
        here = np.flatnonzero((seen.occupancy[x] > 1e-3) & (ways >= 3))
        worth = hangs[x, here] / hangs[x, here].max()
        highest = share[x, here] >= share[x, here].max() - 1e-9
        told["pick"].append(float(worth[highest].mean()))
        told["random"].append(float(worth.mean()))
        told["rank"].append(float(spearmanr(share[x, here], worth).statistic))
        mass = seen.occupancy[x] * entropy[x]
        idle = seen.pivotality[x] < IDLE
        told["marked"].append(float(mass[world.marked & idle].sum() / mass.sum()))
        told["idle"].append(float(mass[idle].sum() / mass.sum()))
    return {name: np.asarray(x) for name, x in told.items()}


def _surrogate(config: Config, arms: int) -> np.ndarray:
    """Of random policies over so many ports [N, 2]: entropy, and 1 - Σ π²."""
    draw = np.random.default_rng([config.seed, 20 + arms])
    p = draw.dirichlet(np.ones(arms), 2000)
    return np.stack([-(p * np.log(p)).sum(1), 1 - (p**2).sum(1)], 1)


def table(records: list[Record]) -> Tables:
    """Ratios, one row an instance and rule; places; surrogates; counter-examples; I5 and I6."""
    ratios = pd.DataFrame(
        {"choice": "fixed" if kind in FIXED else "adaptive", "kind": kind, "rule": rule,
         "seed": record.config["seed"], "ratio": float(ratio)}
        for record in records
        for kind, rule, name in _series()
        for ratio in record.arrays[name]
    ).dropna(subset="ratio")  # fmt: skip
    places = pd.DataFrame(
        {"cave": kind, "seed": record.config["seed"],
         **{name: float(record.arrays[f"{kind} {name}"].mean()) for name in PLACES}}
        for record in records
        for kind in CAVES
    )  # fmt: skip
    surrogates = pd.DataFrame([_orders(records, arms) for arms in ARMS])
    examples = pd.DataFrame(counter_examples())
    frames = {
        "guarantee": _summary(ratios), "guarantee_places": places,
        "guarantee_surrogates": surrogates, "guarantee_examples": examples,
    }  # fmt: skip
    return Tables(frames, claims(ratios, places, surrogates, examples))


def _series() -> list[tuple[str, str, str]]:
    return [(kind, "greedy", f"fixed {kind}") for kind in FIXED] + [
        (kind, rule, f"{kind} {rule}") for kind in ADAPTIVE for rule in RULES
    ]


def _summary(ratios: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the ratios of each kind and rule, the lowest first."""
    rows: list[dict[str, Any]] = []
    for (choice, kind, rule), part in ratios.groupby(["choice", "kind", "rule"], sort=False):
        for level in np.linspace(0, 1, 41):
            rows.append(
                {"choice": choice, "kind": kind, "rule": rule, "instances": len(part),
                 "share": level, "ratio": float(part["ratio"].quantile(level)),
                 "mean": float(part["ratio"].mean())}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _orders(records: list[Record], arms: int) -> dict[str, object]:
    both = np.concatenate([record.arrays[f"surrogate {arms}"] for record in records])
    entropy, other = both.T
    apart = (entropy[::2] - entropy[1::2]) * (other[::2] - other[1::2]) < 0
    bound = np.log(arms) - 1 + 1 / arms
    return {
        "arms": arms, "pairs": len(apart), "apart": int(apart.sum()),
        "least": float((entropy - other).min()), "most": float((entropy - other).max()),
        "bound": float(bound),
    }  # fmt: skip
