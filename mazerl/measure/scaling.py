"""Scaling laws of a hitting time H in width W, depth K and lanes L: fits, selection, intervals.

Every law is amplitude × shape, with amplitude u + v·W (just v where W does not vary):

    linear_wk    (u + vW)·(κ + K)           at most linear in W·K
    linear_wkl   (u + vW)·(κ + K·L)         at most linear in W·K·L; needs several L
    power        (u + vW)·K^γ
    exponential  (u + vW)·b^K
    constant     (u + vW)                   tried only where it is asked for

Errors of a hitting time are relative, so laws are fitted to log H by least squares, weighted by the
relative standard errors where there are any. Selection is by AICc; the error of extrapolating to
depths that were held out of the fit stands beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import least_squares

from mazerl.errors import MazerlError, require_seed

# Below this relative error, residuals are rounding, and no law deserves credit for them.
FLOOR = 1e-6


class Data(NamedTuple):
    """Hitting times to fit."""

    width: np.ndarray  # [n]
    depth: np.ndarray  # [n]
    lanes: np.ndarray  # [n]
    time: np.ndarray  # [n] positive and finite
    error: np.ndarray | None = None  # [n] relative standard errors; None: unknown, and equal

    def take(self, chosen: np.ndarray) -> "Data":
        """The rows that a mask or an index picks."""
        error = None if self.error is None else self.error[chosen]
        width, depth, lanes, time = (column[chosen] for column in self[:4])
        return Data(width, depth, lanes, time, error)


@dataclass(frozen=True)
class Law:
    """A law's shape: (shape parameters, K, L) → factor, and where to begin looking for them."""

    name: str
    parameters: tuple[str, ...]
    shape: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    begin: tuple[float, ...]
    needs_lanes: bool = False
    grows: bool = True


LAWS = {
    law.name: law
    for law in (
        Law("linear_wk", ("kappa",), lambda p, K, L: p[0] + K, (1.0,)),
        Law("linear_wkl", ("kappa",), lambda p, K, L: p[0] + K * L, (1.0,), True),
        Law("power", ("gamma",), lambda p, K, L: K ** p[0], (1.5,)),
        Law("exponential", ("log_base",), lambda p, K, L: np.exp(p[0] * K), (0.5,)),
        Law("constant", (), lambda p, K, L: np.ones_like(K), (), grows=False),
    )
}


class Fit(NamedTuple):
    """A fitted law."""

    law: str
    parameters: dict[str, float]  # "u" (where W varies), "v", then the shape's
    aicc: float
    rms: float  # root mean square of the residuals of log H
    holdout: float  # the same on held-out depths after a fit to the others; nan if not asked for


class Selection(NamedTuple):
    """Laws compared on the same data."""

    best: str  # lowest AICc
    best_holdout: str  # smallest extrapolation error
    fits: dict[str, Fit]


def fit(data: Data, law: str) -> Fit:
    """Fit one law.

    Raises:
        MazerlError: unknown law; fewer points than parameters + 2 (AICc needs them); hitting times
            that are not positive and finite.
    """
    if law not in LAWS:
        raise MazerlError(f"unknown law {law!r}; known: {', '.join(LAWS)}")
    _check(data, LAWS[law])
    names, solution = _solve(data, LAWS[law])
    residual = _residuals(solution, data, LAWS[law])
    n, k = len(residual), len(solution) + (data.error is None)
    if data.error is None:
        rms = max(float(np.sqrt(np.mean(residual**2))), FLOOR)
        deviance = 2 * n * np.log(rms)
    else:
        rms = float(np.sqrt(np.mean((residual * np.maximum(data.error, FLOOR)) ** 2)))
        deviance = float(np.sum(residual**2))
    aicc = deviance + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    parameters = dict(zip(names, solution.tolist(), strict=True))
    return Fit(law, parameters, float(aicc), rms, float("nan"))


