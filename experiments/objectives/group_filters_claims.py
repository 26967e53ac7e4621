"""What O5 claims of the weights and shares of `group_filters`."""

import numpy as np
import pandas as pd

from experiments.common.filtered_weights import REDRAWN, exact_weight
from mazerl.sweep.claims import Family, claim, control, every

_MOST_ERRORS = 4.0

CLAIM_FAMILIES = (
    Family(
        id="O5",
        title="What filters of groups do to the objective",
        statement="Dropping groups that are not mixed rescales GRPO's weights of prompts; drawing "
        "each prompt again until its group is mixed makes it climb the log-odds of success; "
        "keeping the groups of largest spread turns it to prompts near p = 1/2, away from hard "
        "ones, by as much as the rest of the pool decides.",
        source="no paper has the weights: filters are DAPO's (Yu et al. 2025) and RAGEN's (Wang et "
        "al. 2025), whose chance to keep a group with K successes follows from the binomials of "
        "the pool",
        control="O5.c1 keeps groups by the spread of numbers that have nothing to do with "
        "outcomes: the weight must stay GRPO's. O5.c2 holds those against the weights of the "
        "spread of rewards, O5.c3 the kept groups against the weights of another N: both must "
        "miss.",
        scope="That spread and closeness of K/N to 1/2 rank groups alike is an identity, and "
        "tested as one. Weights are true by construction as soon as filters and formulas are what "
        "they say: tested is the code, on one cave, one base model and eight goals, the same in "
        "development; fresh are the walks, and all filters are judged on the same ones. Rewards "
        "without penalty, 16 kept of 64, sums over a walk's moves divided by the number of groups "
        "kept, one step. O5.3 to O5.5 are arithmetic.",
        sampled=("O5.1", "O5.2", "O5.c1", "O5.c2", "O5.c3"),
    ),
)


def claims_of(cells: pd.DataFrame, pool: np.ndarray) -> list[dict[str, object]]:
    """O5, of a pool's success probabilities [X]."""
    tolerance = f"{_MOST_ERRORS:.0f} standard errors"

    def near(rows: pd.DataFrame, column: str = "deviation") -> int:
        return int((rows[column].abs() < _MOST_ERRORS).sum())

    kept, unrelated = (
        cells[cells["filter"].isin(["mixed", "spread"])],
        cells["filter"] == "unrelated",
    )
    filtered, aside = cells[~unrelated], cells[unrelated]
    size = int(cells["group"].min())
    told = [
        every(claim, "O5.1", "of a prompt's groups the exact share is kept: filters, group sizes "
              "and prompts", near(kept, "kept_deviation"), len(kept), tolerance),
        every(claim, "O5.2", "the update along ∇p is the exact weight of it: unfiltered, mixed "
              "alone, redrawn, largest spreads; group sizes and prompts", near(filtered),
              len(filtered), tolerance),
        every(claim, "O5.3", "redrawn until mixed w(p) p(1-p) is from √(N-1)/N to 1/2 for any p, "
              "so that about the log-odds is climbed: N from 2 to 64", *_log_odds()),
        every(control, "O5.c1", "kept by an unrelated signal, the weight is GRPO's: group sizes "
              "and prompts", near(aside), len(aside), tolerance),
    ]  # fmt: skip
    ends = np.array([pool.min(), pool[np.abs(pool - 0.5).argmin()]])
    hard = {name: float(np.divide(*exact_weight(name, size, pool, ends)))
            for name in ("all", "mixed", "spread")}  # fmt: skip
    easier = {name: float(np.divide(*exact_weight(name, size, pool[pool < 0.15], pool[:2])))
              for name in ("mixed", "spread")}  # fmt: skip
    as_it_is = {name: float(np.divide(*exact_weight(name, size, pool, pool[:2])))
                for name in ("mixed", "spread")}  # fmt: skip
    moved = {name: easier[name] / as_it_is[name] for name in easier}
    other = 2 * size if size == 8 else 8
    return [
        *told,
        claim("O5.4", f"the largest spreads, N = {size}: weight of the hardest prompt over that "
              "of the one nearest to 1/2, as a share of what it is unfiltered", "below 0.2",
              hard["spread"] / hard["all"], hard["spread"] / hard["all"] < 0.2),
        control("O5.4c", "of mixed groups alone it is the same", 1.0, hard["mixed"] / hard["all"],
                abs(hard["mixed"] / hard["all"] - 1) < 1e-9),
        claim("O5.5", f"the largest spreads, N = {size}: weight of the hardest prompt over the "
              "next, among prompts below 0.15 alone over among all", "above 1.2", moved["spread"],
              moved["spread"] > 1.2),
        control("O5.5c", "of mixed groups alone it is the same", 1.0, moved["mixed"],
                abs(moved["mixed"] - 1) < 1e-9),
        *_misses(cells, aside, pool, other),
    ]  # fmt: skip


def _misses(
    cells: pd.DataFrame, aside: pd.DataFrame, pool: np.ndarray, other: int
) -> list[dict[str, object]]:
    size = int(cells["group"].min())

    def most(rows: pd.DataFrame, weights: np.ndarray) -> float:
        mine = rows[rows["group"] == size].sort_values("success")
        return float(((mine["measured"] - weights) / mine["error"]).abs().max())

    wrong = most(aside, exact_weight("spread", size, pool, pool))
    spread = most(cells[cells["filter"] == "spread"], exact_weight("spread", other, pool, pool))
    return [
        control("O5.c2", "and not that of the largest spreads: largest deviation in standard "
                "errors", "above 4", wrong, wrong > _MOST_ERRORS),
        control("O5.c3", f"kept groups of {size} have not the weight of groups of {other}: largest "
                "deviation in standard errors", "above 4", spread, spread > _MOST_ERRORS),
    ]  # fmt: skip


def _log_odds() -> tuple[int, int]:
    """Group sizes whose redrawn weight times p(1-p) is from √(N-1)/N to 1/2, of how many."""
    p = 1 / (1 + np.exp(-np.linspace(-9, 9, 361)))
    sizes = (2, 3, 4, 8, 16, 32, 64)
    met = 0
    for size in sizes:
        flat = exact_weight(REDRAWN, size, p, p) * p * (1 - p)
        met += bool((flat > np.sqrt(size - 1) / size - 1e-6).all() and (flat < 0.5 + 1e-6).all())
    return met, len(sizes)
