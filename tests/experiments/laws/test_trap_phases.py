"""Traps with ways round against fractions, all walks there are, and the library's own search."""

from fractions import Fraction
from itertools import product
from math import comb

import jax
import numpy as np
import pytest

from experiments.common import finite_corpora
from experiments.common.finite_corpora import corpora_of, corpus_chances
from experiments.common.searching import search_time
from experiments.common.trap_stars import (
    sft_time,
    share_needed,
    straight_rows,
    straight_time,
    trap_star,
    visit_chance,
)
from experiments.laws.trap_phases import Config, ascend, imitated, run
from experiments.laws.trap_phases_claims import SHARES, WALKS
from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.chain import plan_chain
from mazerl.exact.limits import policy_logits
from mazerl.exact.markov import hitting_times
from mazerl.policy.extraction import row_logits, row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.search import no_repeat
from mazerl.policy.tabular import TABULAR
from mazerl.walk.corpora import golden_visits
from mazerl.walk.rollouts import run_walks
from tests.support import rational

WAYS = (0, 1, 2)


def sft_rows(maze: Maze) -> np.ndarray:
    return row_probabilities(maze, policy_logits("trap_star", {}, maze, "sft"))


def known(maze: Maze) -> np.ndarray:
    return np.bincount(rows_of(maze).arrival, golden_visits(maze), maze.num_arcs + 1) > 0


def rational_time(maze: Maze, p: np.ndarray) -> Fraction:
    chain = rational.chain_of(maze, [Fraction(float(x)).limit_denominator(6) for x in p])
    goals = [int(goal) for goal in np.asarray(maze.goals)]
    times = [rational.hitting_times(chain, rational.arcs_into(maze, g))[maze.num_arcs]
             for g in goals]  # fmt: skip
    return sum(times, Fraction(0)) / len(goals)


@pytest.mark.parametrize("arms", [2, 3])
def test_closed_forms_are_those_of_fractions(arms: int) -> None:
    for depth in (2, 5):
        bare = trap_star(arms, depth, 0)
        assert rational_time(bare, sft_rows(bare)) == sft_time(arms, depth)
    for way in WAYS:
        maze = trap_star(arms, 4, way)
        assert maze.num_vertices == 1 + arms * 4 + (1 + arms * (way - 1) if way else 0)
        straight = straight_rows(maze, 4, way)
        assert rational_time(maze, straight) == straight_time(arms, 4, way)


def test_what_walks_show_without_a_way_round() -> None:
    """Whole arms, each with its chance; P(none of s arms) is (W+1)/(W(s+1)) a walk."""
    arms, depth, share, walks = 3, 3, 0.3, 4
    maze = trap_star(arms, depth, 0)
    corpora = corpora_of(maze, straight_rows(maze, depth, 0), known(maze))
    assert len(corpora.shown) == 2**arms
    # Rows that lead back in an arm, and have a choice.
    assert sorted(corpora.shown.sum(1)) == sorted(
        (depth - 1) * n for n in range(arms + 1) for _ in range(comb(arms, n))
    )
    shown = corpora.shown.sum(1) // (depth - 1)
    one = [1.0, *((arms + 1) / (arms * (s + 1)) for s in range(1, arms + 1))]
    none = [(1 - share * (1 - p)) ** walks for p in one]
    chance = corpus_chances(corpora, share, walks)
    for n in range(arms + 1):
        # Just n arms: their complement is not shown, and by inclusion and exclusion all of n are.
        just = comb(arms, n) * sum(
            (-1) ** j * comb(n, j) * none[arms - n + j] for j in range(n + 1)
        )
        assert chance[shown == n].sum() == pytest.approx(just)
    assert 1 - share * float(visit_chance(arms)) == pytest.approx(none[1] ** (1 / walks))


