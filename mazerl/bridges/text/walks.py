"""Walks to be shown to a language model: golden, with backtracking, and wherever a base went.

All are lists of ports from the start, drawn in plain Python: a data set asks thousands of mazes for
a few walks each.
"""

from bisect import bisect
from itertools import accumulate

import numpy as np

from mazerl.bridges.text.places import Place
from mazerl.maze.paths import Paths
from mazerl.policy.rows import rows_of
from mazerl.walk.rollouts import Walks


def golden(place: Place, paths: Paths, goal: int, draw: np.random.Generator) -> list[int]:
    """A shortest walk to a goal, uniform over all of them.

    Args:
        place: where.
        paths: `shortest_paths` of its maze.
        goal: a vertex that can be reached.
        draw: decides between equals.
    """
    ports: list[int] = []
    vertex, head, distance = goal, place.head, paths.distance
    while vertex != place.start:
        before = distance[vertex] - 1
        back = [arc for arc in place.out[vertex] if distance[head[arc]] == before]
        if len(back) > 1:
            # Counts of paths may outgrow floats; their shares do not.
            shares = [paths.ways[head[arc]] / paths.ways[vertex] for arc in back]
            back = [back[_pick(list(accumulate(shares)), draw)]]
        vertex = head[back[0]]
        ports.append(place.reverse[back[0]] - place.out[vertex].start)
    return ports[::-1]


def backtracking(place: Place, goal: int, draw: np.random.Generator) -> list[int]:
    """A walk of one who does not know the way: depth first, doors in random order.

    It never enters a room that it has seen but to go back, and goes back where nothing is new, so
    that every wrong way is taken back; at most two steps for each other room.
    """
    seen, ports, stack = {place.start}, [], [place.begins]
    while True:
        vertex = place.head[stack[-1]]
        new = [arc for arc in place.out[vertex] if place.head[arc] not in seen]
        if new:
            arc = new[int(draw.integers(len(new)))]
            stack.append(arc)
            seen.add(place.head[arc])
        else:
            arc = place.reverse[stack.pop()]
        ports.append(arc - place.out[vertex].start)
        if place.head[arc] == goal:
            return ports


class Walker:
    """A base walker: rows [R] of a policy that is Markov in the arrival arc, drawn on the host."""

    def __init__(self, place: Place, rows: np.ndarray) -> None:
        self._place = place
        layout = rows_of(place.maze)
        self._rows = [list(accumulate(row)) for row in np.split(rows, layout.start[1:-1])]

    def walk(self, steps: int, draw: np.random.Generator) -> list[int]:
        """The ports of a walk that nothing ends."""
        place, arrival, ports = self._place, self._place.begins, []
        for _ in range(steps):
            ways = place.ways(arrival)
            by_chance = place.chance[place.head[arrival]]
            port = int(draw.integers(len(ways))) if by_chance else _pick(self._rows[arrival], draw)
            ports.append(port)
            arrival = ways[port]
        return ports


def hindsight(place: Place, ports: list[int]) -> tuple[int, list[int]]:
    """The room that a walk got to, and the walk until it was first there.

    That room is a goal that the walk did reach; a walk that ends where it began is cut by the steps
    after it was last elsewhere.
    """
    arrival, rooms = place.begins, [place.start]
    for port in ports:
        arrival = place.ways(arrival)[port]
        rooms.append(place.head[arrival])
    while rooms[-1] == place.start:
        rooms.pop()
    return rooms[-1], ports[: rooms.index(rooms[-1])]


def recorded(walks: Walks) -> list[tuple[int, list[int]]]:
    """Goal and ports of recorded walks that arrived: those of RL's own rollouts."""
    port, length = np.asarray(walks.port), np.asarray(walks.length)
    return [
        (int(goal), port[b, : length[b]].tolist())
        for b, goal in enumerate(np.asarray(walks.goal))
        if walks.reached[b]
    ]


def _pick(cumulative: list[float], draw: np.random.Generator) -> int:
    return min(bisect(cumulative, draw.random() * cumulative[-1]), len(cumulative) - 1)
