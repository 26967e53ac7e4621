"""O2: GRPO's update divided by tokens, by each walk's length, or by a constant."""

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.optimize import brentq

from experiments.common.cells import cell_key
from experiments.common.early_ends import ended, follow_ends, fork, pulled
from experiments.common.scores import score_sums
from experiments.common.seeds import CONFIRMING
from mazerl.maze import Array, Maze
from mazerl.measure.length_weights import length_weights
from mazerl.measure.outcome_weights import ByCount, by_count, outcome_weight
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import Rows, rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.objectives import Normalize, move_weights
from mazerl.walk.rollouts import rollout

DIVISORS: dict[str, tuple[Normalize, str]] = {
    "constant": ("constant", "batch"),
    "sequence": ("sequence", "batch"),
    "tokens of a group": ("tokens", "group"),
    "tokens of a batch": ("tokens", "batch"),
}
"""What is divided by: the limit, the walk's own length, the lengths of all walks together."""


@dataclass(frozen=True)
class Config:
    """A fork with one right and several wrong arms, and how many batches of groups walk there."""

    success: float  # p, which logits at the fork are set to give
    leaves: tuple[int, ...]  # depths of the wrong leaves
    ends: bool = True  # a wrong leaf ends the walk, which has failed; else it goes on until T
    group: int = 8
    groups: int = 16  # a batch
    batches: int = 1000
    right: int = 12  # depth of the goal
    limit: int = 32
    seed: int = 0  # of the walks


SUCCESSES = (0.05, 0.3, 0.8)
# As many steps in all, so that the mazes are of one shape.
ALIKE, NEAR, WIDE, WIDEST = (12,) * 4, (6, 10, 14, 18), (2, 8, 14, 24), (1, 2, 14, 31)
GRID = (
    *(Config(p, ALIKE, ends=False, seed=CONFIRMING) for p in SUCCESSES),
    *(Config(p, s, seed=CONFIRMING) for s in (ALIKE, NEAR, WIDE, WIDEST) for p in SUCCESSES),
    *(Config(0.3, WIDEST, group=size, seed=CONFIRMING) for size in (2, 32)),
)
QUICK = tuple(replace(config, batches=200) for config in GRID)
SMOKE = tuple(
    replace(config, batches=200, seed=0)
    for config in GRID
    if config.group == 8 and config.success == 0.3 and config.leaves != NEAR
)

_BY_SPREAD = [" ".join(map(str, leaves)) for leaves in (ALIKE, NEAR, WIDE, WIDEST)]
_MOST_ERRORS = 4.0
_CHUNK = 100  # batches that are walked at once
_ROUNDING = 1e-9
_SAME_DIRECTION = (("mean", 2), ("mean", 8), ("spread", 8), ("leave_one_out", 32))
_UNCENTRED = ("rewards", 8)

CLAIM_FAMILIES = (
    Family(
        id="O2",
        title="What GRPO's update is divided by",
        statement="Divided by a constant GRPO's expected update is w(p)∇p. Divided by each walk's "
        "own length it leaves that direction where walks may fail early, the further the more "
        "failures differ in length, and hardly where all failures last to the limit; divided by "
        "the tokens of all walks it nearly keeps it.",
        source="Shao et al. 2024 divide by each walk's length, Yu et al. 2025 by tokens, Liu et "
        "al. 2025 by a constant, and say that lengths bias the update and make failures longer; "
        "the exact update, and that centred advantages of all kinds share its direction, no paper "
        "gives",
        control="O2.1 is the control of all that turns: the same walks and advantages, divided by "
        "a constant. O2.5c takes rewards that are not centred, which must have another direction. "
        "O2.c1 holds sampled updates by each walk's length against the direction of ∇p: they must "
        "miss it, and O2.c2 those by a constant, which must not.",
        scope="One fork of five arms, free rows near a walk that seldom turns, the first step on "
        "policy, temperature 1, no clip. Wrong leaves that end the walk are this study's: mazes "
        "of the package have none. Which lengths go with which logits is this fork's; how far an "
        "update turns elsewhere is not shown, nor what many updates make of it. Exact updates "
        "come from the joint law of outcome and length; O2.1 and O2.5 are true by construction.",
        sampled=("O2.8", "O2.9", "O2.c*"),
    ),
)


class Prompt(NamedTuple):
    """A maze with one goal, the arrivals that end a walk in failure, and a policy."""

    maze: Maze
    wrong: np.ndarray  # [A+1] bool
    logits: np.ndarray  # [R]


def prompt_of(config: Config) -> Prompt:
    """The prompt of a cell: rows are drawn alike, but for what makes p what it is."""
    ends, maze = fork((config.right, *config.leaves))
    rows, head = rows_of(maze), np.append(np.asarray(maze.head), maze.start)
    wrong = np.isin(head, ends[1:]) & config.ends
    noise = np.random.default_rng(0).normal(size=rows.size)
    drawn = np.log(straight_rows(maze, 0.05)) + 0.3 * noise
    right = (head[rows.arrival] == 0) & (head[rows.arc] == 1)

    def missing(more: float) -> float:
        p = row_probabilities(maze, drawn + more * right)
        return float(follow_ends(maze, wrong, p, config.limit).law[1].sum()) - config.success

    more = float(brentq(missing, -12.0, 12.0, xtol=1e-12))
    return Prompt(maze, wrong, drawn + more * right)


