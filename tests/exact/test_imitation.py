"""What imitation ends at: by enumeration of walks, by corpora, and where nothing can differ."""

from itertools import product

import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.exact.imitation import Shown, hindsight, imitated, microbatch_weights, successes
from mazerl.policy.rows import rows_of
from tests.support.enumeration import all_walks

LIMIT = 7


@pytest.fixture(scope="module")
def ring() -> Maze:
    return compile_maze(build("corridor", width=2, depth=1, lanes=2, fork="learned"))


def drawn_rows(maze: Maze) -> np.ndarray:
    arrival = rows_of(maze).arrival
    weight = np.random.default_rng(0).random(len(arrival)) + 0.1
    return np.asarray(weight / np.bincount(arrival, weight)[arrival])


def test_successes_by_enumerating_walks(ring: Maze) -> None:
    p = drawn_rows(ring)
    law, visits = np.zeros(LIMIT + 1), np.zeros((len(p), LIMIT + 1))
    for goal in np.asarray(ring.goals):
        for walk in all_walks(ring, int(goal), LIMIT):
            if walk.reached:
                chance = p[list(walk.entries)].prod() / ring.num_goals
                law[len(walk.entries)] += chance
                np.add.at(visits[:, len(walk.entries)], list(walk.entries), chance)
    shown = successes(ring, p, LIMIT)
    np.testing.assert_allclose(shown.law, law, atol=1e-15)
    np.testing.assert_allclose(shown.visits, visits, atol=1e-15)
    np.testing.assert_allclose(shown.law, arrival_law(ring, p, LIMIT).mean(0), atol=1e-15)
    np.testing.assert_allclose(shown.visits.sum(0), shown.law * np.arange(LIMIT + 1), atol=1e-14)


@pytest.mark.parametrize("walks", [1, 2, 3])
def test_weights_by_enumerating_microbatches(walks: int) -> None:
    law = np.array([0.0, 0.1, 0.0, 0.25, 0.05])
    share = law / law.sum()
    by_hand = np.zeros(5)
    for length in range(1, 5):
        for others in product(range(1, 5), repeat=walks - 1):
            by_hand[length] += share[list(others)].prod() / (length + sum(others))
    np.testing.assert_allclose(microbatch_weights(law, walks), by_hand, atol=1e-15)


def test_a_gradient_step_from_there_stays_there(ring: Maze) -> None:
    shown = successes(ring, drawn_rows(ring), LIMIT)
    arrival = rows_of(ring).arrival
    for weights in (np.ones(LIMIT + 1), microbatch_weights(shown.law, 2)):
        q, moved = imitated(ring, shown, weights), shown.visits @ weights
        # ∇ Σ moved log q, by the logits.
        gradient = moved - q * np.bincount(arrival, moved)[arrival]
        assert np.abs(gradient).max() < 1e-15
    other = imitated(ring, shown)
    gradient = moved - other * np.bincount(arrival, moved)[arrival]
    assert np.abs(gradient).max() > 1e-3


def test_rows_that_were_never_shown_stay_uniform(ring: Maze) -> None:
    shown, arrival = successes(ring, drawn_rows(ring), 3), rows_of(ring).arrival
    never = np.bincount(arrival, shown.visits.sum(1))[arrival] == 0
    assert 0 < never.sum() < len(never)
    q = imitated(ring, shown)
    np.testing.assert_array_equal(q[never], (1 / np.bincount(arrival)[arrival])[never])
    np.testing.assert_allclose(np.bincount(arrival, q), 1)


def test_equal_lengths_and_large_microbatches_leave_nothing_to_differ(ring: Maze) -> None:
    shown = successes(ring, drawn_rows(ring), LIMIT)
    right = imitated(ring, shown)
    length = int(np.flatnonzero(shown.law)[1])
    alike = Shown(*(part * (np.arange(LIMIT + 1) == length) for part in shown))
    one = microbatch_weights(alike.law, 1)
    np.testing.assert_allclose(imitated(ring, alike, one), imitated(ring, alike), atol=1e-15)
    apart = [
        np.abs(imitated(ring, shown, microbatch_weights(shown.law, m)) - right).max()
        for m in (1, 4, 16, 64)
    ]
    assert apart[0] > 1e-2
    # Like 1/m.
    assert apart[2] / apart[3] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("cut", [False, True])
def test_walks_named_after_their_end_by_enumeration(ring: Maze, cut: bool) -> None:
    p, heads, rows = drawn_rows(ring), np.asarray(ring.head), rows_of(ring)
    goals = np.delete(np.arange(ring.num_vertices), int(ring.start))
    share, visits = np.zeros(len(goals)), np.zeros((len(goals), len(p)))
    # No walk is ended by a goal that no vertex is.
    for walk in all_walks(ring, -1, 6):
        entries = list(walk.entries)
        been = heads[rows.arc[entries]]
        for x in np.flatnonzero(goals == been[-1]):
            chance = p[entries].prod()
            share[x] += chance
            kept = int((been == goals[x]).argmax()) + 1 if cut else len(entries)
            np.add.at(visits[x], entries[:kept], chance)
    named = hindsight(ring, p, 6, goals, cut)
    np.testing.assert_allclose(named.share, share, atol=1e-15)
    np.testing.assert_allclose(named.visits, visits, atol=1e-15)
    assert 0 < share.sum() < 1
    alone = hindsight(ring, p, 6, goals[1:2], cut)
    np.testing.assert_array_equal(alone.visits, named.visits[1:2])


def test_rows_that_were_never_shown_stay_a_bases(ring: Maze) -> None:
    base = drawn_rows(ring)
    shown, arrival = successes(ring, base, 3), rows_of(ring).arrival
    never = np.bincount(arrival, shown.visits.sum(1))[arrival] == 0
    q = imitated(ring, shown, base=base)
    np.testing.assert_array_equal(q[never], base[never])
    np.testing.assert_array_equal(q[~never], imitated(ring, shown)[~never])
    with pytest.raises(MazerlError, match="probabilities have shape"):
        imitated(ring, shown, base=base[1:])


def test_bad_input_is_one_line(ring: Maze, small: Maze) -> None:
    uniform = 1 / np.bincount(rows_of(small).arrival)[rows_of(small).arrival]
    with pytest.raises(MazerlError, match="vertices where chance moves"):
        successes(small, uniform, 9)
    shown = successes(ring, drawn_rows(ring), LIMIT)
    with pytest.raises(MazerlError, match="give 8"):
        imitated(ring, shown, np.ones(3))
    with pytest.raises(MazerlError, match="walks a microbatch is 0; give a whole number"):
        microbatch_weights(shown.law, 0)
    with pytest.raises(MazerlError, match="no walk arrives within the limit"):
        microbatch_weights(np.zeros(4), 1)
    with pytest.raises(MazerlError, match="too many to convolve"):
        microbatch_weights(shown.law, 10_000)
    with pytest.raises(MazerlError, match="vertices where chance moves"):
        hindsight(small, uniform, 9, np.array([3]))
    with pytest.raises(MazerlError, match="the length is 0"):
        hindsight(ring, drawn_rows(ring), 0, np.array([3]))
    with pytest.raises(MazerlError, match="goal 99 is the start or none"):
        hindsight(ring, drawn_rows(ring), 3, np.array([99]))
