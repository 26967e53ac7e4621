"""What trees of walks buy: mixed groups, and gradients that point the right way, a step."""

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from experiments.common.cells import cell_key
from experiments.common.menu import FIRST, SELECTORS, menu
from experiments.common.prompts import Prompts, prompts_of, updates_of
from experiments.common.seeds import CONFIRMING
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share
from mazerl.sweep.studies import Tables
from mazerl.training.credit import RULES, Credit, leaves
from mazerl.walk.nodes import Forest
from mazerl.walk.trees import Budget, grow


@dataclass(frozen=True)
class Config:
    """A cave of its own, some of its goals, and a tree of each by every selector."""

    problems: int = 125
    junctions: int = 40
    seed: int = 0  # of cave, base model, goals and walks


GRID = tuple(Config(seed=CONFIRMING + number) for number in range(8))
QUICK = tuple(Config(problems=40, seed=CONFIRMING + number) for number in range(2))
SMOKE = (Config(problems=60, seed=0),)

LIMIT, WALKS, STEPS, MOST = 60, 16, 800, 32
"""T; what a problem may spend, in walks or in steps; leaves up to which trees are grown."""

BUDGETS = ("walks", "steps")

CLAIM_FAMILIES = (
    Family(
        id="I3",
        title="Whether trees make groups mixed",
        statement="Where to resume decides whether a tree's group is mixed: told the exact V, a "
        "selector mixes nearly every group with the walks and steps of a flat one, but UUCB as "
        "reconstructed mixes about as many as flat groups do, far below that ceiling.",
        source="arXiv 2605.05262 (InfoTree) is told to be within 4 points of its ceiling; the rule "
        "here is InfoTree-style, reconstructed: no public source gives its terms' forms or "
        "constants, so that this is no verdict on the paper's",
        control="I3.c1: the oracle turned round, to the lowest V, must mix none of the groups "
        "whose first walks all failed. I3.c2: nodes at random must mix fewer than flat groups at "
        "equal walks, as late branches waste them; so it is not the tree that helps.",
        scope="8 caves of one shape, 125 goals each, a base model with free rows, blind to the "
        "goal; fresh in the confirming run are caves, models, goals and walks. Problems share "
        "caves, which intervals leave out. Nine of ten problems are hard (p up to .2) and nearly "
        "none is easy, so that groups that all succeed say nothing here. The tuned weights are the "
        "best of 108 on development problems. The root may be selected too.",
        sampled=("I3.*",),
    ),
    Family(
        id="I4",
        title="Whether larger updates point the right way",
        statement="Groups that an oracle makes mixed have longer updates than flat ones, but these "
        "point less along the exact gradient of success, by every rule of credit; by leaf GRPO "
        "with shared steps counted once a step gains little more than in flat groups.",
        source="arXiv 2605.05262 (InfoTree) is told of about 4 times the gradient signal; whether "
        "it points the right way no paper asks. Rules of credit as in their papers: GRPO, "
        "2505.23564 (SPO), 2509.21240 (Tree-GRPO), 2506.11902 (TreeRL, the paper's scaling)",
        control="I4.c: a tree that branches nearly at the root alone, by the exploration term, "
        "must lose no direction: it is branching where outcomes are open that turns the update.",
        scope="As of I3. One tree a problem; the direction is the sum over problems of the part "
        "along the exact gradient, over that of the lengths. Lengths, and what a step gains, are "
        "in each rule's own unit, and are compared between selectors alone. I4.5 is of one rule: "
        "where shared steps are repeated, or tree added to leaf, the oracle's longer update gains "
        "more a step than that (the figure shows it). The first step, "
        "on-policy; nothing is trained. That a selector which looks at outcomes is biased is known "
        "(selection bias); how much of this is bias and how much is noise is not told apart.",
        sampled=("I4.*",),
    ),
)

_CREDITS = ("leaves", "siblings", "leaves_and_trees", "global_and_local")
CREDITS: dict[str, Credit] = {name: RULES[name] for name in _CREDITS} | {
    "leaves_repeated": partial(leaves, once=False)
}


