"""The pool whose groups are filtered, and what is measured of it."""

import jax
import numpy as np
import pytest
from scipy.stats import binom

from experiments.common.filtered_weights import DRAWN, KEPT, exact_weight
from experiments.objectives.group_filters import FILTERS, LIMIT, Config, pool_of, run
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout


def test_scores_along_the_gradient_are_those_of_the_walks() -> None:
    pool = pool_of()
    rows = rows_of(pool.maze)
    key, logits = jax.random.key(0), pool.logits.astype(np.float32)
    walks = rollout(TABULAR, logits, pool.maze, key, 8, LIMIT)
    goal = np.searchsorted(np.asarray(pool.maze.goals), np.asarray(walks.goal))
    arcs, ports, p = np.asarray(walks.arc), np.asarray(walks.port), np.exp(pool.logits)
    for b, along in enumerate(pool.score[goal]):
        steps, score = int(walks.length[b]), np.zeros(rows.size)
        entry = rows.start[arcs[b, :steps]] + ports[b, :steps]
        for arc, taken in zip(arcs[b, :steps], entry, strict=True):
            mine = slice(rows.start[arc], rows.start[arc + 1])
            score[mine] -= p[mine]
            score[taken] += 1
        # What a row's gradient has in common drops out of a score, whose entries add up to 0.
        assert along[entry].sum() == pytest.approx(float(score @ along), rel=1e-6, abs=1e-9)


def test_kept_groups_are_as_many_as_can_be() -> None:
    seen = run(Config(4, batches=2, draws=3))
    assert seen["drawn"].sum(1).tolist() == [3 * DRAWN] * 2
    by_filter = dict(zip(FILTERS, seen["kept"].sum(2).T, strict=True))
    assert by_filter["all"].tolist() == [3 * DRAWN] * 2
    assert by_filter["unrelated"].tolist() == [3 * KEPT] * 2
    mixed = np.minimum(seen["mixed"].sum(1), 3 * KEPT)
    for name in ("mixed", "spread"):
        assert (by_filter[name] <= mixed).all()
        assert (by_filter[name] > 0).all()


def test_redrawn_groups_of_two_climb_the_log_odds() -> None:
    p = np.array([0.01, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(exact_weight("redrawn", 2, p, p) * p * (1 - p), 0.5, rtol=1e-6)


def test_weights_of_the_largest_spreads_are_those_of_the_middle_where_many_are_drawn() -> None:
    # A pool of one prompt: the best quarter of groups of 8 are those with K = 4, if likely enough.
    p = np.array([0.5])
    share = binom.pmf(4, 8, 0.5)
    assert share > KEPT / DRAWN
    # All that are kept have advantages of 1 and -1.
    assert exact_weight("spread", 8, p, p)[0] == pytest.approx(2.0, rel=0.03)
