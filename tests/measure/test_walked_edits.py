"""Edits along walks: against the exact shares, and against tokens counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import MazerlError, build, compile_maze
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import prompts_of
from mazerl.measure.edits import differences, edits, visits
from mazerl.measure.walked_edits import Model, TokenMean, walked_edits
from mazerl.policy.bases import opinionated_rows, straight_rows
from mazerl.policy.extraction import row_logits
from mazerl.policy.prompted import join_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.walk.rollouts import Walks, rollout

MAZE = compile_maze(build("caves", junctions=2, passage=1))


def model(rows: np.ndarray) -> Model:
    return Model(TABULAR, jnp.asarray(row_logits(rows), jnp.float32))


@pytest.mark.parametrize("top", [1, 5, None])
@pytest.mark.parametrize("along", ["base", "teacher"])
def test_walks_agree_with_what_is_exact(along: str, top: int | None) -> None:
    prompts = prompts_of(problems_of(MAZE, 20))
    base = opinionated_rows(MAZE, 0.1, 1.0, 0)
    teacher = np.stack([opinionated_rows(MAZE, 0.4, 1.0, 10 + x) for x in range(MAZE.num_goals)])
    before, after = (model(join_rows(prompts, rows)) for rows in (base, teacher))
    walker = after if along == "teacher" else before
    walked = rollout(walker.policy, walker.params, prompts, jax.random.key(7), 20_000, 20)
    found = walked_edits(prompts, before, after, walked, top)
    seen = visits(MAZE, teacher if along == "teacher" else base, 20)
    exact = edits(differences(MAZE, base, teacher), seen.occupancy, top)
    for name in found._fields[1:]:
        each = getattr(found, name)
        error = (each.high - each.low) / 2 / 1.96
        assert abs(each.value - getattr(exact, name)) < 4 * error + 1e-6, name
        assert error < 0.05
    assert exact.reranked != exact.unshifted
    assert found.tokens / 20_000 == pytest.approx(exact.tokens / MAZE.num_goals, rel=0.02)


def test_intervals_cover_as_often_as_they_say() -> None:
    base, teacher = straight_rows(MAZE, 0.1), opinionated_rows(MAZE, 0.4, 1.0, 3)
    seen = visits(MAZE, base, 20)
    exact = edits(differences(MAZE, base, teacher), seen.occupancy)
    pair = model(base), model(teacher)
    covered = []
    for seed in range(200):
        walked = rollout(TABULAR, pair[0].params, MAZE, jax.random.key(seed), 60, 20)
        found = walked_edits(MAZE, *pair, walked)
        covered.append(found.kl.low <= exact.kl <= found.kl.high)
    # 95% of 200 are 190, give or take 3.1 each.
    assert 175 <= sum(covered) <= 200


def test_tokens_counted_by_hand() -> None:
    maze = compile_maze(build("hops", forks=1, arms=2, length=1))
    layout = rows_of(maze)
    begin = slice(layout.start[maze.num_arcs], layout.start[maze.num_arcs + 1])
    base, teacher = np.ones(layout.size), np.ones(layout.size)
    for rows, p in ((base, 0.75), (teacher, 0.25)):
        rows[begin] = p, 1 - p
        for arrival in range(maze.num_arcs):
            row = slice(layout.start[arrival], layout.start[arrival + 1])
            rows[row] = 1 / (row.stop - row.start)
    goes, comes = 0, int(np.asarray(maze.reverse)[1])
    none = maze.num_arcs
    # One walk arrives at once; the other goes to the dead end, comes back, and is stopped.
    walks = Walks(
        arc=jnp.asarray([[none, goes, goes], [none, 1, comes]]),
        port=jnp.asarray([[0, 0], [1, 0]]),
        goal=maze.goals[jnp.asarray([0, 0])],
        length=jnp.asarray([1, 2]),
        reached=jnp.asarray([True, False]),
        timed_out=jnp.asarray([False, True]),
    )
    found = walked_edits(maze, model(base), model(teacher), walks)
    kl = 0.5 * np.log(3)
    assert found.tokens == 3
    assert found.decisions.value == pytest.approx(2 / 3)  # a dead end has one port
    assert found.reranked.value == pytest.approx(2 / 3)
    assert found.unshifted.value == pytest.approx(1 / 3)
    assert found.rank.value == 2
    assert found.kl.value == pytest.approx(2 * kl / 3, rel=1e-6)
    # Ratio 2/3 of counts (1, 1) to (1, 2): residuals 1/3 and -1/3, over a mean of 3/2.
    error = 1.96 * np.sqrt(2 * (1 / 3 / 1.5) ** 2 / 2)
    assert found.reranked.high - found.reranked.value == pytest.approx(error, rel=1e-3)
    same = walked_edits(maze, model(base), model(base), walks)
    assert same.unshifted == TokenMean(1.0, 1.0, 1.0)
    assert np.isnan(same.rank.value)


def test_one_walk_says_nothing_of_its_spread() -> None:
    base = model(straight_rows(MAZE, 0.1))
    walked = rollout(TABULAR, base.params, MAZE, jax.random.key(0), 1, 20)
    with pytest.raises(MazerlError, match="the number of walks is 1"):
        walked_edits(MAZE, base, base, walked)
