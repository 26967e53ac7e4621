"""Exact weights of GRPO's prompts after a filter of groups, 16 kept of 64."""

import numpy as np
from scipy.stats import binom

from mazerl.measure.group_filters import filtered_weight, kept_by_count
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.training.advantages import advantage_of
from mazerl.training.filters import Keep

KEPT, DRAWN = 16, 64
RANKED: dict[str, Keep] = {"mixed": "mixed", "spread": "spread"}
"""Filters that go by rewards; others are "all", "unrelated" and …"""
REDRAWN = "redrawn"
"""… each prompt again, until its group is mixed."""


def exact_weight(name: str, size: int, pool: np.ndarray, p: np.ndarray) -> np.ndarray:
    """w(p) of GRPO's advantages after a filter, of groups that are learned from."""
    worth = by_count(advantage_of("spread", size), size)
    if name in RANKED:
        kept = kept_by_count(size, RANKED[name], pool, KEPT, DRAWN)
        return filtered_weight(worth, kept, p) * DRAWN / KEPT
    plain = outcome_weight(worth, p)
    return plain / _mixed(p, size) if name == REDRAWN else plain


def _mixed(p: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(1 - p**size - (1 - p) ** size)


def kept_share(name: str, size: int, pool: np.ndarray, p: float) -> float:
    """Of groups of a prompt that are drawn."""
    if name not in RANKED:
        return 1.0 if name == "all" else KEPT / DRAWN
    kept = kept_by_count(size, RANKED[name], pool, KEPT, DRAWN)
    return float(binom.pmf(np.arange(size + 1), size, p) @ kept)