def test_what_walks_show_with_a_way_round() -> None:
    """By every sequence of draws at the fork and the hub, for walks that see few ends."""
    arms, depth, way = 3, 4, 2
    maze = trap_star(arms, depth, way)
    corpora = corpora_of(maze, straight_rows(maze, depth, way), known(maze))
    one = corpus_chances(corpora, 1.0, 1)
    assert one.sum() == pytest.approx(1.0)
    sizes: dict[int, float] = {}
    for goal, draws in product(range(arms), product(range(arms), repeat=9)):
        if goal not in draws:
            continue
        seen: set[tuple[str, int]] = set()
        for number, end in enumerate(draws[: draws.index(goal) + 1]):
            if number:
                seen |= {("in", end)}
            if end != goal:
                seen |= {("end after the arm" if number == 0 else "end after the way", end),
                         ("out", end)}  # fmt: skip
        # An interior row of a way, in or out, and the end's own are one row each where way = 2.
        sizes[len(seen)] = sizes.get(len(seen), 0.0) + 1 / arms / arms**9
    rest = 1 - sum(sizes.values())
    for size, chance in sizes.items():
        found = one[corpora.shown.sum(1) == size].sum()
        assert chance - 1e-12 <= found <= chance + rest + 1e-12


def test_means_over_corpora_are_the_closed_form() -> None:
    config = Config(4, 0, restarts=1)
    arrays = run(config)
    best, excess = straight_time(3, 4, 0), sft_time(3, 4) - straight_time(3, 4, 0)
    for walks, times, needed in zip(WALKS, arrays["expected"], arrays["needed"], strict=True):
        wanted = best + excess * (1 - np.array(SHARES) / 3) ** walks
        np.testing.assert_allclose(times, wanted, rtol=1e-12)
        assert needed[0] == pytest.approx(share_needed(3, 4, walks), rel=1e-10)
        assert best + excess * (1 - needed[0] / 3) ** walks == pytest.approx(2 * best)
    # One arm in three may keep its trap of four edges, two may not.
    share = arrays["needed"][1, 1]
    two, three = ((1 - share * (1 - 4 / (3 * (s + 1)))) ** WALKS[1] for s in (2, 3))
    assert 3 * two - 2 * three == pytest.approx(0.05)
    assert float(arrays["optimum"]) == pytest.approx(best)
    # Mixtures in the limit of many walks: nothing, or all, of the other's.
    sft, base = float(arrays["sft"]), float(arrays["base"])
    np.testing.assert_allclose(arrays["uniform"][[0, -1]], [sft, base], rtol=1e-12)
    np.testing.assert_allclose(arrays["infinite"][[0, 1, -1]], [sft, best, best], rtol=1e-12)


def test_a_share_is_none_or_more_than_all() -> None:
    assert share_needed(3, 2, 10) == 0.0
    assert share_needed(3, 12, 10) == np.inf
    assert 0 < share_needed(3, 12, 100) < 1
    assert share_needed(3, 6, 100, factor=3) < share_needed(3, 6, 100)


def counted_search(maze: Maze, p: np.ndarray, goal: int, steps: int) -> float:
    """Mean of min(steps, time) by numbers of times that each arc was taken, walk by walk."""
    rows, head = rows_of(maze), np.asarray(maze.head)
    vertex = np.append(head, maze.start)
    now = {(maze.num_arcs, (0,) * maze.num_arcs): 1.0}
    time = 0.0
    for _ in range(steps):
        time += sum(now.values())
        after: dict[tuple[int, tuple[int, ...]], float] = {}
        for (arrival, counts), mass in now.items():
            v = int(vertex[arrival])
            first, degree = int(maze.first_arc[v]), int(maze.degree[v])
            arcs, weight = list(range(first, first + degree)), np.ones(degree)
            if not maze.chance[v]:
                least = min(counts[arc] for arc in arcs)
                allowed = np.array([counts[arc] == least for arc in arcs])
                weight = p[rows.start[arrival] : rows.start[arrival] + degree] * allowed
                weight = weight if weight.sum() > 0 else allowed.astype(float)
            for arc, w in zip(arcs, weight / weight.sum(), strict=True):
                if w > 0 and head[arc] != goal:
                    more = (*counts[:arc], counts[arc] + 1, *counts[arc + 1 :])
                    after[arc, more] = after.get((arc, more), 0.0) + mass * w
        now = after
    return time