def run(config: Config) -> dict[str, np.ndarray]:
    """Successes, leaves and steps [selectors, 3, X]: first walks, WALKS walks, STEPS steps.

    And of the two budgets the update's length, and its part along the exact gradient
    [selectors, credits, 2, X]; mean |A| of the leaves' own rule [selectors, 2, X].
    """
    key = cell_key(config)
    prompts = prompts_of(config.problems, config.junctions, LIMIT, config.seed)
    value = jnp.asarray(prompts.value)
    logits = np.log(prompts.p).astype(np.float32)
    counts, updates = [], []
    for chosen in SELECTORS.values():
        # The first walks are the same for all, and so is a round's luck.
        forest = grow(
            TABULAR, logits, prompts.maze, key, LIMIT, Budget(MOST, FIRST), menu,
            chosen._replace(value=value), goals=prompts.goals,
        )  # fmt: skip
        parts = [_first(forest, FIRST), _first(forest, WALKS), _within(forest, STEPS)]
        counts.append([_count(part) for part in parts])
        updates.append([_measure(prompts, part) for part in parts[1:]])
    count, update = np.asarray(counts), np.swapaxes(updates, 1, 2)
    return {
        "successes": count[:, :, 0], "leaves": count[:, :, 1], "steps": count[:, :, 2],
        "along": update[..., 0, :], "norm": update[..., 1, :],
        "success": prompts.success, "slope": np.linalg.norm(prompts.gradient, axis=1),
    }  # fmt: skip


def _first(forest: Forest, leaves: int) -> Forest:
    """The tree as it was when it had so many leaves."""
    number = jnp.arange(forest.grown.shape[1])[None]
    return forest._replace(grown=forest.grown & (number < leaves))


def _within(forest: Forest, steps: int) -> Forest:
    """The tree without the leaves that were begun when so many steps were spent."""
    each = forest.own.sum(2)
    return forest._replace(grown=forest.grown & (jnp.cumsum(each, 1) - each < steps))


def _count(forest: Forest) -> np.ndarray:
    """Successes, leaves, steps [3, X]."""
    wins = (forest.reached & forest.grown).sum(1)
    return np.stack([wins, forest.grown.sum(1), forest.spent])


_CREDIT = jax.jit(lambda forest: {name: rule(forest) for name, rule in CREDITS.items()})


def _measure(prompts: Prompts, forest: Forest) -> np.ndarray:
    """Each rule's update: its part along the exact gradient, and its length [credits, 2, X]."""
    slope = np.linalg.norm(prompts.gradient, axis=1)
    credits, told = _CREDIT(forest), []
    for name in CREDITS:
        update = updates_of(prompts, forest, np.asarray(credits[name]))
        along = (update * prompts.gradient).sum(1) / slope
        told.append([along, np.linalg.norm(update, axis=1)])
    return np.asarray(told)


def table(records: list[Record]) -> Tables:
    """One row a selector and budget; one a rule of credit besides; I3 and I4."""
    seen = {
        name: np.concatenate([record.arrays[name] for record in records], -1)
        for name in ("successes", "leaves", "steps", "along", "norm", "success")
    }
    mixed = (seen["successes"] > 0) & (seen["successes"] < seen["leaves"])
    groups, updates = [], []
    for (s, selector), (b, budget) in product(enumerate(SELECTORS), enumerate(BUDGETS, 1)):
        groups.append({"selector": selector, "budget": budget} | _group(seen, mixed, s, b))
        for c, credit in enumerate(CREDITS):
            along, norm = (seen[name][s, c, b - 1] for name in ("along", "norm"))
            told = _update(along, norm, seen["steps"][s, b])
            updates.append({"selector": selector, "credit": credit, "budget": budget} | told)
    frames = {"trees": pd.DataFrame(groups), "trees_updates": pd.DataFrame(updates)}
    return Tables(frames, _claims(frames["trees"], frames["trees_updates"]))


def _group(seen: dict[str, np.ndarray], mixed: np.ndarray, s: int, b: int) -> dict[str, object]:
    """Mixed groups of a selector, over problems; beside them the difference to flat groups."""
    wins, hard = seen["successes"][s, 0], seen["success"] <= 0.2
    ahead = mixed[s, b].astype(float) - mixed[0, b]
    failed, solved = wins == 0, wins == seen["leaves"][s, 0]
    return {
        "mixed": float(mixed[s, b].mean()), "error": _standard_error(mixed[s, b]),
        "ahead": float(ahead.mean()), "ahead_error": _standard_error(ahead),
        "mixed_hard": float(mixed[s, b][hard].mean()),
        "failed": int(failed.sum()), "flipped": int(mixed[s, b][failed].sum()),
        "solved": int(solved.sum()), "unsettled": int(mixed[s, b][solved].sum()),
        "leaves": float(seen["leaves"][s, b].mean()), "steps": float(seen["steps"][s, b].mean()),
    }  # fmt: skip


def _update(along: np.ndarray, norm: np.ndarray, steps: np.ndarray) -> dict[str, object]:
    """The update along the exact gradient per 1000 steps, and over its length."""
    told: dict[str, object] = {"norm": float(norm.mean()), "norm_error": _standard_error(norm)}
    for name, by in (("per_step", steps / 1000), ("direction", norm)):
        ratio = float(along.sum() / by.sum())
        # Of a ratio of sums over problems, to first order.
        error = float(np.sqrt(((along - ratio * by) ** 2).sum()) / by.sum())
        told |= {name: ratio, f"{name}_error": error}
    return told


