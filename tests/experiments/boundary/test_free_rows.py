"""Free rows on the problems of PASS@(k, T): their layout, and verdicts that can turn."""

import numpy as np
import pandas as pd

from experiments.boundary import free_rows, pass_at_k
from experiments.boundary.free_rows_claims import TURNINGS, claims_of, frame_of
from experiments.boundary.pass_at_k_tables import STEPS
from experiments.common.fork_problems import draw_problems
from mazerl.maze.side_by_side import side_by_side
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.store.records import Record


def test_rows_of_a_world_are_told_apart_by_maze() -> None:
    mazes = draw_problems("A", 3, 0) + draw_problems("C", 3, 0)
    sizes = [rows_of(maze).size for maze in mazes]
    assert len(set(sizes)) > 1
    world = side_by_side(mazes)
    for maze, rows in zip(
        mazes, free_rows._by_maze(world, np.log(straight_rows(world, 0.3))), strict=True
    ):
        np.testing.assert_allclose(rows, straight_rows(maze, 0.3), rtol=1e-12)
    # Each entry goes to one maze, in the layout that the maze has by itself.
    logits = np.random.default_rng(0).normal(size=rows_of(world).size)
    told = free_rows._by_maze(world, logits)
    assert [len(rows) for rows in told] == sizes
    for maze, rows in zip(mazes, told, strict=True):
        np.testing.assert_allclose(row_probabilities(maze, np.log(rows)), rows, rtol=1e-12)
    np.testing.assert_allclose(
        np.sort(np.concatenate(told)), np.sort(row_probabilities(world, logits)), rtol=1e-12
    )


def test_the_problems_are_those_of_policies_over_turns() -> None:
    for mine, its in zip(free_rows.GRID, pass_at_k.GRID, strict=True):
        for name in ("seed", "trained", "tested", "limit", "longest"):
            assert getattr(mine, name) == getattr(its, name)


def made_up() -> pd.DataFrame:
    """Two problems a category, with p the same at every step, as the claims would have it."""

    def laws(p: list[float]) -> np.ndarray:
        law = np.zeros((len(p), 2, 65))
        law[:, :, STEPS[0]] = np.asarray(p)[:, None]
        return law

    arrays = {"shown_B": laws([0.01, 0.5, 0.5]), "shown_C": laws([0.01, 0.5, 0.5])}
    arrays |= {f"unseen_{name}": laws([0.01] * len(TURNINGS)) for name in "ABC"}
    fallen = laws([0.01] * len(TURNINGS))
    fallen[0, :, STEPS[0]], fallen[0, :, 2 * STEPS[0]] = 0.005, 0.0
    fallen[1:, :, STEPS[0]], fallen[1:, :, 2 * STEPS[0]] = 0.001, 0.009
    return frame_of([Record({"seed": 0}, {}, arrays | {"unseen_C": fallen})])


def less(frame: pd.DataFrame, category: str, problems: str, model: str) -> pd.DataFrame:
    """A model that solves half of all problems less."""
    mine = (frame["category"] == category) & (frame["problems"] == problems)
    mine &= frame["model"] == model
    return frame.assign(solved=frame["solved"] - 0.5 * mine)


def failing(frame: pd.DataFrame) -> set[object]:
    return {row["id"] for row in claims_of(frame) if row["verdict"] != "holds"}


def test_verdicts_turn_with_what_is_solved() -> None:
    frame = made_up()
    assert failing(frame) == set()
    seldom, usual = "turning 0.02", "turning 0.2"
    swapped = frame.replace({"model": {seldom: usual, usual: seldom}})
    for other, lost in (
        (swapped, {"B9.1", "B9.2"}),
        (less(frame, "B", "unseen", seldom), {"B9.c1"}),
        (less(frame, "C", "shown", "rl"), {"B9.5"}),
        (less(frame, "C", "unseen", usual), {"B9.1", "B9.3"}),
        (less(frame, "C", "unseen", seldom), {"B9.2", "B9.c3"}),
    ):
        assert failing(other) >= lost
    assert failing(frame.assign(least_gain=-frame["least_gain"])) >= {"B9.4"}
    assert failing(frame.assign(least_gain=frame["least_gain"].abs())) == {"B9.c2"}
