"""Preferences of rows, mixtures and gates: against loops over rows, and by what must be equal."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.policy.bases import opinionated_rows, straight_rows, turn_at_junctions
from mazerl.policy.extraction import RULED_OUT, row_logits, row_probabilities
from mazerl.policy.patched import (
    above,
    chance_scores,
    differing,
    gate,
    greedily_patched,
    patched,
    rank_matched,
    ways_out,
    without_first_choice,
)
from mazerl.policy.preferences import first_choices, greedy_rows, ranks, row_entropy, row_sums
from mazerl.policy.rows import rows_of
from mazerl.training import Training, train
from mazerl.training.success import success_ascent


def forked(chance: bool = False) -> Maze:
    graph = build("caves", junctions=4, fewest=3, most=5, passage=1)
    graph.nodes[1]["chance"] = chance
    return compile_maze(graph)


def random_rows(maze: Maze, goals: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    # Rounded, so that there are draws.
    return np.stack([
        row_probabilities(maze, draw.normal(size=rows_of(maze).size).round(0))
        for _ in range(goals)
    ])  # fmt: skip


@given(st.integers(0, 2**31 - 1), st.booleans())
def test_what_rows_prefer_is_what_a_loop_over_them_says(seed: int, chance: bool) -> None:
    maze = forked(chance)
    rows, p = rows_of(maze), random_rows(maze, 2, seed)
    first, rank, alone = first_choices(maze, p), ranks(maze, p), ranks(maze, p, apart=True)
    greedy, entropy = greedy_rows(maze, p), row_entropy(maze, p)
    for x in range(2):
        for e in range(maze.num_arcs + 1):
            here = slice(rows.start[e], rows.start[e + 1])
            row = p[x, here].tolist()
            likelier = [sum(b > a * (1 + 1e-8) for b in row) for a in row]
            assert rank[x, here].tolist() == [1 + n for n in likelier]
            assert first[x, here].tolist() == [n == 0 for n in likelier]
            order = sorted(range(len(row)), key=lambda n: (likelier[n], n))
            assert [alone[x, here][n] for n in order] == list(range(1, len(row) + 1))
            assert greedy[x, here].tolist() == [float(n == order[0]) for n in range(len(row))]
            assert entropy[x, e] == pytest.approx(-sum(a * np.log(a) for a in row))


def test_a_mixture_is_the_teachers_on_its_places_and_the_bases_elsewhere() -> None:
    maze = forked()
    rows, base, teacher = rows_of(maze), random_rows(maze, 1, 0)[0], random_rows(maze, 3, 1)
    places = np.random.default_rng(0).random((3, maze.num_arcs + 1)) < 0.5
    mixed, converse = patched(maze, base, teacher, places), patched(maze, teacher, base, places)
    for x in range(3):
        for r in range(rows.size):
            taught = places[x, rows.arrival[r]]
            assert mixed[x, r] == (teacher[x, r] if taught else base[r])
            assert converse[x, r] == (base[r] if taught else teacher[x, r])
    np.testing.assert_array_equal(patched(maze, base, teacher, places | True), teacher)
    np.testing.assert_array_equal(patched(maze, teacher, base, ~places), mixed)


@pytest.mark.parametrize("seed", range(3))
def test_patching_greedily_where_two_differ_is_the_second_by_construction(seed: int) -> None:
    """Any two policies at all: the paper's oracle cannot fail."""
    maze = forked()
    base = opinionated_rows(maze, 0.02, 1.0, seed)
    teacher = np.stack([opinionated_rows(maze, 0.3, 1.0, seed + 10 + x) for x in range(3)])
    places = differing(maze, base, teacher, 3)
    assert 0 < places.sum() < places.size
    patchwork = greedily_patched(maze, base, teacher, places)
    np.testing.assert_array_equal(patchwork, greedy_rows(maze, teacher))
    # The control: at other places it is another policy.
    fewer = places & (np.arange(places.shape[1]) % 2 == 0)
    assert np.abs(greedily_patched(maze, base, teacher, fewer) - patchwork).max() == 1


def test_substitutes_are_no_first_choices_or_have_the_teachers_ranks() -> None:
    maze = forked()
    rows, base = rows_of(maze), opinionated_rows(maze, 0.02, 1.0, 0)
    teacher = np.stack([opinionated_rows(maze, 0.3, 1.0, 10 + x) for x in range(4)])
    others = without_first_choice(maze, base, 4)
    np.testing.assert_allclose(row_sums(maze, others), 1.0, rtol=1e-12)
    single = (np.diff(rows.start) == 1)[rows.arrival]
    assert (others[:, first_choices(maze, base) & ~single] == 0).all()
    kept = ~first_choices(maze, base)
    scale = 1 - row_sums(maze, np.where(kept, 0.0, base))[rows.arrival]
    np.testing.assert_allclose(others[:, kept], np.tile(base[kept] / scale[kept], (4, 1)))
    places = differing(maze, base, teacher, 4)
    dealt = rank_matched(maze, base, teacher, places, 0)
    off = ~places[:, rows.arrival]
    np.testing.assert_array_equal(dealt[off], np.tile(base, (4, 1))[off])
    order, degree = ranks(maze, base, apart=True), np.diff(rows.start)

    def rank_counts(chosen: np.ndarray, ports: int) -> list[int]:
        rank = row_sums(maze, np.where(chosen > 0, order, 0))
        return sorted(rank[places & (degree == ports)].tolist())

    for ports in range(2, 6):
        assert rank_counts(dealt, ports) == rank_counts(greedy_rows(maze, teacher), ports)
    assert (dealt != rank_matched(maze, base, teacher, places, 1)).any()


