"""Forks with one right arm under updates of free logits: the rules, and what they start from."""

from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
from scipy.stats import multinomial

RATES = {"sgd": 0.1, "natural": 0.01, "sign": 0.01, "adam": 0.01}
"""Rules of `ascend`, and a rate of each that takes some hundred updates."""


def wrong_shares(arms: int) -> np.ndarray:
    """How wrong mass lies on wrong arms [kinds, arms-1]: evenly, mostly on one, all but on one."""
    rest = np.array([1.0, 0.3, 1e-6])[:, None] / (arms - 1)
    first = np.arange(arms - 1) == 0
    return rest + first * (1 - rest * (arms - 1))


def ascend(
    logits: np.ndarray, gradient: Callable[[np.ndarray], np.ndarray], rule: str, updates: int
) -> np.ndarray:
    """Logits after each update [updates+1, ...] by a rule on what `gradient` says of them.

    The rules: the gradient itself ("sgd"; "natural", if it is the natural one), its signs, or Adam.
    """
    rate, kept = RATES[rule], [logits]
    first = second = np.zeros_like(logits)
    for t in range(1, updates + 1):
        slope = gradient(kept[-1])
        if rule == "sign":
            slope = np.sign(slope)
        elif rule == "adam":
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            slope = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        kept.append(kept[-1] + rate * slope)
    return np.stack(kept)


@cache
def _groups(arms: int, size: int) -> np.ndarray:
    """How often each arm may be taken by a group [groups, arms]."""
    chosen = combinations_with_replacement(range(arms), size)
    return np.array([np.bincount(walks, minlength=arms) for walks in chosen])


def graded_update(pi: np.ndarray, reward: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """GRPO's expected update by the logits [arms], and the share of groups that have a spread.

    Args:
        pi: [arms] probabilities.
        reward: [arms] of each.
        size: walks of a group; all groups there are get enumerated.
    """
    count = _groups(len(pi), size)
    chance = multinomial.pmf(count, size, pi)
    mean = count @ reward / size
    spread = np.sqrt(np.maximum(count @ reward**2 / size - mean**2, 0))
    teaches = spread > 1e-6
    advantage = (reward - mean[:, None]) / np.where(teaches, spread, np.inf)[:, None]
    return chance @ (count / size * advantage), float(chance[teaches].sum())


def updates_to(success: np.ndarray, wanted: float) -> float:
    """Updates until success [updates+1] is as wanted, a part of one by interpolation; else ∞."""
    there = int(np.argmax(success >= wanted))
    if success[there] < wanted:
        return float("inf")
    if there == 0:
        return 0.0
    before, after = success[there - 1 : there + 1]
    return float(there - (after - wanted) / (after - before))
