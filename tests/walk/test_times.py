from collections.abc import Callable

import jax
import numpy as np
import pytest
from scipy import stats

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.families import family_map, tabular_from_families
from mazerl.exact.horizon import hit_probability
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.walk.rollouts import Arrivals, run_walks
from mazerl.walk.times import (
    Estimate,
    arrival_distribution,
    exponential_time,
    tail_time,
    time_at_least,
)


def censored_geometric(rng: np.random.Generator, mean: float, walks: int, limit: int) -> Arrivals:
    steps = rng.geometric(1 / mean, walks)
    return Arrivals(np.minimum(steps, limit), steps <= limit)


@pytest.mark.parametrize("estimator", [exponential_time, tail_time])
@pytest.mark.parametrize(("limit", "share"), [(20_000, 0.0), (1000, 0.37), (51, 0.95)])
def test_intervals_cover_a_geometric_time(
    estimator: Callable[[Arrivals, int], Estimate], limit: int, share: float
) -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        arrivals = censored_geometric(rng, 1000.0, 2000, limit)
        estimate = estimator(arrivals, limit)
        assert estimate.low <= estimate.value <= estimate.high
        covered += estimate.low <= 1000 <= estimate.high
    assert estimate.censored == pytest.approx(share, abs=0.05)
    assert estimate.arrivals == int(arrivals.reached.sum())
    # 95% intervals: fewer than 182 of 200 hits have one chance in a thousand.
    assert covered >= stats.binom.ppf(1e-3, 200, 0.95)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_agreement_with_the_exact_time_of_walks(share: float) -> None:
    maze = compile_maze(build("corridor", width=40, depth=2, lanes=2))
    p = row_probabilities(maze, np.zeros(rows_of(maze).size))
    exact = hitting_times(maze, p).mean()
    survival = 1 - hit_probability(maze, p, 2000)
    limit = int((survival > share).sum()) if share else 60_000
    ended = run_walks(UNIFORM, (), maze, jax.random.key(0), 20_000, limit)
    estimate = tail_time(ended, limit)
    assert estimate.censored == pytest.approx(share, abs=0.02)
    error = (estimate.high - estimate.low) / (2 * 1.96)
    assert abs(estimate.value - exact) < 4 * error
    # The control: the mean of the walks that finished is far off as soon as some are censored.
    finished = np.asarray(ended.steps)[np.asarray(ended.reached)]
    off = abs(finished.mean() - exact) / (finished.std() / np.sqrt(len(finished)))
    assert (off > 10) == (share > 0)


def test_a_limit_before_the_start_is_forgotten_misleads(medium: Maze) -> None:
    # Known and documented: within 39 steps of corridor(4, 4, 3) the rate has not settled.
    ended = run_walks(UNIFORM, (), medium, jax.random.key(0), 20_000, 39)
    exact = hitting_times(medium, row_probabilities(medium, np.zeros(rows_of(medium).size)))
    assert tail_time(ended, 39).high < exact.mean()
    settled = run_walks(UNIFORM, (), medium, jax.random.key(0), 20_000, 390)
    estimate = tail_time(settled, 390)
    assert estimate.low < exact.mean() < estimate.high


def test_a_policy_that_gets_lost_does_not_fool_the_tail_but_does_fool_the_exponential() -> None:
    # SFT: a quarter of the walks arrive at once, the others are lost for a long time.
    maze = compile_maze(build("corridor", width=4, depth=6, lanes=3))
    gaps = np.zeros((4, 6))
    gaps[[0, 2]] = 12.0
    logits = np.asarray(tabular_from_families(family_map(maze, 6), gaps))
    exact = hitting_times(maze, row_probabilities(maze, logits)).mean()
    params = logits.astype(np.float32)
    ended = run_walks(TABULAR, params, maze, jax.random.key(0), 4000, 20_000)
    tail, exponential = tail_time(ended, 20_000), exponential_time(ended, 20_000)
    assert tail.low <= exact <= tail.high
    assert exponential.high < exact / 2


def test_nothing_arrived_is_an_infinite_time_with_a_lower_bound() -> None:
    none = Arrivals(np.full(100, 50), np.zeros(100, bool))
    for estimator in (exponential_time, tail_time):
        estimate = estimator(none, 50)
        assert estimate.value == estimate.high == np.inf
        # With 95% confidence fewer than 3.7 arrivals were to be expected in 100·50 steps.
        assert 500 < estimate.low < 2000
        assert (estimate.arrivals, estimate.censored) == (0, 1.0)
    early = Arrivals(np.array([3] * 40 + [50] * 60), np.array([True] * 40 + [False] * 60))
    assert tail_time(early, 50).value == np.inf
    assert np.isfinite(exponential_time(early, 50).value)


def test_a_time_that_is_finite_is_the_tail_s_but_where_none_arrived() -> None:
    some = Arrivals(np.array([1, 7, 9, 10, 10]), np.array([True, True, True, False, False]))
    # Past step 5 there are 2 + 4 + 5 + 5 steps and two arrivals; two walks of five go on.
    assert time_at_least(some, 10) == pytest.approx(37 / 5 + 2 / 5 * 16 / 2)
    assert time_at_least(some, 10) == pytest.approx(tail_time(some, 10).value)
    none = Arrivals(np.array([1, 10, 10]), np.array([True, False, False]))
    assert tail_time(none, 10).value == np.inf
    assert time_at_least(none, 10) == pytest.approx(21 / 3 + 2 / 3 * 10)
    assert time_at_least(Arrivals(np.array([2, 4]), np.array([True, True])), 10) == 3


def test_kaplan_meier_agrees_with_the_exact_distribution(medium: Maze) -> None:
    p = row_probabilities(medium, np.zeros(rows_of(medium).size))
    exact = hit_probability(medium, p, 600)
    ended = run_walks(UNIFORM, (), medium, jax.random.key(1), 3000, 600)
    estimated = arrival_distribution(ended, 600)
    assert estimated.probability.shape == (601,)
    assert (estimated.low <= estimated.probability).all()
    assert (estimated.probability <= estimated.high).all()
    at = np.array([50, 100, 200, 400, 600])
    error = np.sqrt(exact[at] * (1 - exact[at]) / 3000)
    assert (np.abs(estimated.probability[at] - exact[at]) < 4 * error).all()
    inside = (estimated.low[at] <= exact[at]) & (exact[at] <= estimated.high[at])
    assert inside.sum() >= 4


def test_bad_arrivals_are_refused() -> None:
    good = Arrivals(np.array([3, 10]), np.array([True, False]))
    with pytest.raises(MazerlError, match="stopped short of the time limit 12"):
        tail_time(good, 12)
    with pytest.raises(MazerlError, match="at least one walk"):
        tail_time(Arrivals(np.array([], int), np.array([], bool)), 12)
    with pytest.raises(MazerlError, match="time limit is 0"):
        exponential_time(good, 0)
