"""Routes: what is left of walks when their loops are erased, by exact enumeration.

A route is the tuple of arcs of a walk that arrived, its loops erased in order of time
(`corpora.erase_loops`). Small mazes have few of them, however many walks there are.
"""

import numpy as np

from mazerl.errors import MazerlError, require_limit
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows, rows_of

_MOST_STATES = 100_000

Route = tuple[int, ...]


def route_law(maze: Maze, probabilities: np.ndarray, limit: int) -> dict[Route, float]:
    """P(arrive at the maze's one goal within `limit` steps, by each route).

    Args:
        maze: with one goal, and no chance.
        probabilities: row probabilities [R].
        limit: T.

    Raises:
        MazerlError: the maze has several goals or chance vertices, rows are none of it, the limit
            is out of range, or more routes are under way than can be enumerated.
    """
    require_limit("the time limit", limit)
    if maze.num_goals != 1 or np.asarray(maze.chance).any():
        raise MazerlError("routes are of a maze with one goal and without chance; give such a maze")
    p, rows = require_rows(maze, probabilities), rows_of(maze)
    head, start, goal = np.asarray(maze.head).tolist(), int(maze.start), int(maze.goals[0])
    moves = [
        [(int(rows.arc[n]), float(p[n])) for n in range(begin, end)]
        for begin, end in zip(rows.start[:-1].tolist(), rows.start[1:].tolist(), strict=True)
    ]
    # What comes next depends on the arrival; what is left of the walk, on its route so far.
    mass: dict[tuple[int, Route], float] = {(maze.num_arcs, ()): 1.0}
    found: dict[Route, float] = {}
    for _ in range(limit):
        after: dict[tuple[int, Route], float] = {}
        for (arrival, route), weight in mass.items():
            for arc, share in moves[arrival]:
                new = _extended(route, arc, head, start)
                if head[arc] == goal:
                    found[new] = found.get(new, 0.0) + weight * share
                else:
                    after[arc, new] = after.get((arc, new), 0.0) + weight * share
        if len(after) > _MOST_STATES:
            raise MazerlError(
                f"over {_MOST_STATES} routes are under way after a step; give a smaller maze or a "
                "shorter limit"
            )
        mass = after
    return found


def _extended(route: Route, arc: int, head: list[int], start: int) -> Route:
    """The route after one more arc, without the loop that it closes."""
    there = [start, *(head[taken] for taken in route)]
    if head[arc] in there:
        return route[: there.index(head[arc])]
    return (*route, arc)


def expected_distinct(law: np.ndarray, walks: int) -> float:
    """Routes expected among so many walks, given P(arrive by each) [routes]."""
    with np.errstate(divide="ignore"):
        return float(-np.expm1(walks * np.log1p(-np.asarray(law, float))).sum())
