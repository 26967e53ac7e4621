"""O1: what each of GRPO's family climbs: its update against the exact gradient of success."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.scores import score_sums
from experiments.common.seeds import CONFIRMING
from mazerl import build, compile_maze
from mazerl.exact.horizon import arrival_law, success_gradient
from mazerl.maze import Array, Maze
from mazerl.measure.outcome_weights import ByCount, by_count, outcome_weight
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import Rows, rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables
from mazerl.training.advantages import ADVANTAGES, Outcomes, advantage_of
from mazerl.walk.rollouts import rollout


@dataclass(frozen=True)
class Config:
    """A prompt, by how likely it is to succeed, and how many groups of walks it is given."""

    success: float  # the limit is the first at which P(arrive) is at least this
    group: int
    batches: int = 100
    groups: int = 1000  # a batch
    penalty: float = 0.05  # a step, for the control alone
    seed: int = 0  # of the walks


SUCCESSES, GROUPS = (0.05, 0.3, 0.8), (8, 20)
GRID = tuple(Config(p, size, seed=CONFIRMING) for size in GROUPS for p in SUCCESSES)
QUICK = tuple(replace(config, batches=50, groups=200) for config in GRID)
SMOKE = tuple(Config(p, size, batches=40, groups=100) for size in GROUPS for p in SUCCESSES)

_MOST_ERRORS = 4.0
_EARLY = 0.1  # prompts below it have arrivals that take nearly as many steps
_UNTIL_MIXED, _DYNAMIC = "redrawn until mixed", "dynamic sampling"

CLAIM_FAMILIES = (
    Family(
        id="O1",
        title="What advantages of a group's outcomes climb",
        statement="On policy and without a step penalty, every advantage that depends on the "
        "number of a group's successes alone moves the policy by w(p) times the exact gradient of "
        "success within the limit, in no other direction, with the w that its formula gives; "
        "drawing again until a group is mixed, or dropping groups that are not, only rescales it.",
        source="no paper: that such an update is w(p)∇p is elementary, the weights of GRPO, "
        "Dr. GRPO, RLOO, PKPO and Pass@k Training follow from their formulas; how PPO's relatives "
        "differ is discussed in Liu et al. 2025 and Walder & Karkhanis 2025",
        control="O1.c1 holds groups of 20 against the weight of groups of 8: it must miss. O1.c2 "
        "takes a penalty of 0.05 a step: the update must leave the direction of ∇p, or its weight. "
        "It is judged at p near .3 and .8. At .05 the limit is so short that all walks which "
        "arrive do so within a few steps of each other, and failures always last to the limit: "
        "there a penalty shows nowhere, as developing seeds told before the run.",
        scope="True by construction as soon as walks and formulas are what they say: what is "
        "tested is the code, and that nothing else is in the way. One maze and one policy with "
        "free rows, drawn at random, the same in development: fresh are the walks. Temperature 1, "
        "sums over a walk's moves, the first step from where the walks were drawn. All methods are "
        "judged on the same walks, so that their cells are no independent trials. O1.4 is "
        "arithmetic.",
        sampled=("O1.1", "O1.2", "O1.3", "O1.c1", "O1.c2"),
    ),
)


class Prompt(NamedTuple):
    """A maze with one goal, a policy, and a limit at which it succeeds as often as asked for."""

    maze: Maze
    logits: np.ndarray  # [R]
    limit: int
    success: float
    gradient: np.ndarray  # [R] exact, by logits


def prompt_of(success: float) -> Prompt:
    """The prompt of a success probability: all have the maze, goal and policy in common."""
    whole = compile_maze(build("corridor", width=3, depth=2, lanes=2, fork="learned"))
    maze = replace(whole, goals=whole.goals[:1])
    logits = np.random.default_rng(0).normal(size=rows_of(maze).size).astype(np.float32)
    p = row_probabilities(maze, logits)
    reached = arrival_law(maze, p, 2000)[0].cumsum()
    limit = int(np.argmax(reached >= success))
    exact = success_gradient(maze, p, limit)
    return Prompt(maze, logits, limit, float(exact.success[0]), exact.logits[0])


def run(config: Config) -> dict[str, np.ndarray]:
    """Sums of scores [batches, N+1, 2, R] over groups with K successes, by failure and success.

    A walk's score is the derivative of its log-probability by the logits. Beside them how many
    groups had K successes [batches, N+1], and the published update with a step penalty
    [batches, R].
    """
    prompt, key = prompt_of(config.success), cell_key(config)
    rows = rows_of(prompt.maze)
    columns: tuple[list[np.ndarray], ...] = ([], [], [])
    for batch in range(config.batches):
        seen = _batch(
            prompt.maze, rows, prompt.logits, jax.random.fold_in(key, batch), config.penalty,
            config.groups, config.group, prompt.limit,
        )  # fmt: skip
        for column, one in zip(columns, seen, strict=True):
            column.append(np.asarray(one))
    count, score, penalised = map(np.stack, columns)
    return {
        "count": count, "score": score, "penalised": penalised,
        "limit": np.asarray(prompt.limit), "success": np.asarray(prompt.success),
        "gradient": prompt.gradient,
    }  # fmt: skip


@partial(jax.jit, static_argnums=(5, 6, 7))
def _batch(
    maze: Maze, rows: Rows, logits: Array, key: Array, penalty: Array, groups: int, size: int,
    limit: int,
) -> tuple[Array, Array, Array]:  # fmt: skip
    walks = rollout(TABULAR, logits, maze, key, groups * size, limit, size)
    success = walks.reached.reshape(groups, size)
    total = success.sum(1)
    reward = walks.reached - penalty * walks.length
    advantage = advantage_of("spread", size)(Outcomes(reward.reshape(groups, size), success))
    kind = 2 * jnp.repeat(total, size) + walks.reached  # by K and outcome
    by_kind = score_sums(rows, logits, walks, kind, jnp.ones(groups * size), 2 * (size + 1))
    with_penalty = score_sums(rows, logits, walks, 0 * kind, advantage.reshape(-1), 1)
    return (
        jnp.bincount(total, length=size + 1),
        by_kind.reshape(size + 1, 2, -1),
        with_penalty[0] / (groups * size),
    )


def table(records: list[Record]) -> Tables:
    """One row a prompt, group size and method, and O1."""
    cells = pd.DataFrame([row for record in records for row in _cell(record, records)])
    frames = {"outcome_weights": cells, "outcome_weights_curves": _curves()}
    return Tables(frames, _claims(cells))


def _curves() -> pd.DataFrame:
    """The exact weights of all members, whatever was walked."""
    p = np.linspace(0.005, 0.995, 100)
    return pd.DataFrame(
        {"method": name, "group": size, "success": each, "weight": float(weight)}
        for size in GROUPS
        for name in ADVANTAGES
        for worth in [by_count(advantage_of(name, size), size)]
        for each, weight in zip(p, outcome_weight(worth, p), strict=True)
    )


def _updates(record: Record, worth: ByCount) -> np.ndarray:
    """The mean update of a batch's groups [batches, R]."""
    size, groups = record.config["group"], record.arrays["count"][0].sum()
    table = np.stack([worth.failure, worth.success], 1)
    return np.einsum("ko,bkor->br", table, record.arrays["score"]) / (groups * size)


