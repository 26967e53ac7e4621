"""What a filter of groups makes of the weight by which an update climbs each prompt.

Of n groups whose prompts are drawn from a pool, M are learned from (`training.filters`). A group of
N walks with K successes is kept with a chance that K alone decides, so that the expected update is
still w(p)·∇p (`measure.outcome_weights`), with another w, which the pool has a part in.
"""

import numpy as np
from scipy.stats import binom

from mazerl.errors import MazerlError, require_whole
from mazerl.measure.outcome_weights import ByCount, outcome_weight
from mazerl.training.filters import Keep, check_filter


def kept_by_count(size: int, keep: Keep, pool: np.ndarray, groups: int, drawn: int) -> np.ndarray:
    """P(a drawn group is learned from | K of its N walks succeed), K = 0 … N: [N+1].

    Those that rank alike are kept in the order of drawing, in which all orders are as likely.

    Args:
        size: N.
        keep: of `training.filters.Keep`; rewards are 1 for success, with no penalty.
        pool: [X] success probabilities of the prompts, each drawn as often.
        groups: M that are kept at most.
        drawn: n that are drawn.

    Raises:
        MazerlError: the filter is unknown, a number below 1, or fewer are drawn than kept.
    """
    check_filter(keep, 2 if keep == "spread" else 1)
    for name, value in (("the group size", size), ("groups", groups), ("drawn", drawn)):
        require_whole(name, value)
    if drawn < groups:
        raise MazerlError(f"{drawn} groups are drawn and {groups} kept; draw at least as many")
    count = np.arange(size + 1)
    rank = {
        "all": np.ones_like(count),
        "mixed": (count % size > 0),
        "spread": count * (size - count),
    }
    mine = np.asarray(rank[keep], int)
    chance = np.mean(binom.pmf(count, size, np.asarray(pool, float)[:, None]), 0)
    better, alike = (
        (chance * part).sum(1) for part in (mine > mine[:, None], mine == mine[:, None])
    )
    others = np.arange(drawn)
    before = binom.pmf(others, drawn - 1, np.minimum(better, 1)[:, None])  # [N+1, n] B better
    rest = np.clip(alike / np.maximum(1 - better, 1e-300), 0, 1)[:, None, None]
    with_it = binom.pmf(others, (drawn - 1 - others)[:, None], rest)  # [N+1, B, alike]
    room = np.clip((groups - others[:, None]) / (others + 1), 0, 1)
    return np.asarray((mine > 0) * np.einsum("kb,kba,ba->k", before, with_it, room))


def filtered_weight(worth: ByCount, kept: np.ndarray, p: np.ndarray | float) -> np.ndarray:
    """w(p), a drawn group counting for `kept` [N+1] of one: divide by M/n for those learned from.

    Of the shape of p, which lies between 0 and 1, both excluded.
    """
    return outcome_weight(ByCount(worth.success * kept, worth.failure * kept), p)