@cache
def _by_count(advantage: str, group: int) -> ByCount:
    return by_count(advantage_of(advantage, group), group)


def _worth(law: np.ndarray, divisor: str, advantage: str, group: int, groups: int) -> np.ndarray:
    normalize, among = DIVISORS[divisor]
    together = groups if among == "batch" else 1
    return length_weights(law, _by_count(advantage, group), normalize, together)


def run(config: Config) -> dict[str, np.ndarray]:
    """Exact law, updates and gradients of p and of E[length | failed]; sampled updates.

    Updates are in the order of `DIVISORS`: exact [4, R], sampled [batches, 4, R].
    """
    prompt, key = prompt_of(config), cell_key(config)
    p, length = row_probabilities(prompt.maze, prompt.logits), np.arange(1, config.limit + 1)
    law, occupancy = follow_ends(prompt.maze, prompt.wrong, p, config.limit)
    lost, never = law[0].sum(), np.zeros(config.limit)
    late = (length - law[0] @ length / lost) / lost
    shares = {
        "exact": [_worth(law, name, "spread", config.group, config.groups) for name in DIVISORS],
        # By each walk's length alone, for advantages and sizes of groups.
        "sequence": [_worth(law, "sequence", *each, 1) for each in (*_SAME_DIRECTION, _UNCENTRED)],
        "gradient": [np.stack([never, never + 1])],
        "lengthening": [np.stack([late, never])],
    }
    exact = {
        name: np.stack([pulled(prompt.maze, prompt.wrong, p, occupancy, each) for each in share])
        for name, share in shares.items()
    }
    chunk = min(_CHUNK, config.batches)
    sampled = [
        _sampled(
            prompt.maze, rows_of(prompt.maze), prompt.logits.astype(np.float32), prompt.wrong,
            jax.random.fold_in(key, n), (chunk, config.groups, config.group), config.limit,
        )
        for n in range(config.batches // chunk)
    ]  # fmt: skip
    return exact | {"law": law, "sampled": np.concatenate([np.asarray(s) for s in sampled])}


@partial(jax.jit, static_argnums=(5, 6))
def _sampled(
    maze: Maze, rows: Rows, logits: Array, wrong: Array, key: Array, sizes: tuple[int, int, int],
    limit: int,
) -> Array:  # fmt: skip
    """Updates [batches, 4, R] of batches of groups of walks that end at wrong leaves."""
    batches, groups, size = sizes
    walks = ended(rollout(TABULAR, logits, maze, key, batches * groups * size, limit), wrong)
    success = walks.reached.reshape(-1, size)
    advantage = advantage_of("spread", size)(Outcomes(success.astype(jnp.float32), success))
    decided = (jnp.arange(limit)[None] < walks.length[:, None]).astype(jnp.float32)
    batch = jnp.repeat(jnp.arange(batches), groups * size)
    told = []
    for normalize, among in DIVISORS.values():
        together = size if among == "group" else groups * size
        by_batch = jax.vmap(partial(move_weights, normalize=normalize))
        weight = by_batch(decided.reshape(-1, together, limit)).reshape(-1, limit)
        each = weight * (together / (groups * size)) * advantage.reshape(-1, 1)
        told.append(score_sums(rows, logits, walks, batch, each, batches))
    return jnp.stack(told, 1)


def table(records: list[Record]) -> Tables:
    """One row a cell and divisor, and O2."""
    cells = pd.DataFrame([row for record in records for row in _cell(record)])
    return Tables({"normalisation": cells}, _claims(cells, records))


def _cell(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    law, gradient = arrays["law"], arrays["gradient"][0]
    length, p = np.arange(1, law.shape[1] + 1), float(law[1].sum())
    weight = float(outcome_weight(_by_count("spread", config["group"]), p))
    failing = law[0] @ length / law[0].sum()
    spread = np.sqrt(law[0] @ (length - failing) ** 2 / law[0].sum())
    mean, told = law.sum(0) @ length, []
    # The direction into which each walk's own length turns, for all divisors.
    aside = _beside(arrays["exact"][1], gradient)
    for n, divisor in enumerate(DIVISORS):
        update, drawn = arrays["exact"][n], arrays["sampled"][:, n]
        rest, half = drawn - update, len(drawn) // 2
        along = update @ gradient / (gradient @ gradient)
        told.append({
            "divisor": divisor, "success": config["success"],
            "leaves": _name(config["leaves"]), "ends": config["ends"], "group": config["group"],
            "failing": float(failing), "spread": float(spread), "length": float(mean),
            "cosine": float(update @ gradient / np.sqrt((update @ update) * (gradient @ gradient))),
            "beside": float(np.linalg.norm(_beside(update, gradient)) / np.linalg.norm(update)),
            # Over w(p) divided by the limit, and over w(p) divided by the mean length.
            "by_limit": float(along * law.shape[1] / weight),
            "by_mean": float(along * mean / weight),
            "lengthening": float(update @ arrays["lengthening"][0] / (update @ gradient)),
            "deviation": _errors(rest @ update),
            "common": _errors((rest[:half] * rest[half : 2 * half]).sum(1)),
            "aside": _errors(drawn @ aside),
            "walks": config["group"] * config["groups"] * len(drawn),
        })  # fmt: skip
    return told


def _name(leaves: tuple[int, ...]) -> str:
    return " ".join(map(str, leaves))


def _beside(update: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """What is left of an update [R] without its part along the gradient."""
    return update - gradient * (update @ gradient) / (gradient @ gradient)


def _errors(values: np.ndarray) -> float:
    """The mean, in standard errors."""
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(len(values))))


def _claims(cells: pd.DataFrame, records: list[Record]) -> list[dict[str, object]]:
    constant, own, *by_tokens = (
        cells[cells["divisor"] == name].reset_index(drop=True) for name in DIVISORS
    )
    lasting, wide = ~own["ends"], own["ends"] & own["leaves"].isin(_BY_SPREAD[2:])
    upright = (1 - constant["cosine"] < _ROUNDING) & ((constant["by_limit"] - 1).abs() < _ROUNDING)
    known = own[own["ends"] & (own["group"] == own["group"].mode()[0])]
    lines = known.pivot_table("cosine", "success", "leaves").reindex(columns=_BY_SPREAD)
    falls = (lines.dropna(axis=1).diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
    turns = [_cosines(record.arrays["sequence"]) for record in records]
    same, apart = (1 - np.array(each) for each in zip(*turns, strict=True))
    apart = apart[wide]
    group, batch = ((1 - each["cosine"]).to_numpy() for each in by_tokens)
    longer = (own["lengthening"] > constant["lengthening"])[own["ends"]]
    kept = {name: int((cells[name].abs() < _MOST_ERRORS).sum()) for name in ("deviation", "common")}
    missed = int((own["aside"].abs() > _MOST_ERRORS)[wide].sum())
    straight = int((constant["aside"].abs() < _MOST_ERRORS)[wide].sum())
    wider, errors = int(wide.sum()), "4 standard errors"
    return [
        every(claim, "O2.1", "divided by the limit the expected update is w(p)∇p / T: cells",
              int(upright.sum()), len(upright), f"{_ROUNDING:g}"),
        claim("O2.2", "divided by each walk's own length, where all failures last to the limit, it "
              "hardly turns: smallest cosine with ∇p", "above 0.98", own["cosine"][lasting].min(),
              own["cosine"][lasting].min() > 0.98),
        claim("O2.3", "where walks fail at depths far apart it does: largest cosine", "below 0.9",
              own["cosine"][wide].max(), own["cosine"][wide].max() < 0.9),
        every(claim, "O2.4", "the wider apart wrong leaves lie, the smaller the cosine: success "
              "probabilities", int(falls.sum()), len(falls)),
        claim("O2.5", "its direction is the same whatever the group size and whether divided by "
              "the spread: largest 1 - cosine", f"below {_ROUNDING:g}", float(same.max()),
              float(same.max()) < _ROUNDING),
        control("O2.5c", "rewards that are not centred have another direction, where depths lie "
                "far apart: smallest 1 - cosine", "above 0.001", float(apart.min()),
                float(apart.min()) > 1e-3),
        claim("O2.6.group", "divided by the tokens of a group it nearly keeps the direction: "
              "largest 1 - cosine", "below 0.02", float(group.max()), float(group.max()) < 0.02),
        every(claim, "O2.6.batch", "and by those of a batch of 16 groups at least eight times "
              "as nearly: cells", int((batch * 8 < group).sum()), len(group)),
        every(claim, "O2.7", "for an equal rise of p each walk's own length makes failing walks "
              "longer than a constant does: cells where they end early", int(longer.sum()),
              len(longer)),
        every(claim, "O2.8", "sampled updates have the exact length: cells and divisors",
              kept["deviation"], len(cells), errors),
        every(claim, "O2.9", "and the exact direction: cells whose two halves have no further "
              "direction in common", kept["common"], len(cells), errors),
        every(control, "O2.c1", "by each walk's length sampled updates leave ∇p: cells with depths "
              "far apart", missed, wider, errors),
        every(control, "O2.c2", "by a constant they do not, in the same direction and cells",
              straight, wider, errors),
    ]  # fmt: skip


def _cosines(updates: np.ndarray) -> tuple[float, float]:
    """Of the first update with the centred others, the smallest; and with the last."""
    cosine = updates @ updates[0] / np.linalg.norm(updates, axis=1) / np.linalg.norm(updates[0])
    return float(cosine[:-1].min()), float(cosine[-1])