def _cell(record: Record, records: list[Record]) -> list[dict[str, object]]:
    size, p = record.config["group"], float(record.arrays["success"])
    told = []
    for name in ADVANTAGES:
        worth = by_count(advantage_of(name, size), size)
        told.append(_row(record, name, _updates(record, worth), float(outcome_weight(worth, p))))
    spread = by_count(advantage_of("spread", size), size)
    update, weight = _updates(record, spread), float(outcome_weight(spread, p))
    # Of all prompts with groups of this size as one pool.
    pool = [r for r in records if r.config["group"] == size]
    mine, every = (np.mean([_kept(r) for r in some], 0) for some in ([record], pool))
    exactly = [_mixed(float(r.arrays["success"]), size) for r in pool]
    told.append(_row(record, _UNTIL_MIXED, update / mine[:, None], weight / _mixed(p, size)))
    told.append(_row(record, _DYNAMIC, update / every[:, None], weight / float(np.mean(exactly))))
    return [*told, _row(record, "with a step penalty", record.arrays["penalised"], weight)]


def _kept(record: Record) -> np.ndarray:
    """The share of a batch's groups that are mixed [batches]."""
    count = record.arrays["count"]
    return 1 - (count[:, 0] + count[:, -1]) / count.sum(1)


def _mixed(p: float, size: int) -> float:
    return 1 - p**size - (1 - p) ** size


