"""Which groups a filter keeps, against all draws there are and against the filter itself."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from mazerl import MazerlError
from mazerl.measure.group_filters import filtered_weight, kept_by_count
from mazerl.measure.outcome_weights import by_count, outcome_weight
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.filters import Keep, choose_groups

KEEPS: tuple[Keep, ...] = ("mixed", "spread")
POOL = np.array([0.1, 0.35, 0.8])


@pytest.mark.parametrize("keep", KEEPS)
def test_chances_are_those_of_all_draws_there_are(keep: Keep) -> None:
    size, groups, drawn = 3, 2, 4
    chance = np.mean(binom.pmf(np.arange(size + 1), size, POOL[:, None]), 0)
    draws = np.array(list(product(range(size + 1), repeat=drawn)))
    success = jnp.arange(size)[None, None] < jnp.asarray(draws)[:, :, None]
    seen = Outcomes(success.astype(jnp.float32), success)
    chosen, passes = map(np.asarray, jax.vmap(lambda s: choose_groups(s, keep, groups))(seen))
    kept, total, likely = np.zeros(size + 1), np.zeros(size + 1), chance[draws].prod(1)[:, None]
    np.add.at(total, draws, np.broadcast_to(likely, draws.shape))
    np.add.at(kept, np.take_along_axis(draws, chosen, 1), likely * passes)
    found = kept_by_count(size, keep, POOL, groups, drawn)
    np.testing.assert_allclose(found, kept / total, rtol=1e-10)


def test_as_many_as_are_drawn_are_kept_but_for_those_that_are_not_mixed() -> None:
    for keep in KEEPS:
        found = kept_by_count(5, keep, POOL, 7, 7)
        np.testing.assert_allclose(found, [0, 1, 1, 1, 1, 0], atol=1e-12)
    np.testing.assert_allclose(kept_by_count(5, "all", POOL, 2, 8), 0.25)


@pytest.mark.parametrize("size", [10, 12, 16, 20, 24])
def test_spread_and_closeness_to_a_half_rank_alike(size: int) -> None:
    draw = np.random.default_rng(size)
    success = draw.random((200, size)) < draw.random((200, 1))
    seen = Outcomes(jnp.asarray(success, jnp.float32), jnp.asarray(success))
    away = np.abs(2 * success.sum(1) - size)
    chosen, _ = choose_groups(seen, "spread", 50)
    assert chosen.tolist() == np.argsort(away, kind="stable")[:50].tolist()


def test_dropping_rescales_and_the_spread_turns_to_the_middle() -> None:
    p, worth = np.array([0.05, 0.3, 0.5, 0.9]), by_count(advantage_of("spread", 8), 8)
    plain = outcome_weight(worth, p)
    mixed, spread = (
        filtered_weight(worth, kept_by_count(8, keep, p, 4, 32), p) / plain for keep in KEEPS
    )
    assert np.ptp(mixed) < 1e-12
    assert spread[2] > 3 * spread[0]


def test_bad_input() -> None:
    with pytest.raises(MazerlError, match="unknown filter 'best'"):
        kept_by_count(4, "best", POOL, 2, 4)  # type: ignore[arg-type]
    with pytest.raises(MazerlError, match="3 groups are drawn and 4 kept"):
        kept_by_count(4, "mixed", POOL, 4, 3)
