"""Pools as files: problems of one maze or of several, which are training and which are test.

CSV with a line a problem: `maze` (its `maze_checksum`), `goal` (a vertex of it), `p` (of the base
that it was chosen by) and `split`. Only `goal` is needed to read one.
"""

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze.compiling import fingerprint
from mazerl.maze.world import Maze

COLUMNS = ("maze", "goal", "p", "split")
_SPLITS = ("training", "test")


class Asked(NamedTuple):
    """What a pool asks on one maze."""

    goals: np.ndarray  # [X] vertices, in the order of the file
    test: np.ndarray  # [X] bool: held out
    says: bool  # whether the file says what is held out


class Line(NamedTuple):
    """A problem as a file holds it."""

    maze: str
    goal: int
    p: float
    test: bool


def maze_checksum(maze: Maze) -> str:
    """A short checksum of a maze without its goals."""
    return fingerprint(replace(maze, goals=np.asarray(maze.goals)[:0]))[:16]


def write_pool(out: Path, lines: Iterable[Line]) -> None:
    """Write a pool; its folder is made where it is missing."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows((x.maze, x.goal, repr(float(x.p)), _SPLITS[x.test]) for x in lines)


def read_pool(path: Path, maze: Maze) -> Asked:
    """What a pool asks on a maze; without a column `split` all of it is for training.

    Raises:
        MazerlError: the file cannot be read, has no column `goal` or a line that is none, or asks
            nothing on this maze.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if "goal" not in (rows.fieldnames or ()):
                raise MazerlError(f"{path} has no column 'goal'; give a pool as `mazerl pool` does")
            found = [(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MazerlError(f"cannot read the pool {path}: {error}; give a CSV file") from None
    here = maze_checksum(maze)
    mine = [(n, row) for n, row in found if row.get("maze") in (None, "", here)]
    if not mine:
        raise MazerlError(
            f"{path} asks nothing on this maze, which is {here}; give the maze that it was made "
            "for, or another pool"
        )
    return Asked(
        np.asarray([_goal(path, n, row) for n, row in mine], np.int32),
        np.asarray([_test(path, n, row) for n, row in mine], bool),
        any(row.get("split") for _, row in found),
    )


def _goal(path: Path, line: int, row: dict[str, str]) -> int:
    text = row["goal"] or ""
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**31:
        raise MazerlError(f"{path}, line {line}: goal is {text!r}; give the number of a vertex")
    return int(text)


def _test(path: Path, line: int, row: dict[str, str]) -> bool:
    name = row.get("split") or _SPLITS[0]
    if name not in _SPLITS:
        raise MazerlError(f"{path}, line {line}: split is {name!r}; known: {', '.join(_SPLITS)}")
    return name == _SPLITS[1]
