"""Selectors against their formulas, and what they choose in forests that are grown."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.exact.horizon import follow
from mazerl.policy.sampling import seeded_key
from mazerl.walk.nodes import Nodes, nodes_of
from mazerl.walk.selectors import (
    HIGHEST,
    LOWEST,
    ORACLE,
    UUCB,
    Weighted,
    at_random,
    contrast,
    evenly,
    exploration,
    uucb_weights,
    value,
    whole,
)
from tests.support.forests import LIMIT, bushy, cave

KEY = seeded_key(0)


@pytest.fixture(scope="module")
def nodes() -> Nodes:
    return nodes_of(bushy(), cave().maze)


def best(nodes: Nodes, score: np.ndarray) -> list[tuple[int, int]]:
    masked = np.where(nodes.candidate, score, -np.inf).reshape(len(score), -1)
    return [divmod(int(place), score.shape[2]) for place in masked.argmax(1)]


def test_uucb_is_its_formula(nodes: Nodes) -> None:
    c, entropy, cost, depth = 0.7, 0.2, 0.4, 0.3
    scores = np.asarray(UUCB(nodes, uucb_weights(c, entropy, cost, depth), KEY))
    for x in range(3):
        chosen = np.argwhere(np.asarray(nodes.candidate[x]))
        left = [LIMIT - t for _, t in chosen]
        deepest = max(float(nodes.depth[x, leaf, t]) for leaf, t in chosen)
        for leaf, t in chosen:
            n, wins, parent = (
                float(field[x, leaf, t])
                for field in (nodes.visits, nodes.wins, nodes.parent_visits)
            )
            by_hand = (
                (wins + 0.5) / (n + 1)
                + c * math.sqrt(math.log(1 + parent) / (1 + n))
                + entropy * float(nodes.uncertainty[x, leaf, t])
                - cost * (LIMIT - t) / (sum(left) / len(left))
                - depth * float(nodes.depth[x, leaf, t]) / max(deepest, 1)
            )
            assert scores[x, leaf, t] == pytest.approx(by_hand, abs=1e-5)
    assert 0 <= float(nodes.uncertainty.min()) <= float(nodes.uncertainty.max()) <= 1 + 1e-6


def test_terms_are_apart_and_can_be_swapped(nodes: Nodes) -> None:
    alone = Weighted((exploration,))(nodes, np.ones(1), KEY)
    np.testing.assert_allclose(alone, exploration(nodes), rtol=1e-6)
    nothing_else = uucb_weights(c=0.5, entropy=0, cost=0, depth=0, value=0)
    np.testing.assert_allclose(UUCB(nodes, nothing_else, KEY), 0.5 * alone, rtol=1e-6)
    swapped = Weighted((contrast, *UUCB.terms[1:]))
    apart = swapped(nodes, uucb_weights(), KEY) - UUCB(nodes, uucb_weights(), KEY)
    np.testing.assert_allclose(apart, contrast(nodes) - value(nodes), atol=1e-6)


def test_oracles_choose_by_the_exact_value(nodes: Nodes) -> None:
    maze, rows, _ = cave()
    forest = bushy()
    tables = np.stack([follow(maze, rows, LIMIT, int(goal)).to_go for goal in forest.goal])
    v = np.zeros(nodes.visits.shape)
    for x, leaf, t in np.ndindex(*v.shape):
        v[x, leaf, t] = tables[x, LIMIT - t, forest.arc[x, leaf, t]]
    for oracle, exact in ((ORACLE, v * (1 - v)), (HIGHEST, v), (LOWEST, -v)):
        score = np.asarray(oracle(nodes, jnp.asarray(tables, jnp.float32), KEY))
        np.testing.assert_allclose(score, exact, atol=1e-5)
    assert best(nodes, v) != best(nodes, -v)


def test_at_random_each_candidate_is_as_likely(nodes: Nodes) -> None:
    many = int(nodes.candidate[0].sum())
    hits = np.zeros(nodes.visits.shape[1:])
    for seed in range(400):
        leaf, t = best(nodes, np.asarray(at_random(nodes, None, seeded_key(seed))))[0]
        hits[leaf, t] += 1
    each = hits[np.asarray(nodes.candidate[0])]
    assert hits.sum() == each.sum() == 400
    expected = 400 / many
    assert ((each - expected) ** 2 / expected).sum() < many + 5 * math.sqrt(2 * many)


def test_fixed_trees_and_flat_groups(nodes: Nodes) -> None:
    assert set(best(nodes, np.asarray(whole(nodes, None, KEY)))) == {(0, 0)}
    forest = bushy()
    for turn in range(4):
        now = nodes._replace(turn=jnp.int32(turn), turns=jnp.int32(4))
        chosen = best(nodes, np.asarray(evenly(now, 4, KEY)))
        for x, (leaf, t) in enumerate(chosen):
            mine = np.flatnonzero(np.asarray(nodes.candidate[x, turn]))
            if not len(mine):
                continue
            assert leaf == turn
            wanted = (turn + 1) / 5 * forest.length[x, leaf]
            assert abs(t - wanted) == pytest.approx(np.abs(mine - wanted).min(), abs=1e-4)


def test_bad_input_is_one_line(nodes: Nodes) -> None:
    for name in ("c", "entropy", "cost", "depth", "value"):
        for wrong in (math.nan, math.inf):
            with pytest.raises(MazerlError, match=rf"the weight of {name} is {wrong}; give a fini"):
                uucb_weights(**{name: wrong})
    with pytest.raises(MazerlError, match=r"2 weights for 5 terms; give one for each"):
        UUCB(nodes, np.ones(2), KEY)
