from fractions import Fraction
from math import log

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given, settings

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.exact.corridor import (
    goal_known,
    hitting_time,
    log_hitting_time,
    memory_optimum,
    rlvr_optimum,
    sft_base,
    sft_limit,
    solve_families,
    uniform_time,
)
from mazerl.exact.families import (
    families_from_tabular,
    family_log_probabilities,
    family_map,
    family_visits,
    limit_gaps,
    probabilities,
    tabular_from_families,
)
from mazerl.exact.markov import entry_visits, hitting_times
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from tests.support import rational

# science.md §3: uniform, RLVR optimum, SFT limit.
REFERENCE = [
    ((2, 1, 1), 27, 9, 17),
    ((3, 2, 3), 165, 25, 245 + 4 / 9),
    ((4, 4, 3), 753 + 2 / 3, 63, 10457.962962962963),
    ((15, 15, 5), 50141, 899, 4.318448e14),
]


def corridor_maze(size: tuple[int, int, int]) -> Maze:
    width, depth, lanes = size
    return compile_maze(build("corridor", width=width, depth=depth, lanes=lanes))


def lumped_sft_chain(width: int, depth: int, lanes: int) -> rational.Chain:
    """SFT's limit with lanes and equal branches lumped, from the maze's definition."""
    last = 2 * depth + 1
    forward, backward = Fraction(1, lanes + 1), Fraction(lanes, lanes + 1)
    chain: rational.Chain = {
        "fork": {
            ("goal", 1, "on"): Fraction(1, width),
            ("dead", 1, "on"): Fraction(width - 1, width),
        }
    }
    for kind in ("goal", "dead"):
        for place in range(1, last):
            # Going on, golden paths have taught certainty; going back, the base's odds hold.
            chain[kind, place, "on"] = {(kind, place + 1, "on"): Fraction(1)}
            left = place % 2 == 1
            keep = forward if left else backward
            behind = "fork" if place == 1 else (kind, place - 1, "back")
            chain[kind, place, "back"] = {behind: keep, (kind, place + 1, "on"): 1 - keep}
        chain[kind, last, "on"] = {(kind, last - 1, "back"): Fraction(1)}
    return chain


@pytest.mark.parametrize(("size", "uniform", "rlvr", "sft"), REFERENCE)
def test_reference_table(
    size: tuple[int, int, int], uniform: float, rlvr: float, sft: float
) -> None:
    assert float(uniform_time(*size)) == pytest.approx(uniform, rel=1e-12)
    assert float(rlvr_optimum(*size)) == rlvr
    assert float(sft_limit(*size)) == pytest.approx(sft, rel=1e-6)


@pytest.mark.parametrize("size", [(2, 1, 1), (3, 2, 3), (4, 4, 3), (15, 15, 5), (4, 60, 5)])
@pytest.mark.parametrize("policy", ["uniform", "sft", "rlvr"])
def test_closed_form_chain_and_structured_solver_agree(
    size: tuple[int, int, int], policy: str
) -> None:
    closed = {"uniform": uniform_time, "sft": sft_limit, "rlvr": rlvr_optimum}[policy]
    maze, gaps = corridor_maze(size), limit_gaps(policy, size[1])
    logits = tabular_from_families(family_map(maze, size[1]), gaps)
    by_chain = hitting_times(maze, row_probabilities(maze, logits))
    expected = float(closed(*size))
    np.testing.assert_allclose(by_chain, expected, rtol=1e-9)
    assert np.exp(solve_families(gaps, size[0], size[2])) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [(3, 2, 3), (4, 60, 5)])
def test_sft_limit_agrees_with_a_rational_elimination(size: tuple[int, int, int]) -> None:
    chain = lumped_sft_chain(*size)
    goal = ("goal", 2 * size[1] + 1, "on")
    assert rational.hitting_times(chain, {goal})["fork"] == sft_limit(*size)


def test_other_closed_forms() -> None:
    assert memory_optimum(4, 4) == 36
    assert memory_optimum(4, 8) == 68
    assert goal_known(4) == 9
    assert [sft_base(L) for L in (1, 2, 3, 5)] == pytest.approx([4, 4.5, 16 / 3, 7.2])
    ratio = sft_limit(4, 61, 5) / sft_limit(4, 60, 5)
    assert float(ratio) == pytest.approx(sft_base(5), rel=1e-12)


gap = st.floats(-5, 5)


@given(st.data())
@settings(max_examples=25)
def test_structured_solver_agrees_with_the_chain_on_random_policies(data: st.DataObject) -> None:
    size = tuple(data.draw(st.integers(1, 3)) for _ in range(3))
    gaps = np.array(data.draw(st.lists(gap, min_size=4 * size[1], max_size=4 * size[1])))
    gaps = gaps.reshape(4, size[1])
    maze = corridor_maze((size[0], size[1], size[2]))
    logits = tabular_from_families(family_map(maze, size[1]), gaps)
    by_chain = hitting_times(maze, row_probabilities(maze, logits)).mean()
    assert np.exp(solve_families(gaps, size[0], size[2])) == pytest.approx(by_chain, rel=1e-9)