def _row(record: Record, method: str, update: np.ndarray, weight: float) -> dict[str, object]:
    gradient = record.arrays["gradient"]
    along = update @ gradient / (gradient @ gradient)
    error = along.std(ddof=1) / np.sqrt(len(along))
    # Two halves are independent: what their residuals have in common is a direction.
    rest = update - along[:, None] * gradient
    half = len(rest) // 2
    common = (rest[:half] * rest[half : 2 * half]).sum(1)
    return {
        "method": method, "group": record.config["group"], "asked": record.config["success"],
        "success": float(record.arrays["success"]), "limit": int(record.arrays["limit"]),
        "groups": int(record.arrays["count"].sum()), "weight": weight,
        "measured": float(along.mean()), "error": float(error),
        "deviation": float((along.mean() - weight) / error),
        "common": float(common.mean() / (common.std(ddof=1) / np.sqrt(half))),
    }  # fmt: skip


def _claims(cells: pd.DataFrame) -> list[dict[str, object]]:
    penalised = cells["method"] == "with a step penalty"
    rescaled = cells["method"].isin([_UNTIL_MIXED, _DYNAMIC])
    family, sampling = cells[~penalised & ~rescaled], cells[rescaled]
    within = {
        name: int((part["deviation"].abs() < _MOST_ERRORS).sum())
        for name, part in (("family", family), ("sampling", sampling))
    }
    aside = int((family["common"].abs() < _MOST_ERRORS).sum())
    hard = cells[(cells["asked"] == min(cells["asked"])) & (cells["method"] == "spread")]
    large = hard.loc[hard["group"].idxmax()]
    other = by_count(advantage_of("spread", int(hard["group"].min())), int(hard["group"].min()))
    missed = float(large["measured"] - outcome_weight(other, large["success"])) / large["error"]
    costly = cells[penalised & (cells["asked"] > _EARLY)]
    broken = int((costly[["deviation", "common"]].abs().max(axis=1) > _MOST_ERRORS).sum())
    p = np.linspace(0.01, 0.15, 141)
    bend = {
        name: float(np.ptp(w) / w.mean())
        for name in ("clipped", "spread")
        for w in [outcome_weight(by_count(advantage_of(name, 20), 20), p)]
    }
    tolerance = f"{_MOST_ERRORS:.0f} standard errors"
    return [
        every(claim, "O1.1", "the update along ∇p is w(p) of it: advantages, group sizes and "
              "prompts", within["family"], len(family), tolerance),
        every(claim, "O1.2", "and nothing beside it: cells whose two halves have no further "
              "direction in common", aside, len(family), tolerance),
        every(claim, "O1.3", "drawing until a group is mixed, or dropping those that are not, "
              "rescales GRPO's update by the exact share of mixed groups: cells",
              within["sampling"], len(sampling), tolerance),
        claim("O1.4", "clipped at 2.5 GRPO's weight at N = 20 is nearly constant for p from .01 "
              "to .15, so that it climbs nearly p: its range over its mean", "below 0.1",
              bend["clipped"], bend["clipped"] < 0.1),
        control("O1.4c", "without the clip it is not", "above 0.3", bend["spread"],
                bend["spread"] > 0.3),
        control("O1.c1", f"groups of {int(large['group'])} have not the weight of groups of "
                f"{int(hard['group'].min())} at p near {large['asked']}: deviation in standard "
                "errors", "above 4", missed, missed > _MOST_ERRORS),
        every(control, "O1.c2", "with a step penalty the update leaves w(p)∇p: cells in which "
              "it does", broken, len(costly), tolerance),
    ]  # fmt: skip
