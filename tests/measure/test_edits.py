"""What separates two policies: against loops, enumerated walks, Monte Carlo and closed forms."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.measure.edits import by_chance, differences, edits, found_by, visits
from mazerl.policy.bases import opinionated_rows, straight_rows
from mazerl.policy.extraction import row_logits
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import rollout


def pair() -> tuple[Maze, np.ndarray, np.ndarray]:
    maze = compile_maze(build("caves", junctions=2, fewest=3, most=4, passage=1))
    base = opinionated_rows(maze, 0.1, 1.0, 0)
    teacher = [opinionated_rows(maze, 0.4, 1.0, 10 + x) for x in range(maze.num_goals)]
    return maze, base, np.stack(teacher)


def enumerated(maze: Maze, p: np.ndarray, limit: int, goal: int) -> tuple[float, np.ndarray]:
    """P(τ ≤ T) and Σ_t d_t(e) Var Q_{T-t}(e, ·) by all walks: no step shared with the code."""
    rows, head = rows_of(maze), np.asarray(maze.head)

    def worth(e: int, left: int) -> float:
        if e < maze.num_arcs and head[e] == goal:
            return 1.0
        here = range(rows.start[e], rows.start[e + 1])
        return sum(p[r] * worth(rows.arc[r], left - 1) for r in here) if left else 0.0

    spread = np.zeros(maze.num_arcs + 1)

    def walk(e: int, chance: float, left: int) -> None:
        if not left or (e < maze.num_arcs and head[e] == goal):
            return
        here = range(rows.start[e], rows.start[e + 1])
        each = [worth(rows.arc[r], left - 1) for r in here]
        mean = sum(p[r] * q for r, q in zip(here, each, strict=True))
        square = sum(p[r] * q * q for r, q in zip(here, each, strict=True))
        spread[e] += chance * (square - mean * mean)
        for r in here:
            walk(rows.arc[r], chance * p[r], left - 1)

    walk(maze.num_arcs, 1.0, limit)
    return worth(maze.num_arcs, limit), spread


def test_pivotality_is_that_of_all_walks() -> None:
    maze, base, _ = pair()
    seen = visits(maze, base, 6)
    for x, goal in enumerate(np.asarray(maze.goals)[:3]):
        success, spread = enumerated(maze, base, 6, int(goal))
        assert seen.success[x] == pytest.approx(success, abs=1e-15)
        np.testing.assert_allclose(seen.pivotality[x], spread, rtol=1e-10, atol=1e-16)
    assert seen.pivotality.max() > 0.01


def test_visits_are_those_of_walks() -> None:
    maze, _, teacher = pair()
    limit, walks = 15, 4000
    seen = visits(maze, teacher, limit)
    for x in range(2):
        one = replace(maze, goals=np.asarray(maze.goals)[x : x + 1])
        walked = rollout(TABULAR, row_logits(teacher[x]), one, jax.random.key(x), walks, limit)
        real = np.arange(limit) < np.asarray(walked.length)[:, None]
        arcs = np.where(real, np.asarray(walked.arc)[:, :limit], maze.num_arcs + 1)
        each = np.stack([np.bincount(a, minlength=maze.num_arcs + 2)[:-1] for a in arcs])
        error = each.std(0, ddof=1) / np.sqrt(walks) + 1e-9
        assert (np.abs(each.mean(0) - seen.occupancy[x]) < 4.5 * error).all()
        reached = np.asarray(walked.reached).mean()
        assert abs(reached - seen.success[x]) < 4.5 / np.sqrt(4 * walks)
        # The control: another goal's walks are others.
        assert (np.abs(each.mean(0) - seen.occupancy[1 - x]) > 4.5 * error).any()


def test_differences_are_those_of_a_loop_and_shares_those_of_a_sum() -> None:
    maze, base, teacher = pair()
    rows, found = rows_of(maze), differences(maze, base, teacher)
    occupancy = visits(maze, teacher, 12).occupancy
    for top in (2, None):
        told, total = edits(found, occupancy, top), float(occupancy.sum())
        same = near = far = kl = entropy = 0.0
        for x in range(maze.num_goals):
            for e in range(maze.num_arcs + 1):
                here = slice(rows.start[e], rows.start[e + 1])
                b, q, weight = base[here], teacher[x, here], occupancy[x, e]
                rank = 1 + int((b > b[q.argmax()]).sum())
                assert found.rank[x, e] == rank
                mid = (b + q) / 2
                expected = {
                    "kl": q @ np.log(q / b), "kl_reverse": b @ np.log(b / q),
                    "js": (b @ np.log(b / mid) + q @ np.log(q / mid)) / 2,
                    "variation": np.abs(b - q).sum() / 2, "entropy": -b @ np.log(b),
                    "options": len(b),
                }  # fmt: skip
                for name, value in expected.items():
                    assert getattr(found, name)[x, e] == pytest.approx(value, abs=1e-14)
                most = top or -(-len(b) // 2)
                same += weight * (rank == 1)
                near += weight * (1 < rank <= most)
                far += weight * (rank > max(most, 1))
                kl, entropy = kl + weight * expected["kl"], entropy + weight * expected["entropy"]
        assert told.tokens == pytest.approx(total)
        assert (told.unshifted, told.reranked, told.shifted) == pytest.approx(
            (same / total, near / total, far / total)
        )
        assert (told.kl, told.entropy) == pytest.approx((kl / total, entropy / total))
        assert told.unshifted + told.reranked + told.shifted == pytest.approx(1.0)
        assert far > 0


def test_a_policy_beside_itself_is_unshifted_whatever_the_draws() -> None:
    maze, base, _ = pair()
    for rows in (base, straight_rows(maze, 0.02)):
        found = differences(maze, rows, rows)
        told = edits(found, visits(maze, rows, 9).occupancy)
        assert (told.reranked, told.shifted, told.kl, told.variation) == (0.0, 0.0, 0.0, 0.0)
        assert told.unshifted == pytest.approx(1.0, rel=1e-12)
        assert np.isnan(told.rank)


def test_random_preferences_show_what_is_foretold() -> None:
    """(m + 2)/2 and 1 - 1/m, over many teachers that are drawn."""
    maze, base, _ = pair()
    occupancy, draw = visits(maze, base, 12).occupancy[:1], np.random.default_rng(0)
    goals, shares, weights = np.asarray(maze.goals)[:1], [], []
    for _ in range(400):
        weight = draw.random(rows_of(maze).size)
        total = np.bincount(rows_of(maze).arrival, weight)[rows_of(maze).arrival]
        found = differences(maze, base, weight / total, len(goals))
        told = edits(found, occupancy)
        shares.append(1 - told.unshifted)
        weights.append((1 - told.unshifted) * told.rank)
    expected = by_chance(found.options, occupancy)
    for each, mean in ((shares, expected.edited), (weights, expected.edited * expected.rank)):
        error = np.std(each, ddof=1) / np.sqrt(len(each))
        assert abs(np.mean(each) - mean) < 4 * error
        assert abs(np.mean(each) - 1.1 * mean) > 4 * error


def test_area_under_the_curve_is_that_of_all_pairs() -> None:
    draw = np.random.default_rng(0)
    scores, edited = draw.integers(0, 5, (2, 9)).astype(float), draw.random((2, 9)) < 0.4
    occupancy = draw.random((2, 9))
    won = total = 0.0
    for a in range(18):
        for b in range(18):
            if edited.flat[a] and not edited.flat[b]:
                both = occupancy.flat[a] * occupancy.flat[b]
                ahead = scores.flat[a] - scores.flat[b]
                won, total = won + both * (0.5 if ahead == 0 else ahead > 0), total + both
    assert found_by(scores, edited, occupancy) == pytest.approx(won / total)
    assert found_by(edited.astype(float), edited, occupancy) == 1.0
    assert found_by(np.zeros(9), edited, occupancy) == 0.5
    assert np.isnan(found_by(scores, edited & False, occupancy))


def test_pairs_that_do_not_fit_are_refused() -> None:
    maze, base, teacher = pair()
    with pytest.raises(MazerlError, match=r"rows for 2 goals, but \d goals"):
        differences(maze, base, teacher[:2])
    with pytest.raises(MazerlError, match="compare policies on one maze with the same goals"):
        edits(differences(maze, base, teacher), np.ones((2, 3)))
    other = compile_maze(build("path_star", arms=3, length=2))
    with pytest.raises(MazerlError, match="probabilities have shape"):
        visits(other, base, 5)
