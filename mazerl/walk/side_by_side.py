"""Walks of single mazes as walks of several side by side, and back."""

from collections.abc import Sequence

import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze.side_by_side import Mazes
from mazerl.walk.rollouts import Walks


def join_walks(mazes: Mazes, walks: Sequence[Walks]) -> Walks:
    """Walks of each maze as walks of all side by side, in the order given.

    Raises:
        MazerlError: not one batch of walks for each maze.
    """
    if len(walks) != mazes.num_mazes:
        raise MazerlError(
            f"{len(walks)} batches of walks for {mazes.num_mazes} mazes; give one for each"
        )
    limit = max(each.port.shape[1] for each in walks)
    moved = []
    for number, each in enumerate(walks):
        arc, port = np.asarray(each.arc), np.asarray(each.port)
        begins = arc == _arcs(mazes, number)
        begin = mazes.num_arcs + number
        arc = np.where(begins, begin, arc + mazes.arc_begin[number]).astype(np.int32)
        more = ((0, 0), (0, limit - port.shape[1]))
        moved.append(
            each._replace(
                arc=np.pad(arc, more, mode="edge"),
                port=np.pad(port, more, mode="edge"),
                goal=np.asarray(each.goal) + mazes.vertex_begin[number],
            )
        )
    return Walks(*(np.concatenate(fields) for fields in zip(*moved, strict=True)))


def separate_walks(mazes: Mazes, walks: Walks) -> list[Walks]:
    """The walks of each maze, in its own numbers; of a batch that walked side by side."""
    parts = []
    for number in range(mazes.num_mazes):
        mine = Walks(*(np.asarray(field)[number :: mazes.num_mazes] for field in walks))
        begins = mine.arc >= mazes.num_arcs
        arc = np.where(begins, _arcs(mazes, number), mine.arc - mazes.arc_begin[number])
        goal = mine.goal - mazes.vertex_begin[number]
        parts.append(mine._replace(arc=arc.astype(np.int32), goal=goal))
    return parts


def _arcs(mazes: Mazes, number: int) -> int:
    return int(mazes.arc_begin[number + 1] - mazes.arc_begin[number])
