"""Selectors against their formulas, and what they choose in forests that are grown."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError
from mazerl.exact.horizon import follow
from mazerl.policy.sampling import seeded_key
from mazerl.walk.nodes import Forest, Nodes, nodes_of, with_walk
from mazerl.walk.selectors import (
    GREEDY,
    HIGHEST,
    LOOKAHEAD,
    LOWEST,
    ORACLE,
    UUCB,
    Lookahead,
    Weighted,
    at_random,
    contrast,
    evenly,
    exploration,
    new_contrast,
    new_outcome,
    novelty,
    uucb_weights,
    value,
    whole,
)
from tests.support.forests import LIMIT, bushy, cave, leaves_below, owner

KEY = seeded_key(0)


@pytest.fixture(scope="module")
def nodes() -> Nodes:
    return jax.jit(nodes_of)(bushy(), cave().maze)


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


def with_leaf(forest: Forest, leaf: int, step: int, win: bool) -> Forest:
    """The first problem with one more leaf that was resumed at a node, and ends there at once."""

    def add(name: str, new: object) -> np.ndarray:
        field = getattr(forest, name)[:1]
        more = field[:, leaf : leaf + 1].copy()
        more[:] = more if new is None else new
        return np.concatenate([field, more], 1)

    here = {"reached": win, "parent": leaf, "branch": step, "length": step, "grown": True}
    fields = [name for name in Forest._fields if name != "goal"]
    return Forest(**{name: add(name, here.get(name)) for name in fields}, goal=forest.goal[:1])


def alone(nodes: Nodes, x: int) -> Nodes:
    """Of one problem."""
    many = len(nodes.arc)
    return Nodes(*(f[x : x + 1] if np.ndim(f) and len(f) == many else f for f in nodes))


def test_one_more_walk_is_known_of_as_if_it_were_there(nodes: Nodes) -> None:
    forest, maze = bushy(), cave().maze
    # A leaf that was itself resumed, and the root.
    candidate = np.asarray(nodes.candidate[0])
    leaf = int(np.argmax(candidate.any(1) * forest.branch[0]))
    steps = [int(t) for t in np.flatnonzero(candidate[leaf])]
    for place, step in [(0, 0), *((leaf, t) for t in steps)]:
        for win in (True, False):
            foreseen = with_walk(alone(nodes, 0), jnp.asarray([place]), jnp.asarray([step]),
                                 jnp.asarray([float(win)]))  # fmt: skip
            there = jax.jit(nodes_of)(with_leaf(forest, place, step, win), maze)
            own = np.asarray(forest.own[:1])
            for name in ("visits", "wins", "parent_visits"):
                mine, other = (np.asarray(getattr(x, name)) for x in (foreseen, there))
                np.testing.assert_allclose(mine[own], other[:, :12][own], err_msg=name)
    assert forest.branch[0, leaf] > 0


def test_gains_are_chances_of_what_is_not_there_yet(nodes: Nodes) -> None:
    forest = bushy()
    found = {f: np.asarray(f(nodes)) for f in (new_outcome, new_contrast, novelty)}
    alike = 0
    for x, leaf, t in np.argwhere(np.asarray(nodes.candidate))[::5]:
        q = float(value(nodes)[x, leaf, t])
        for term, every in (
            (new_outcome, range(12)),
            (new_contrast, leaves_below(forest, x, owner(forest, x, leaf, t), t)),
        ):
            ends = {bool(forest.reached[x, other]) for other in every}
            by_hand = (1 - q if ends == {True} else q) if len(ends) == 1 else 0.0
            assert found[term][x, leaf, t] == pytest.approx(by_hand, abs=1e-6)
            alike += len(ends) == 1
        n = float(nodes.visits[x, leaf, t])
        assert found[novelty][x, leaf, t] == pytest.approx(math.sqrt(n + 1) - math.sqrt(n))
    assert alike > 10


WEIGHTS = np.asarray([1, 0.7, 0.5, 0.2, 0.3], np.float32)


def test_lookahead_is_the_best_of_two_steps_by_enumeration(nodes: Nodes) -> None:
    changes = 0
    later = nodes._replace(turn=jnp.int32(0), turns=jnp.int32(4))
    scores = np.asarray(Lookahead(tried=10_000)(later, (WEIGHTS, np.float32(1)), KEY))
    # Of problems whose leaves all end alike, a second step foresees another outcome.
    silent = np.ptp(bushy().reached.astype(int), axis=1) == 0
    for x in [*np.flatnonzero(silent)[:2], int(np.argmin(silent))]:
        mine = alone(later, int(x))
        now, candidate = np.asarray(GREEDY(mine, WEIGHTS, KEY)), np.asarray(mine.candidate)
        for _, leaf, t in np.argwhere(candidate):
            second, q = 0.0, float(value(mine)[0, leaf, t])
            for win, chance in ((1.0, q), (0.0, 1 - q)):
                after = with_walk(mine, jnp.asarray([leaf]), jnp.asarray([t]), jnp.asarray([win]))
                second += chance * np.asarray(GREEDY(after, WEIGHTS, KEY))[candidate].max()
            assert scores[x, leaf, t] == pytest.approx(now[0, leaf, t] + second, abs=1e-4)
            changes += abs(second - now[candidate].max()) > 1e-3
    assert changes > 5


def test_lookahead_is_greedy_in_the_last_round_and_without_a_second_step(nodes: Nodes) -> None:
    greedy = best(nodes, np.asarray(GREEDY(nodes, WEIGHTS, KEY)))
    last = nodes._replace(turn=jnp.int32(3), turns=jnp.int32(4))
    before = nodes._replace(turn=jnp.int32(2), turns=jnp.int32(4))
    for known, second in ((last, 1.0), (before, 0.0)):
        scores = LOOKAHEAD(known, (WEIGHTS, np.float32(second)), KEY)
        assert best(nodes, np.asarray(scores)) == greedy
    assert best(nodes, np.asarray(LOOKAHEAD(before, (WEIGHTS, np.float32(1)), KEY))) != greedy


def test_of_nodes_that_are_not_tried_none_is_chosen(nodes: Nodes) -> None:
    scores = np.asarray(Lookahead(tried=3)(nodes, (WEIGHTS, np.float32(1)), KEY))
    tried = np.isfinite(scores.reshape(len(scores), -1)).sum(1)
    assert (tried <= 3).all()
    assert tried.max() == 3
