"""Two policies whose rows are known, compared along the walks of either, exactly."""

from typing import NamedTuple

import numpy as np

from mazerl.maze import Maze
from mazerl.measure.behaviour import Behaviour
from mazerl.measure.edits import (
    ByChance,
    Differences,
    Edits,
    Visits,
    by_chance,
    differences,
    edits,
    visits,
)
from mazerl.policy.preferences import first_choices, require_seeing
from mazerl.policy.rows import rows_of


class Compared(NamedTuple):
    """What each of the two does, and where they differ."""

    base: Visits
    trained: Visits
    along_base: Edits
    along_trained: Edits
    chance_base: ByChance  # what a teacher of random preferences would show there
    chance_trained: ByChance
    differences: Differences
    first: np.ndarray  # [X, A+1] arc of the trained policy's first choice; -1 where there is none


def compare_rows(
    maze: Maze,
    base: np.ndarray,
    trained: np.ndarray,
    limit: int,
    goals: np.ndarray | None = None,
    top: int | None = 5,
) -> Compared:
    """Compare rows [R] or [X, R] on walks of at most `limit` steps to X goals, the maze's own.

    Raises:
        MazerlError: as of `measure.edits`.
    """
    number = maze.num_goals if goals is None else len(goals)
    found = differences(maze, base, trained, number)
    before, after = (visits(maze, rows, limit, goals) for rows in (base, trained))
    return Compared(
        before, after,
        edits(found, before.occupancy, top), edits(found, after.occupancy, top),
        by_chance(found.options, before.occupancy), by_chance(found.options, after.occupancy),
        found, _first(maze, require_seeing(maze, trained, number)),
    )  # fmt: skip


def edits_shown(found: Compared, along: str) -> Behaviour:
    """What a picture of edits shows: visits an episode, KL from the base, moves that are new.

    Of several goals the KL is the mean over visits, and a move is shown where one of them has it.
    """
    walked = found.base if along == "base" else found.trained
    visited = walked.occupancy.mean(0)
    kl = np.where(walked.occupancy > 0, found.differences.kl * walked.occupancy, 0.0).mean(0)
    new = np.where((found.differences.rank > 1) & (walked.occupancy > 0), found.first, -1)
    # Of goals for which the move is new, that with most visits there.
    most = np.where(new >= 0, walked.occupancy, -1.0).argmax(0)
    return Behaviour(
        visited[:-1],
        np.divide(kl, visited, out=np.zeros_like(kl), where=visited > 0),
        new[most, np.arange(new.shape[1])],
        float("nan"),
        "exact",
    )


def _first(maze: Maze, rows: np.ndarray) -> np.ndarray:
    layout = rows_of(maze)
    place = np.where(first_choices(maze, rows), np.arange(layout.size), layout.size)
    first = np.full((len(rows), len(layout.start) - 1), -1)
    has_row = np.diff(layout.start) > 0
    entry = np.minimum.reduceat(place, layout.start[:-1][has_row], axis=1)
    first[:, has_row] = layout.arc[entry]
    return first