@given(st.integers(0, 2**31 - 1), st.floats(0.01, 1.0))
def test_a_gate_takes_the_highest_scores_and_no_more_than_it_needs(seed: int, share: float) -> None:
    draw = np.random.default_rng(seed)
    occupancy, scores = draw.random((3, 11)) * (draw.random((3, 11)) < 0.8), draw.random((3, 11))
    occupancy[0, 0], among = 1.0, draw.random((3, 11)) < 0.7
    among[0, 0] = True
    for limits in (None, among):
        places = gate(scores, occupancy, share, limits)
        may = (occupancy > 0) & (True if limits is None else limits)
        assert (places <= may).all()
        taken, whole = occupancy[places].sum(), occupancy[may].sum()
        lowest = np.where(places, scores, np.inf).argmin()
        assert taken >= share * whole * (1 - 1e-9)
        assert taken - occupancy.ravel()[lowest] < share * whole
        assert scores[may & ~places].max(initial=-1.0) < scores[places].min()
    threshold = float(np.median(scores[occupancy > 0]))
    opened = above(scores, occupancy, threshold)
    assert (opened == ((scores > threshold) & (occupancy > 0))).all()


def test_gates_that_open_nowhere_or_everywhere_say_how_many_visits() -> None:
    occupancy = np.asarray([[2.0, 1.0, 0.0]])
    with pytest.raises(MazerlError, match=r"opens at 0 of 3 visits, nowhere; give another"):
        above(np.zeros(3), occupancy, 0.5)
    with pytest.raises(MazerlError, match=r"opens at 3 of 3 visits, everywhere; give another"):
        above(np.ones(3), occupancy, 0.5)
    with pytest.raises(MazerlError, match=r"opens nowhere: none of 3 visits is at a place"):
        gate(np.ones(3), occupancy, 0.5, np.asarray([[False, False, True]]))
    with pytest.raises(MazerlError, match="the share is 0"):
        gate(np.ones(3), occupancy, 0.0)


def test_pairs_that_do_not_fit_are_refused() -> None:
    maze, other = forked(), compile_maze(build("path_star", arms=3, length=2))
    base, places = straight_rows(maze, 0.1), np.zeros((3, maze.num_arcs + 1), bool)
    with pytest.raises(MazerlError, match=r"probabilities have shape .*; this maze needs"):
        patched(maze, base, straight_rows(other, 0.1), places)
    with pytest.raises(MazerlError, match="rows for 2 goals, but 3 goals"):
        patched(maze, base, np.stack([base, base]), places)
    with pytest.raises(
        MazerlError, match=r"places are bool \(3, 2\); this maze needs bool \[goals"
    ):
        patched(maze, base, base, places[:, :2])
    assert ways_out(maze).tolist()[-1] == int(maze.degree[int(maze.start)])
    assert chance_scores(2, maze, 0).shape == (2, maze.num_arcs + 1)


def test_what_is_ruled_out_in_passages_stays_so_and_training_cannot_learn_it() -> None:
    maze = compile_maze(build("caves", junctions=3, fewest=3, most=4, passage=2))
    rows, whole = rows_of(maze), opinionated_rows(maze, 0.1, 1.0, 0)
    base = turn_at_junctions(maze, whole)
    vertex = np.append(maze.head, maze.start)[rows.arrival]
    came_by = np.append(maze.reverse, -1)[rows.arrival] == rows.arc
    passage = np.asarray(maze.degree)[vertex] == 2
    assert passage.sum() > 20
    assert (base[passage & came_by] == 0).all()
    assert (base[passage & ~came_by & (rows.arrival < maze.num_arcs)] == 1).all()
    np.testing.assert_allclose(base[~passage], whole[~passage], rtol=1e-12)
    logits = row_logits(base)
    assert (logits[base == 0] == RULED_OUT).all()
    np.testing.assert_allclose(row_probabilities(maze, logits), base, rtol=1e-12)
    begin = np.tile(logits, (maze.num_goals, 1))
    run = train(
        success_ascent(maze, 20), (), begin, Training(20, "adam", 0.1, record_every=20),
        jax.random.key(0),
    )  # fmt: skip
    after = np.stack([row_probabilities(maze, each) for each in run.params])
    assert (after[:, base == 0] == 0).all()
    assert arrival_law(maze, after, 20).sum() > 2 * arrival_law(maze, base, 20).sum()
    # The control: with full support it does learn to turn.
    run = train(
        success_ascent(maze, 20), (), np.tile(row_logits(whole), (maze.num_goals, 1)),
        Training(20, "adam", 0.1, record_every=20), jax.random.key(0),
    )  # fmt: skip
    after = np.stack([row_probabilities(maze, each) for each in run.params])
    assert (after - whole)[:, passage & came_by].max() > 0.1
    back = np.where(passage & (rows.arrival < maze.num_arcs), came_by, whole).astype(float)
    with pytest.raises(MazerlError, match="nothing but turning round has probability"):
        turn_at_junctions(maze, back)
