"""Filters of groups: which are kept, what that does to an update, and what is refused."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import Outcomes
from mazerl.training.filters import choose_groups, were_drawn
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import rollout
from tests.support.batches import one_batch


def outcomes(*rewards: list[float]) -> Outcomes:
    reward = jnp.asarray(rewards)
    return Outcomes(reward, reward > 0.5)


def test_mixed_groups_are_kept_in_the_order_of_drawing() -> None:
    seen = outcomes([0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0.1, 0.2])
    chosen, passes = choose_groups(seen, "mixed", 3)
    assert chosen.tolist() == [1, 3, 4]
    assert passes.all()
    # Where too few are mixed, what stands in for them is told.
    chosen, passes = choose_groups(seen, "mixed", 5)
    assert chosen.tolist()[:3] == [1, 3, 4]
    assert passes.tolist() == [True] * 3 + [False] * 2


def test_drawing_ends_when_there_are_mixed_groups_enough() -> None:
    seen = outcomes([0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0])
    assert were_drawn(seen, "mixed", 2).tolist() == [True] * 4 + [False] * 2
    assert were_drawn(seen, "mixed", 4).all()
    assert were_drawn(seen, "spread", 2).all()


def test_the_largest_spreads_are_kept() -> None:
    seen = outcomes([0, 0, 0], [0.9, 1, 1], [1, 0, 0], [0.5, 0.4, 0.1], [1, 1, 1])
    chosen, passes = choose_groups(seen, "spread", 3)
    assert chosen.tolist() == [2, 3, 1]
    assert passes.all()
    assert choose_groups(seen, "spread", 4)[1].tolist() == [True, True, True, False]


def update(maze: Maze, sizes: Groups, key: int) -> tuple[np.ndarray, Any]:
    params, task = jnp.zeros(rows_of(maze).size), GRPOTask(Reward(1.0, 0.0))
    method = grpo(maze, TABULAR, sizes)
    batch = one_batch(method, task, params, jax.random.key(key))
    slope = jax.jit(jax.grad(partial(method.loss, maze), has_aux=True))
    return -slope(params, batch)[0], batch


SIZES = Groups(groups=24, group=4, limit=12, normalize="constant")


def test_a_filtered_update_is_that_of_the_mixed_groups_alone(small: Maze) -> None:
    # As many are kept as drawn: the rest counts for nothing, and has advantages of 0 in any case.
    whole, _ = update(small, SIZES, 0)
    kept, batch = update(small, replace(SIZES, keep="mixed"), 0)
    np.testing.assert_allclose(kept, whole, atol=1e-8)
    share = float(batch.metrics["kept"])
    assert share == pytest.approx(1 - float(batch.metrics["collapsed"]))
    assert 0.2 < share < 0.8
    # Normalised by tokens it is larger, because the tokens of the others are left out.
    sizes = replace(SIZES, normalize="tokens")
    whole, _ = update(small, sizes, 0)
    kept, _ = update(small, replace(sizes, keep="mixed"), 0)
    ratio = np.linalg.norm(kept) / np.linalg.norm(whole)
    assert ratio > 1.2
    np.testing.assert_allclose(kept, whole * ratio, atol=1e-6)


def test_dynamic_sampling_fills_the_places_of_groups_that_are_not_mixed(small: Maze) -> None:
    sizes = replace(SIZES, keep="mixed", draws=4)
    _, batch = update(small, sizes, 0)
    assert batch.samples.arc.shape[0] == 24 * 4  # as many walks as without
    groups = np.asarray(batch.samples.advantage).reshape(24, 4)
    assert (np.abs(groups).max(1) > 0).all()
    assert batch.metrics["kept"] == pytest.approx(0.25)
    # Steps are those of the groups that had to be drawn, mixed or not.
    walks = rollout(TABULAR, jnp.zeros(rows_of(small).size), small, jax.random.key(0), 384, 12, 4)
    wins, length = (x.reshape(96, 4).sum(1) for x in (walks.reached, walks.length))
    last = np.flatnonzero((wins > 0) & (wins < 4))[23]
    assert batch.metrics["steps"] == length[: last + 1].sum()
    # Along the update without a filter, by the inverse of the share of mixed groups.
    many = replace(SIZES, groups=10_000)
    (plain, seen), (filtered, _) = (
        update(small, many, 1),
        update(small, replace(sizes, groups=10_000), 2),
    )
    mixed = 1 - float(seen.metrics["collapsed"])
    assert plain @ filtered / (plain @ plain) == pytest.approx(1 / mixed, rel=0.1)
    assert plain @ filtered / np.linalg.norm(plain) / np.linalg.norm(filtered) > 0.98


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"keep": "most"}, "unknown filter 'most'; known: all, mixed, spread"),
        ({"draws": 2}, "every group is kept"),
        ({"keep": "spread"}, "there is no choice"),
        ({"keep": "mixed", "draws": 0}, "draws is 0"),
    ],
)
def test_what_is_no_filter_is_refused(small: Maze, more: dict[str, Any], said: str) -> None:
    with pytest.raises(MazerlError, match=said):
        grpo(small, TABULAR, replace(SIZES, **more))
