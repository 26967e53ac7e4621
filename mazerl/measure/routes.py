"""Routes: what is left of walks when their loops are erased, by exact enumeration.

A route is the tuple of arcs of a walk that arrived, its loops erased in order of time
(`corpora.erase_loops`). Small mazes have few of them, however many walks there are.
"""

from typing import NamedTuple

import numpy as np

from mazerl.errors import MazerlError, require_limit
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows, rows_of

_MOST_STATES = 100_000

Route = tuple[int, ...]


class RoutePlan(NamedTuple):
    """All that can be under way on a maze within a limit: an arrival and the route so far."""

    routes: tuple[Route, ...]  # by which the goal can be reached
    source: np.ndarray  # [moves] what is under way before each move; 0 as the walk begins
    target: np.ndarray  # [moves] and after it, in rising order; routes are the last of them
    entry: np.ndarray  # [moves] of the row that makes the move
    size: int  # how many targets there are, routes included
    limit: int


def plan_routes(maze: Maze, limit: int) -> RoutePlan:
    """Enumerate once what `route_laws` needs for any number of policies.

    Raises:
        MazerlError: the maze has several goals or chance vertices, the limit is out of range, or
            more routes are under way than can be enumerated.
    """
    require_limit("the time limit", limit)
    if maze.num_goals != 1 or np.asarray(maze.chance).any():
        raise MazerlError("routes are of a maze with one goal and without chance; give such a maze")
    rows = rows_of(maze)
    head, start, goal = np.asarray(maze.head).tolist(), int(maze.start), int(maze.goals[0])
    moves = [
        [(n, int(rows.arc[n])) for n in range(begin, end)]
        for begin, end in zip(rows.start[:-1].tolist(), rows.start[1:].tolist(), strict=True)
    ]
    # What comes next depends on the arrival; what is left of the walk, on its route so far.
    under_way: dict[tuple[int, Route], int] = {(maze.num_arcs, ()): 0}
    found: dict[Route, int] = {}
    taken: list[tuple[int, int, int, bool]] = []  # source, target, entry, whether it arrives
    latest = list(under_way)
    for _ in range(limit):
        earlier, latest = latest, []
        for arrival, route in earlier:
            source = under_way[arrival, route]
            for entry, arc in moves[arrival]:
                new = _extended(route, arc, head, start)
                if head[arc] == goal:
                    taken.append((source, found.setdefault(new, len(found)), entry, True))
                    continue
                if (arc, new) not in under_way:
                    under_way[arc, new] = len(under_way)
                    latest.append((arc, new))
                taken.append((source, under_way[arc, new], entry, False))
        if len(under_way) > _MOST_STATES:
            raise MazerlError(
                f"over {_MOST_STATES} routes are under way after a step; give a smaller maze or a "
                "shorter limit"
            )
    source, target, entry, arrives = np.array(taken).T
    target = np.where(arrives, target + len(under_way), target)
    order = np.argsort(target, kind="stable")
    size = len(under_way) + len(found)
    return RoutePlan(tuple(found), source[order], target[order], entry[order], size, limit)


def route_laws(plan: RoutePlan, probabilities: np.ndarray) -> np.ndarray:
    """P(arrive within the limit, by each of the plan's routes) [N, routes].

    Args:
        plan: of the maze.
        probabilities: rows [N, R] of N policies, which are not checked.
    """
    begin = np.flatnonzero(np.diff(plan.target, prepend=-1))
    reached, p = plan.target[begin], np.asarray(probabilities)[:, plan.entry]
    mass = np.zeros((len(p), plan.size))
    mass[:, 0] = 1.0
    law = np.zeros((len(p), len(plan.routes)))
    for _ in range(plan.limit):
        moved = np.add.reduceat(mass[:, plan.source] * p, begin, axis=1)
        mass[:] = 0.0
        mass[:, reached] = moved
        law += mass[:, plan.size - len(plan.routes) :]
    return law


def route_law(maze: Maze, probabilities: np.ndarray, limit: int) -> dict[Route, float]:
    """P(arrive at the maze's one goal within `limit` steps, by each route).

    Args:
        maze: with one goal, and no chance.
        probabilities: row probabilities [R].
        limit: T.

    Raises:
        MazerlError: as `plan_routes`, or rows are none of the maze.
    """
    plan = plan_routes(maze, limit)
    (law,) = route_laws(plan, require_rows(maze, probabilities)[None])
    return dict(zip(plan.routes, law.tolist(), strict=True))


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
