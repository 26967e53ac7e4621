from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from mazerl import MazerlError
from mazerl.exact.corridor import rlvr_optimum, sft_limit, uniform_time
from mazerl.measure.scaling import LAWS, Data, bootstrap, fit, predict, select


def grid(widths: list[int], depths: list[int], lanes: list[int]) -> tuple[np.ndarray, ...]:
    W, K, L = np.meshgrid(widths, depths, lanes, indexing="ij")
    return tuple(x.ravel().astype(float) for x in (W, K, L))


SIZES = grid([4, 8, 16], [1, 2, 4, 8, 16, 32], [2, 3, 5])
TRUTH = {
    "linear_wk": lambda W, K, L: (3 + 2 * W) * (1 + K),
    "linear_wkl": lambda W, K, L: (1 + W) * (1 + K * L),
    "power": lambda W, K, L: (1 + W) * K**2,
    "exponential": lambda W, K, L: (1 + W) * 2.5**K,
}


@pytest.mark.parametrize("law", [name for name, law in LAWS.items() if law.grows])
def test_data_made_by_a_law_are_attributed_to_it(law: str) -> None:
    W, K, L = SIZES
    truth, right = TRUTH[law](W, K, L), 0
    for seed in range(100):
        noise = np.random.default_rng(seed).standard_normal(len(truth))
        right += select(Data(W, K, L, truth * np.exp(0.1 * noise)), held_out=2).best == law
    assert right >= 95


def test_what_does_not_grow_is_told_from_what_does() -> None:
    W, K, L = grid([4], [8, 16, 32, 64, 128], [2, 3, 5])
    laws = ("constant", "power", "exponential")
    flat = rising = 0
    for seed in range(100):
        noise = np.exp(0.1 * np.random.default_rng(seed).standard_normal(len(K)))
        flat += select(Data(W, K, L, 5 * noise), held_out=0, laws=laws).best == "constant"
        rising += select(Data(W, K, L, K**0.3 * noise), held_out=0, laws=laws).best == "power"
    # AICc takes noise for a slope in about one set of five.
    assert flat >= 70
    assert rising >= 95
    assert "constant" not in select(Data(W, K, L, K), held_out=0).fits


def test_exact_times_are_attributed_to_their_laws() -> None:
    W, K, L = grid([2, 4, 8], [4, 5, 6, 8, 10], [3])

    def times(closed: Callable[[int, int, int], Fraction]) -> Data:
        exact = [float(closed(int(w), int(k), 3)) for w, k in zip(W, K, strict=True)]
        return Data(W, K, L, np.array(exact))

    rlvr = select(times(rlvr_optimum))
    assert (rlvr.best, rlvr.best_holdout) == ("linear_wk", "linear_wk")
    # (W-1)(4K+2) + 2K+1 = (4W - 2)(K + ½), recovered exactly.
    found = rlvr.fits["linear_wk"].parameters
    assert found == pytest.approx({"u": -2, "v": 4, "kappa": 0.5}, rel=1e-6)
    assert rlvr.fits["linear_wk"].holdout < 1e-9
    sft = select(times(sft_limit))
    assert (sft.best, sft.best_holdout) == ("exponential", "exponential")
    low, high = np.exp(bootstrap(times(sft_limit), "exponential", "log_base"))
    assert low <= 16 / 3 <= high
    assert high - low < 0.01
    assert not low <= 5 <= high
    assert select(times(uniform_time)).best == "power"


def test_known_errors_weigh_the_points() -> None:
    W, K, L = grid([4], [1, 2, 3, 4, 6, 8], [2])
    time = 5 * K**2
    time[-1] *= 3  # an outlier that says it is one
    error = np.full(len(K), 0.01)
    error[-1] = 10.0
    weighted = fit(Data(W, K, L, time, error), "power")
    plain = fit(Data(W, K, L, time), "power")
    assert weighted.parameters["gamma"] == pytest.approx(2, abs=1e-3)
    assert plain.parameters["gamma"] > 2.1
    assert list(weighted.parameters) == ["v", "gamma"]


def test_bootstrap_interval_covers_the_truth() -> None:
    W, K, L = grid([4, 8], [1, 2, 3, 4, 6, 8], [2])
    covered, trials = 0, 100
    for seed in range(trials):
        noise = np.random.default_rng(seed).standard_normal(len(K))
        data = Data(W, K, L, W * 2.0**K * np.exp(0.1 * noise))
        low, high = bootstrap(data, "exponential", "log_base", resamples=100)
        covered += low <= np.log(2) <= high
    # With six depths the interval is approximate; 90% at least, at one chance in a thousand.
    assert covered >= stats.binom.ppf(1e-3, trials, 0.9)
    with pytest.raises(MazerlError, match="3 depths for the 3 parameters"):
        bootstrap(data.take(data.depth <= 3), "exponential", "log_base")


def test_prediction_is_the_law() -> None:
    W, K, L = SIZES
    result = fit(Data(W, K, L, TRUTH["linear_wkl"](W, K, L)), "linear_wkl")
    assert predict(result, np.array(5.0), np.array(7.0), np.array(2.0)) == pytest.approx(6 * 15)
    assert result.rms <= 1e-6


def test_lanes_law_needs_several_lanes() -> None:
    W, K, L = grid([4, 8], [1, 2, 4, 8], [3])
    chosen = select(Data(W, K, L, W * (1 + 3 * K)))
    assert "linear_wkl" not in chosen.fits
    assert chosen.best == "linear_wk"


def test_bad_data_are_refused() -> None:
    ones = np.ones(8)
    with pytest.raises(MazerlError, match="unknown law 'cubic'; known: linear_wk"):
        fit(Data(ones, ones, ones, ones), "cubic")
    for bad in (np.inf, 0.0, -1.0, np.nan):
        with pytest.raises(MazerlError, match="not positive and finite"):
            fit(Data(ones, ones, ones, np.append(ones[:-1], bad)), "power")
    few = np.ones(3)
    with pytest.raises(MazerlError, match="3 points for law power"):
        fit(Data(few, few, few, few), "power")
