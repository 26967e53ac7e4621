"""What trees lose when they are grown ahead of what is known, and what one hot walk rescues."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.prompts import Prompts, prompts_of
from experiments.common.seeds import CONFIRMING
from experiments.rollouts.speculation_claims import CLAIM_FAMILIES as CLAIM_FAMILIES
from experiments.rollouts.speculation_claims import claims_of
from mazerl.exact.horizon import arrival_law
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.training.fitting import fit
from mazerl.walk.learned import logit
from mazerl.walk.nodes import Forest
from mazerl.walk.rescue import afforded, flips_by_posterior, rescue, without_spread
from mazerl.walk.selectors import UUCB, uucb_weights
from mazerl.walk.speculation import Speculation, speculate, wall_clock
from mazerl.walk.trees import Budget, grow

LIMIT, WALKS, FIRST, SLACK = 60, 16, 8, 0.1


class Way(NamedTuple):
    """How far ahead trees are grown, by which weights of UUCB's terms, and for which copies."""

    how: Speculation
    weights: np.ndarray = uucb_weights()
    few: bool = False  # for a third of the copies


WAYS = {
    "one": Way(Speculation(1)),
    "four": Way(Speculation(4, 0, SLACK)),
    "strict": Way(Speculation(4), few=True),
    "four, 2 old": Way(Speculation(4, 2, SLACK), few=True),
    "one, by entropy": Way(Speculation(1), np.eye(5, dtype=np.float32)[2]),
}
"""By name: W at once, Δ and the slack are in `Speculation`."""

CHOICES = (0.0, 5.0, 20.0)
"""What a choice may cost, in steps."""

HOT, HEATS = 1.5, (1.0, 1.25, 1.5, 2.0, 3.0)
"""Temperature of the walks that rescue; those at which their success is solved for."""

DECIDERS = ("never", "at random", "posterior", "learned", "oracle", "others' history")
SHARES = (0.0025, 0.005, 0.01, 0.02, 0.05)
"""Of steps that rescue may add."""


@dataclass(frozen=True)
class Config:
    """A cave of its own, some of its goals, several trees of each."""

    problems: int = 125
    copies: int = 12
    junctions: int = 40
    ways: tuple[str, ...] = tuple(WAYS)
    decides: bool = True  # whether it is asked who is rescued, not only what heat does
    seed: int = 0  # of cave, base model, goals and walks


GRID = tuple(Config(seed=CONFIRMING + number) for number in range(5))
QUICK = tuple(
    Config(40, 6, ways=("one", "four"), decides=False, seed=CONFIRMING + n) for n in range(2)
)
SMOKE = (Config(60, 6, ways=("four",), decides=False, seed=0),)