def _standard_error(x: np.ndarray) -> float:
    return float(x.std(ddof=1) / np.sqrt(x.size))


def _claims(groups: pd.DataFrame, updates: pd.DataFrame) -> list[dict[str, object]]:
    group = groups.set_index(["selector", "budget"]).to_dict("index")
    update = updates.set_index(["selector", "credit", "budget"]).to_dict("index")

    def apart(table: dict[Any, Any], one: Any, other: Any, column: str, error: str
              ) -> tuple[float, tuple[float, float]]:  # fmt: skip
        """A difference, and its interval as if the two were independent."""
        gap = table[one][column] - table[other][column]
        wide = 1.96 * float(np.hypot(table[one][error], table[other][error]))
        return gap, (gap - wide, gap + wide)

    def ahead(selector: str, budget: str) -> tuple[float, tuple[float, float]]:
        gap, error = (float(group[selector, budget][x]) for x in ("ahead", "ahead_error"))
        return gap, (gap - 1.96 * error, gap + 1.96 * error)

    def direction(one: str, other: str, credit: str) -> tuple[float, tuple[float, float]]:
        return apart(update, (one, credit, "walks"), (other, credit, "walks"), "direction",
                     "direction_error")  # fmt: skip

    ceiling = apart(group, ("oracle", "walks"), ("uucb", "walks"), "mixed", "error")
    flips = {name: group[name, "walks"] for name in ("highest", "lowest")}
    flat, oracle, uucb = (update[name, "leaves", "walks"] for name in ("flat", "oracle", "uucb"))
    gains = [update[name, "leaves", "steps"]["per_step"] for name in ("flat", "oracle")]
    best, tuned, chance = ahead("oracle", "steps"), ahead("uucb_tuned", "walks"), ahead(
        "random", "walks")  # fmt: skip
    worse = sum(direction("flat", "oracle", credit)[0] > 0 for credit in CREDITS)
    turned, early = (
        direction("flat", "oracle", "leaves"),
        direction("flat", "exploration", "leaves"),
    )
    return [
        claim("I3.1", f"mixed groups by the oracle V(1-V) less those of flat groups, {STEPS} steps "
              "a problem", "above 0.2", best[0], best[0] > 0.2, best[1]),
        claim("I3.2", f"mixed groups by the oracle less those by UUCB, first constants, {WALKS} "
              "walks a problem", "above 0.04", ceiling[0], ceiling[0] > 0.04, ceiling[1]),
        claim("I3.3", f"mixed groups by UUCB, tuned, less those of flat groups, {WALKS} walks a "
              "problem", "0, within 0.05", tuned[0], abs(tuned[0]) < 0.05, tuned[1]),
        share(claim, "I3.4", f"problems whose first {FIRST} walks all failed and that the highest "
              f"V mixes within {WALKS} walks", flips["highest"]["flipped"],
              flips["highest"]["failed"], least=0.7),
        share(control, "I3.c1", "and that the lowest V mixes", flips["lowest"]["flipped"],
              flips["lowest"]["failed"], most=0.05),
        control("I3.c2", f"mixed groups by nodes at random less those of flat groups, {WALKS} "
                "walks a problem", "below 0", chance[0], chance[0] < 0, chance[1]),
        claim("I4.1", f"the oracle's update by leaf GRPO over a flat group's, in length, {WALKS} "
              "walks", "above 1.2", oracle["norm"] / flat["norm"],
              oracle["norm"] > 1.2 * flat["norm"]),
        claim("I4.2", "its part along the exact gradient over its length: flat group's less the "
              "oracle's", "above 0.1", turned[0], turned[0] > 0.1, turned[1]),
        every(claim, "I4.3", "rules of credit by which the oracle's update points less along the "
              "exact gradient than a flat group's", worse, len(CREDITS)),
        claim("I4.4", f"UUCB's update, first constants, over a flat group's, in length, {WALKS} "
              "walks", "below 2", uucb["norm"] / flat["norm"], uucb["norm"] < 2 * flat["norm"]),
        claim("I4.5", f"the oracle's part along the exact gradient over a flat group's, {STEPS} "
              "steps", "below 1.5", gains[1] / gains[0], gains[1] < 1.5 * gains[0]),
        control("I4.c", "direction of a flat group's update less that of a tree by exploration "
                "alone", "below 0.05", early[0], early[0] < 0.05, early[1]),
    ]  # fmt: skip