def predict(result: Fit, width: np.ndarray, depth: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """The hitting times that a fitted law gives."""
    solution = np.array(list(result.parameters.values()))
    time = np.ones(np.broadcast(width, depth, lanes).shape)
    return _predicted(
        solution, Data(width * time, depth * time, lanes * time, time), LAWS[result.law]
    )


def select(data: Data, held_out: int = 1, laws: Sequence[str] | None = None) -> Selection:
    """Fit all laws that the data can tell apart and compare them.

    Args:
        data: hitting times; the largest `held_out` depths also serve to test extrapolation.
        held_out: how many of the largest depths to hold out; 0 for none.
        laws: which laws; by default all that grow. linear_wkl only where L varies.
    """
    varied = len(np.unique(data.lanes)) > 1
    names = laws or [n for n, law in LAWS.items() if law.grows]
    names = [n for n in names if varied or not LAWS[n].needs_lanes]
    depths = np.unique(data.depth)
    far = np.isin(data.depth, depths[len(depths) - held_out :])
    fits = {}
    for name in names:
        result = fit(data, name)
        if held_out:
            _, near = _solve(data.take(~far), LAWS[name])
            miss = _residuals(near, data.take(far)._replace(error=None), LAWS[name])
            result = result._replace(holdout=float(np.sqrt(np.mean(miss**2))))
        fits[name] = result
    best = min(fits, key=lambda name: fits[name].aicc)
    best_holdout = min(fits, key=lambda name: fits[name].holdout) if held_out else best
    return Selection(best, best_holdout, fits)


def bootstrap(
    data: Data,
    law: str,
    parameter: str,
    resamples: int = 300,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of a law's parameter by the wild cluster bootstrap over depths.

    What a law misses, it misses alike at all cells of one depth, so the residuals of a depth change
    sign together (Cameron, Gelbach & Miller 2008, without imposing a null). They are inflated for
    the parameters spent, and the spread of the refits is multiplied by a t quantile, because the
    depths are few. So exact data get an interval too: it says how far the law is from holding.

    Raises:
        MazerlError: not more depths than parameters.
    """
    result = fit(data, law)
    begin = np.array(list(result.parameters.values()))
    depths, depth = np.unique(data.depth, return_inverse=True)
    free = len(depths) - len(begin)
    if free < 1:
        raise MazerlError(
            f"{len(depths)} depths for the {len(begin)} parameters of law {law}; "
            f"give at least {len(begin) + 1}"
        )
    rng = np.random.default_rng(require_seed("seed", seed))
    fitted = predict(result, data.width, data.depth, data.lanes)
    residual = np.log(data.time / fitted) * np.sqrt(len(depths) / free)
    index = list(result.parameters).index(parameter)
    values = np.empty(resamples)
    for i in range(resamples):
        sign = rng.choice([-1.0, 1.0], len(depths))[depth]
        again = data._replace(time=fitted * np.exp(sign * residual))
        values[i] = _solve(again, LAWS[law], begin)[1][index]
    spread = float(stats.t.ppf(0.5 + confidence / 2, free) * values.std())
    return float(begin[index]) - spread, float(begin[index]) + spread


def _check(data: Data, law: Law) -> None:
    if not (np.isfinite(data.time) & (data.time > 0)).all():
        raise MazerlError("a hitting time to fit is not positive and finite; leave that cell out")
    need = 2 + len(law.parameters) + 2
    if len(data.time) < need:
        raise MazerlError(f"{len(data.time)} points for law {law.name}; give at least {need}")


def _predicted(solution: np.ndarray, data: Data, law: Law) -> np.ndarray:
    extra = len(solution) - len(law.parameters)
    amplitude = solution[0] if extra == 1 else solution[0] + solution[1] * data.width
    return amplitude * law.shape(solution[extra:], data.depth, data.lanes)


def _residuals(solution: np.ndarray, data: Data, law: Law) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        predicted = _predicted(solution, data, law)
    # A law that goes negative somewhere is wrong there by a lot, but finitely for the optimiser.
    safe = np.clip(np.nan_to_num(predicted, nan=1e-300, posinf=1e300), 1e-300, 1e300)
    residual = np.log(safe) - np.log(data.time)
    return residual if data.error is None else residual / np.maximum(data.error, FLOOR)


def _solve(
    data: Data, law: Law, begin: np.ndarray | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Least squares from a beginning whose amplitude matches the data's median."""
    names = ("u", "v") if len(np.unique(data.width)) > 1 else ("v",)
    if begin is None:
        shape = np.array(law.begin)
        factor = law.shape(shape, data.depth, data.lanes)
        if names == ("v",):
            amplitude = [float(np.exp(np.median(np.log(data.time / factor))))]
        else:
            amplitude = [0.0, float(np.exp(np.median(np.log(data.time / factor / data.width))))]
        begin = np.concatenate([amplitude, shape])
    found = least_squares(
        _residuals,
        begin,
        args=(data, law),
        method="lm",
        max_nfev=2000,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    return (*names, *law.parameters), found.x
