"""Hitting times from walks, by estimators that know that limits censor.

The mean of the walks that finished is biased low, by any factor. All estimators here use the
censored walks too and say how many there were. All walks must share one time limit.
"""

from typing import Any, NamedTuple, cast

import numpy as np
from scipy import stats

from mazerl.errors import MazerlError, require_whole
from mazerl.walk.rollouts import Arrivals


class Estimate(NamedTuple):
    """An estimated expected hitting time, in steps."""

    value: float  # +inf where nothing arrived that could say when the rest will
    low: float
    high: float  # [low, high] is the interval of the confidence asked for
    walks: int
    arrivals: int
    censored: float  # share of walks stopped by the time limit


def exponential_time(arrivals: Arrivals, limit: int, confidence: float = 0.95) -> Estimate:
    """Exponential maximum likelihood: total steps walked / number of arrivals.

    Right if the chance of arriving is the same at every step. From a fixed start it is not, and a
    policy that either arrives at once or gets lost makes this far too small: prefer `tail_time`.
    The interval is the exact one for a Poisson count (Garwood 1936).
    """
    steps, reached = _checked(arrivals, limit)
    total, count = float(steps.sum()), int(reached.sum())
    rate = _rate_interval(count, total, confidence)
    with np.errstate(divide="ignore"):
        value, low, high = 1 / np.float64(count / total), 1 / rate[1], 1 / rate[0]
    return _estimate(float(value), float(low), float(high), reached)


def tail_time(arrivals: Arrivals, limit: int, confidence: float = 0.95) -> Estimate:
    """Restricted mean up to the limit, plus what remains at the rate of the window's second half.

    E[τ] = Σ_{t<limit} P(τ > t) + P(τ > limit)/λ. The first part is the plain mean of min(τ, limit).
    λ is the arrival rate among walks still going after limit/2, when the start is forgotten: it
    assumes only that the tail is geometric from there on, as every finite chain's is in the end.
    Where the limit is too short to forget the start, no estimator can know the rest, and this one
    is wrong by as much as the rate still has to change: raise the limit until the value settles.
    With no censored walk this is the plain mean. The interval joins those of the two parts, the
    first of which is Student's, by MOVER (Zou & Donner 2008). It is +inf above where nothing
    arrived in the second half; one walk has no interval: it is from -inf to +inf.
    """
    steps, reached = _checked(arrivals, limit)
    z = stats.norm.ppf(0.5 + confidence / 2)
    mean, spread = float(steps.mean()), np.inf
    if len(steps) > 1:
        student = stats.t.ppf(0.5 + confidence / 2, len(steps) - 1)
        spread = float(student * steps.std(ddof=1) / np.sqrt(len(steps)))
    censored = float(1 - reached.mean())
    if censored == 0:
        return _estimate(mean, mean - spread, mean + spread, reached)
    count, exposure = _late(steps, reached, limit)
    low_rate, high_rate = _rate_interval(count, exposure, confidence)
    with np.errstate(divide="ignore"):
        rest = np.float64(censored) / (count / exposure)
        # The censored share's own error, relative, is added to that of the rate.
        share = z * np.sqrt((1 - censored) / (censored * len(steps)))
        rest_low = censored / high_rate * np.exp(-share)
        rest_high = np.float64(censored) / low_rate * np.exp(share)
    if not np.isfinite(rest):
        return _estimate(np.inf, mean - spread + float(rest_low), np.inf, reached)
    value = mean + float(rest)
    low = value - np.hypot(spread, rest - rest_low)
    high = value + np.hypot(spread, rest_high - rest)
    return _estimate(value, float(low), float(high), reached)


def time_at_least(arrivals: Arrivals, limit: int) -> float:
    """About as `tail_time`, and finite: where none arrived in the second half, as if one had.

    What it tells is too short there, and where the start is not forgotten; hardly ever too long.
    """
    steps, reached = _checked(arrivals, limit)
    if reached.all():
        return float(steps.mean())
    count, exposure = _late(steps, reached, limit)
    return float(steps.mean()) + float(1 - reached.mean()) * exposure / max(1, count)


class Arrived(NamedTuple):
    """P(hit ≤ T) with a pointwise interval, for T = 0 … limit."""

    probability: np.ndarray  # [limit+1]
    low: np.ndarray  # [limit+1]
    high: np.ndarray  # [limit+1]


def arrival_distribution(arrivals: Arrivals, limit: int, confidence: float = 0.95) -> Arrived:
    """Kaplan–Meier estimate of P(hit ≤ T) with its log-log interval (Kalbfleisch & Prentice)."""
    steps, reached = _checked(arrivals, limit)
    data = stats.CensoredData.right_censored(steps.astype(float), ~reached)
    times = np.arange(limit + 1)
    fitted = stats.ecdf(data).cdf
    with np.errstate(all="ignore"):
        bounds = fitted.confidence_interval(confidence, method="log-log")
    probability = fitted.evaluate(times)
    # scipy's stubs call the bounds numbers; they are functions like the estimate itself.
    functions = cast(tuple[Any, Any], (bounds.low, bounds.high))
    low, high = (np.asarray(bound.evaluate(times)) for bound in functions)
    # Before the first arrival and after the last certain one the log-log form is undefined.
    return Arrived(probability, np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=1.0))


def _checked(arrivals: Arrivals, limit: int) -> tuple[np.ndarray, np.ndarray]:
    require_whole("the time limit", limit)
    steps, reached = np.asarray(arrivals.steps), np.asarray(arrivals.reached)
    if steps.ndim != 1 or len(steps) == 0:
        raise MazerlError(f"arrivals of shape {steps.shape}; give at least one walk, as [B]")
    if (steps[~reached] != limit).any():
        raise MazerlError(
            f"a walk stopped short of the time limit {limit} without arriving; "
            "give the limit that the walks were run with"
        )
    return steps, reached


def _late(steps: np.ndarray, reached: np.ndarray, limit: int) -> tuple[int, float]:
    """Arrivals in the second half of the limit, and the steps that were walked there."""
    late = steps > limit // 2
    return int(reached[late].sum()), float((steps[late] - limit // 2).sum())


def _rate_interval(count: int, exposure: float, confidence: float) -> tuple[np.float64, np.float64]:
    """Exact interval of a Poisson rate: `count` events in `exposure` steps."""
    tail = (1 - confidence) / 2
    low = stats.gamma.ppf(tail, count) if count else 0.0
    high = stats.gamma.ppf(1 - tail, count + 1)
    return np.float64(low / exposure), np.float64(high / exposure)


def _estimate(value: float, low: float, high: float, reached: np.ndarray) -> Estimate:
    censored = float(1 - reached.mean())
    return Estimate(value, low, high, len(reached), int(reached.sum()), censored)
