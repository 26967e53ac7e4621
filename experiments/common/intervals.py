"""Means over caves, seeds or mazes, and their intervals."""

import numpy as np
from scipy.stats import t as student

Interval = tuple[float, float]


def mean_and_interval(x: np.ndarray) -> tuple[float, Interval]:
    """The mean of [N] and Student's 95% interval; of a single number the number itself."""
    x = np.asarray(x, float)
    middle = float(x.mean())
    if len(x) < 2:
        return middle, (middle, middle)
    wide = float(student.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return middle, (middle - wide, middle + wide)


def ratio_and_interval(x: np.ndarray, y: np.ndarray) -> tuple[float, Interval]:
    """Of the sums of [N] and [N], to first order of what each pair adds."""
    ratio = float(np.sum(x) / np.sum(y))
    _, (low, high) = mean_and_interval(np.asarray(x) - ratio * np.asarray(y))
    wide = (high - low) / 2 / float(np.mean(y))
    return ratio, (ratio - wide, ratio + wide)