def run(config: Config) -> dict[str, np.ndarray]:
    """Of each way: successes, rounds, walks, steps wasted and in all [X], clocks [choices, X].

    And of groups that rescue might flip: what decides, and exact chances [X].
    """
    key = cell_key(config)
    prompts = prompts_of(config.problems, config.junctions, LIMIT, config.seed)
    logits = np.log(prompts.p).astype(np.float32)
    arrays: dict[str, np.ndarray] = {"success": prompts.success}
    for name in config.ways:
        way = WAYS[name]
        goals = np.tile(prompts.goals, config.copies // 3 if way.few else config.copies)
        grown = speculate(TABULAR, logits, prompts.maze, key, LIMIT, Budget(WALKS, FIRST), way.how,
                          UUCB, way.weights, goals=goals)  # fmt: skip
        clock = [wall_clock(np.asarray(grown.longest), way.how.stale, 1.0, c) for c in CHOICES]
        told = {
            "successes": grown.forest.reached.sum(1), "spent": grown.forest.spent,
            "rounds": grown.rounds, "resumed": grown.resumed, "rolled_back": grown.rolled_back,
            "wasted": grown.wasted, "clock": np.stack(clock),
        }  # fmt: skip
        arrays |= {f"{name} {field}": np.asarray(x) for field, x in told.items()}
    heated = _heated(prompts)
    arrays |= {"heated": heated}
    return arrays | (_rescues(config, prompts, heated) if config.decides else {})


class _Groups(NamedTuple):
    """Flat groups, and what is known of each problem from others before."""

    forest: Forest
    before: np.ndarray  # [X] successes of another group of as many walks
    goals: np.ndarray  # [X]


def _groups(prompts: Prompts, copies: int, seed: int) -> _Groups:
    goals, logits = np.tile(prompts.goals, copies), np.log(prompts.p).astype(np.float32)
    forest, before = (
        grow(TABULAR, logits, prompts.maze, seeded_key(seed + shift), LIMIT,
             Budget(WALKS, WALKS), UUCB, uucb_weights(), goals=goals)
        for shift in (0, 100_000)
    )  # fmt: skip
    return _Groups(forest, np.asarray(before.reached.sum(1)), goals)


def features_of(groups: _Groups) -> np.ndarray:
    """What a network is told of each group [X, 6]."""
    forest = Forest(*(np.asarray(field) for field in groups.forest))
    own, entropy = forest.own, np.asarray(forest.entropy)
    spent = own.sum((1, 2))
    distinct = [len(np.unique(arc[mine])) for arc, mine in zip(forest.arc[..., :-1], own,
                strict=True)]  # fmt: skip
    return np.stack([
        forest.reached.mean(1), (groups.before + 0.5) / (WALKS + 1), forest.length.mean(1) / LIMIT,
        (entropy * own).sum((1, 2)) / spent, (entropy * own).max((1, 2)),
        np.asarray(distinct) / spent,
    ], 1)  # fmt: skip


def _heated(prompts: Prompts) -> np.ndarray:
    """Exact p of each problem at each temperature [heats, X]."""
    rows = [row_probabilities(prompts.maze, np.log(prompts.p) / heat) for heat in HEATS]
    laws = [arrival_law(prompts.maze, p, LIMIT, prompts.goals).sum(1) for p in rows]
    return np.minimum(np.stack(laws), 1.0)


def _rescues(config: Config, prompts: Prompts, heated: np.ndarray) -> dict[str, np.ndarray]:
    """Silent groups, flips that one hot walk makes, exact chances, and who is chosen by whom."""
    groups = _groups(prompts, config.copies, config.seed)
    won, hot_steps = _hot_walks(prompts, groups, config.seed + 200_000)
    silent, solved = (
        np.asarray(x) for x in (without_spread(groups.forest), groups.forest.reached.all(1))
    )
    exact = np.tile(heated[HEATS.index(HOT)], config.copies)
    flips = np.where(solved, 1 - exact, exact)
    spent = np.asarray(groups.forest.spent)
    chances = _chances(config, groups, solved, flips)
    chosen = [[afforded(chance, silent & (chance > 0), spent, LIMIT, share) for share in SHARES]
              for chance in chances]  # fmt: skip
    return {
        "silent": silent, "solved": solved, "flips": flips, "won": won, "group_steps": spent,
        "hot_steps": hot_steps, "chosen": np.asarray(chosen),
    }  # fmt: skip


def _hot_walks(prompts: Prompts, groups: _Groups, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether one hot walk of each problem arrives, and its steps [X]."""
    logits = np.log(prompts.p).astype(np.float32)
    hot = rescue(TABULAR, logits, prompts.maze, seeded_key(seed), groups.forest,
                 np.ones(len(groups.goals), bool), HOT).forest  # fmt: skip
    return np.asarray(hot.reached[:, -1]), np.asarray(hot.length[:, -1])


def _chances(
    config: Config, groups: _Groups, solved: np.ndarray, flips: np.ndarray
) -> list[np.ndarray]:
    """What each decider thinks that another walk would flip [X]; the network is of another cave."""
    draw = np.random.default_rng(config.seed)
    seen = np.where(solved, WALKS, 0) + groups.before
    other = prompts_of(config.problems, config.junctions, LIMIT, config.seed + 500)
    log = _groups(other, config.copies, config.seed + 500)
    mine, (won, _) = np.asarray(without_spread(log.forest)), _hot_walks(
        other, log, config.seed + 300_000)  # fmt: skip
    flipped = won != np.asarray(log.forest.reached.all(1))
    net = fit(features_of(log)[mine], flipped[mine], seeded_key(config.seed))
    learned = np.asarray(logit(net, features_of(groups)))
    shuffled = np.where(solved, WALKS, 0) + draw.permutation(groups.before)
    posterior = [flips_by_posterior(x, np.full(len(x), 2 * WALKS), solved, (0.5, 0.5))
                 for x in (seen, shuffled)]  # fmt: skip
    return [
        np.zeros(len(solved)), draw.random(len(solved)) + 1e-9, posterior[0],
        1 / (1 + np.exp(-learned)), flips, posterior[1] + 1e-9 * draw.random(len(solved)),
    ]  # fmt: skip


_RESCUE = ("decider", "share", "seed", "silent", "fired", "flips", "added", "mixed")


def table(records: list[Record]) -> Tables:
    """One row a way and cave; one a decider, share and cave; one a heat and cave; I10 and I11."""
    ways: list[dict[str, object]] = []
    deciders: list[dict[str, object]] = []
    heats: list[dict[str, object]] = []
    for record in records:
        seen, seed = record.arrays, record.config["seed"]
        ways += [{"way": name, "seed": seed} | _way(seen, name) for name in record.config["ways"]]
        heats += [{"seed": seed} | row for row in _heats(seen)]
        silent = seen.get("silent", np.zeros(0, bool))
        for d, decider in enumerate(DECIDERS if len(silent) else ()):
            for s, share in enumerate(SHARES):
                fires = seen["chosen"][d, s]
                deciders.append({
                    "decider": decider, "share": share, "seed": seed, "silent": int(silent.sum()),
                    "fired": int(fires.sum()), "flips": float(seen["flips"][fires].sum()),
                    "added": float(seen["hot_steps"][fires].sum() / seen["group_steps"].sum()),
                    "mixed": float(1 - silent.mean() + seen["flips"][fires].sum() / silent.size),
                })  # fmt: skip
    ways_table, heat_table = pd.DataFrame(ways), pd.DataFrame(heats)
    # Its columns are there where nobody was asked, too.
    rescue_table = pd.DataFrame(deciders, columns=list(_RESCUE))
    frames = {
        "speculation": ways_table, "speculation_rescue": rescue_table,
        "speculation_heat": heat_table,
    }  # fmt: skip
    return Tables(frames, claims_of(ways_table, rescue_table, heat_table, _flips(records)))


def _way(seen: dict[str, np.ndarray], name: str) -> dict[str, object]:
    mine = {field: seen[f"{name} {field}"] for field in (
        "successes", "spent", "rounds", "resumed", "rolled_back", "wasted", "clock")}  # fmt: skip
    wins, p = mine["successes"], seen["success"]
    clocks: dict[str, object] = {f"clock_{cost:g}": float(x.mean()) for cost, x in
              zip(CHOICES, mine["clock"], strict=True)}  # fmt: skip
    return {
        "mixed": float(((wins > 0) & (wins < WALKS)).mean()),
        "flat": float((1 - p**WALKS - (1 - p) ** WALKS).mean()),
        "rounds": float(mine["rounds"].mean()),
        "rolled_back": float(mine["rolled_back"].sum() / mine["resumed"].sum()),
        "wasted": float(mine["wasted"].sum() / mine["spent"].sum()),
        "trees": len(wins),
    } | clocks  # fmt: skip


def _heats(seen: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Exact: how often one more walk flips a group that all fails, and one that all succeeds."""
    p = seen["success"]
    rows: list[dict[str, object]] = []
    failed, solved = (1 - p) ** WALKS, p**WALKS
    for heat, hot in zip(HEATS, seen["heated"], strict=True):
        rows.append({
            "temperature": heat, "failed": float(failed.mean()), "solved": float(solved.mean()),
            "flips_failed": float(failed @ hot / failed.sum()),
            "flips_solved": float(solved @ (1 - hot) / solved.sum()),
        })  # fmt: skip
    return rows


def _flips(records: list[Record]) -> tuple[int, float, float]:
    """Flips of silent groups by the walks, their exact mean and standard deviation."""
    seen = [record.arrays for record in records if "silent" in record.arrays]
    if not seen:
        return 0, 0.0, 0.0
    silent, won, solved, flips = (
        np.concatenate([x[name] for x in seen]) for name in ("silent", "won", "solved", "flips")
    )
    here = flips[silent]
    return int((won != solved)[silent].sum()), float(here.sum()), float(
        np.sqrt((here * (1 - here)).sum()))  # fmt: skip
