"""What k tries are good for: PASS@k exactly and from samples, tries needed, and paired comparisons.

Success probabilities are those of single tries within one time limit, problem by problem. Chen et
al. 2021 have the estimator; arXiv 2604.14877 has PASS@(k, T).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from mazerl.errors import MazerlError, require_number, require_whole

_MOST_TRIES = 1e18


def pass_at_k(success: np.ndarray, tries: np.ndarray | float) -> np.ndarray:
    """P(at least one of k tries succeeds), 1-(1-p)^k, of the shape that both have together."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.asarray(tries) * np.log1p(-np.asarray(success, float))))


def estimate_pass_at_k(successes: np.ndarray, walks: int, tries: int) -> np.ndarray:
    """The unbiased estimate 1 - C(n-c, k)/C(n, k) [X] from c successes [X] among n walks each.

    Raises:
        MazerlError: more tries than walks, or successes that are no numbers from 0 to n.
    """
    if require_whole("the number of tries", tries) > require_whole("the number of walks", walks):
        raise MazerlError(f"{tries} tries cannot be estimated from {walks} walks; give more walks")
    count = np.asarray(successes)
    if not ((count >= 0) & (count <= walks)).all():
        raise MazerlError(f"successes lie outside 0 … {walks}; give those of {walks} walks each")
    # The chance that none of k walks drawn from the n is one of the c.
    drawn = np.arange(tries)
    left = np.maximum(walks - count[..., None] - drawn, 0)
    return np.asarray(1 - np.prod(left / (walks - drawn), axis=-1))


def tries_needed(success: np.ndarray, share: float = 0.5) -> float:
    """Tries k, not a whole number, at which the mean of PASS@k over problems [X] is `share`.

    Of one problem it is ln(1-share)/ln(1-p). +inf where the share is never reached.

    Raises:
        MazerlError: the share is not between 0 and 1, both excluded.
    """
    require_number("share", share, 0.0, 1 - 1e-12, above=True)
    p = np.asarray(success, float)

    def over(log_tries: float) -> float:
        return float(pass_at_k(p, np.exp(log_tries)).mean()) - share

    low, high = np.log(1e-3), np.log(_MOST_TRIES)
    if over(high) < 0:
        return np.inf
    return float(np.exp(brentq(over, low, high, xtol=1e-12))) if over(low) < 0 else 0.0


class Paired(NamedTuple):
    """Which of the same problems two policies have solved."""

    both: int
    first: int  # the first alone
    second: int  # the second alone
    neither: int
    p_value: float  # McNemar's exact test, two-sided: that either is as likely to be alone


def paired(first: np.ndarray, second: np.ndarray) -> Paired:
    """The contingency table of two columns of outcomes [X] bool."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    alone = int((a & ~b).sum()), int((b & ~a).sum())
    p_value = binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0
    return Paired(int((a & b).sum()), *alone, int((~a & ~b).sum()), float(p_value))