@pytest.mark.parametrize("width", [1, 4])
def test_solver_gradient_is_the_slope(width: int) -> None:
    rng = np.random.default_rng(0)
    gaps, direction = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    with jax.enable_x64(True):
        gradient = np.asarray(jax.jit(jax.grad(log_hitting_time))(gaps, float(width), 3.0))
        time, linear = jax.jit(jax.value_and_grad(hitting_time))(gaps, float(width), 3.0)
    assert float(time) == pytest.approx(np.exp(solve_families(gaps, width, 3)), rel=1e-12)
    np.testing.assert_allclose(np.asarray(linear) / float(time), gradient, rtol=1e-9)
    step = 1e-5 * direction
    slope = (solve_families(gaps + step, width, 3) - solve_families(gaps - step, width, 3)) / 2e-5
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-7)


def test_solver_beyond_floating_point_range() -> None:
    exact = sft_limit(4, 500, 5)
    expected = log(exact.numerator) - log(exact.denominator)
    assert expected > log(1e308)
    assert solve_families(limit_gaps("sft", 500), 4, 5) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("depth", [5000, 4999])
def test_solver_is_accurate_when_deep(depth: int) -> None:
    expected = float(uniform_time(7, depth, 5))
    log_time = solve_families(limit_gaps("uniform", depth), 7, 5)
    assert np.exp(log_time) == pytest.approx(expected, rel=1e-9)


def test_families_probabilities_at_the_base() -> None:
    a, b, c, d = probabilities(np.zeros((4, 1)), 3)[:, 0]
    assert (a, b, c, d) == pytest.approx((1 / 4, 3 / 4, 3 / 4, 1 / 4))
    assert probabilities(limit_gaps("rlvr", 2), 3).min() == 1


def test_family_map_finds_each_decision(medium: Maze) -> None:
    families, rows = family_map(medium, 4), rows_of(medium)
    length = np.diff(rows.start)
    per_family = [len(set(rows.arrival[families.family == f].tolist())) for f in range(4)]
    # a and d are reached through each of the 3 lanes, b and c over the single edge.
    assert per_family == [4 * 4 * 3, 4 * 4, 4 * 4, 4 * 4 * 3]
    inside = families.family >= 0
    assert set(length[rows.arrival[inside]]) == {4}
    desired = np.bincount(rows.arrival, families.desired, medium.num_arcs + 1)
    for family, lanes in enumerate((1, 3, 3, 1)):
        assert set(desired[rows.arrival[families.family == family]]) == {lanes}
    with pytest.raises(MazerlError, match="no corridor of depth 3"):
        family_map(medium, 3)


def test_conversion_there_and_back(medium: Maze) -> None:
    gaps = np.random.default_rng(0).normal(size=(4, 4))
    families = family_map(medium, 4)
    logits = np.asarray(tabular_from_families(families, gaps))
    np.testing.assert_allclose(families_from_tabular(medium, families, logits), gaps, atol=1e-12)
    shifted = logits + np.arange(medium.num_arcs + 1)[rows_of(medium).arrival]
    np.testing.assert_allclose(families_from_tabular(medium, families, shifted), gaps, atol=1e-9)


@pytest.mark.parametrize("change", ["lane", "branch", "leaf"])
def test_what_is_no_family_policy_is_refused(medium: Maze, change: str) -> None:
    families, rows = family_map(medium, 4), rows_of(medium)
    logits = np.zeros(rows.size)
    of_c = np.flatnonzero((families.family == 2) & families.desired)
    if change == "lane":
        logits[of_c[0]] = 1.0
        says = "lanes of one diamond"
    elif change == "branch":
        logits[rows.arrival == rows.arrival[of_c[0]]] = families.desired[
            rows.arrival == rows.arrival[of_c[0]]
        ]
        says = "branches of the corridor"
    else:
        learned = build("corridor", width=4, depth=4, lanes=3, fork="learned")
        medium = compile_maze(learned)
        families = family_map(medium, 4)
        logits = np.zeros(rows_of(medium).size)
        logits[np.flatnonzero(families.family < 0)[0]] = 1.0
        says = "lanes of one diamond"
    with pytest.raises(MazerlError, match=says):
        families_from_tabular(medium, families, logits)


def test_family_log_probabilities_are_those_of_the_rows(medium: Maze) -> None:
    gaps = np.random.default_rng(1).normal(size=(4, 4))
    families = family_map(medium, 4)
    p = row_probabilities(medium, np.asarray(tabular_from_families(families, gaps)))
    with jax.enable_x64(True):
        by_family = np.exp(np.asarray(family_log_probabilities(gaps, np.float64(3))))
    inside = families.family >= 0
    index = (families.family[inside], families.depth[inside], 1 - families.desired[inside])
    np.testing.assert_allclose(p[inside], by_family[index], rtol=1e-12)
    visits = entry_visits(medium, p)
    task = family_visits(families, visits, 3)
    assert task.visits.sum() == pytest.approx(visits[inside].sum(), rel=1e-12)


def test_bad_gaps_are_refused() -> None:
    for gaps in (np.zeros((3, 2)), np.full((4, 2), -np.inf), np.full((4, 2), np.nan)):
        with pytest.raises(MazerlError, match="above -inf"):
            solve_families(gaps, 2, 2)
    with pytest.raises(MazerlError, match="unknown policy 'best'; known: uniform, sft, rlvr"):
        limit_gaps("best", 2)