@pytest.mark.parametrize("way", WAYS)
def test_search_is_that_of_counts_and_of_the_library(way: int) -> None:
    depth = 3
    maze = trap_star(2, depth, way)
    p, goal = sft_rows(maze), int(maze.goals[0])
    found = search_time(maze, p, goal, least=0.0, rest=1e-9)
    assert found.lost < 1e-8
    by_counts = counted_search(maze, p, goal, 60)
    assert by_counts <= found.time + 1e-9
    assert by_counts == pytest.approx(found.time, rel=0.02)
    finite = np.where(p > 0, np.log(np.maximum(p, 1e-30)), -30.0).astype(np.float32)
    walks = run_walks(no_repeat(TABULAR), finite, maze, jax.random.key(0), 4000, 400)
    steps = np.asarray(walks.steps)
    assert np.asarray(walks.reached).all()
    assert abs(steps.mean() - found.time) < 5 * steps.std() / len(steps) ** 0.5
    # Fewer states followed: a lower bound, and what it lacks is told.
    rough = search_time(maze, p, goal, least=1e-3)
    assert rough.time <= found.time
    assert rough.lost > found.lost


def test_search_draws_evenly_among_what_the_policy_never_takes() -> None:
    maze = compile_maze(build("path_star", arms=3, length=1, fork="learned"))
    arrival = rows_of(maze).arrival
    fork = np.bincount(arrival)[arrival] > 1
    rows = np.ones(len(arrival))
    rows[fork] = np.tile([1.0, 0.0, 0.0], int(fork.sum()) // 3)
    # The first arm and back, then either of the others.
    found = search_time(maze, rows, int(maze.goals[2]), least=0.0, rest=0.0)
    assert found.time == pytest.approx(2 + (1 + 3) / 2)
    assert found.lost == 0.0
    early = search_time(maze, rows, int(maze.goals[2]), least=0.0, rest=0.6)
    assert early.time == pytest.approx(3.0)
    assert early.lost == pytest.approx(0.5)


def test_ascent_gets_there_and_without_steps_does_not() -> None:
    maze = trap_star(3, 4, 0)
    plan, base = plan_chain(maze), row_probabilities(maze, np.zeros(rows_of(maze).size))
    bound = 2.0 * straight_time(3, 4, 0)
    needed, early = ascend(maze, plan, base, Config(4, 0), bound)
    assert 20 < needed < 1200
    assert bound < early < hitting_times(maze, base, plan).mean()
    shallow = trap_star(3, 2, 0)
    already = row_probabilities(shallow, np.zeros(rows_of(shallow).size))
    assert ascend(shallow, plan_chain(shallow), already, Config(2, 0), 21.0)[0] == 0
    still, _ = ascend(maze, plan, base, Config(4, 0, updates=30, rate=0.0), bound)
    assert still == np.inf


def test_rows_without_visits_stay_the_base_models() -> None:
    maze = trap_star(2, 3, 1)
    p, seen = imitated(maze, golden_visits(maze)), known(maze)[rows_of(maze).arrival]
    base = row_probabilities(maze, np.zeros(rows_of(maze).size))
    np.testing.assert_array_equal(p[~seen], base[~seen])
    assert (p[seen] > 0).sum() < seen.sum()
    np.testing.assert_allclose(row_probabilities(maze, row_logits(p)), p)


def test_too_many_sets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finite_corpora, "_MOST_SETS", 4)
    maze = trap_star(3, 3, 0)
    with pytest.raises(MazerlError, match="more than 4 different sets of rows; take fewer arms"):
        corpora_of(maze, straight_rows(maze, 3, 0), known(maze))
