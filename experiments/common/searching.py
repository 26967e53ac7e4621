"""Search that never repeats an arc, exactly: a chain over arrivals and the arcs of a round.

Where the policy moves, `policy.search.no_repeat` allows the arcs out of a vertex that were taken
least often. Counts at a vertex therefore never differ by more than one, and which arcs of it were
taken since all were is all that there is to remember.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from mazerl import Maze
from mazerl.policy.rows import rows_of


class Searched(NamedTuple):
    """The expected time of a search, from below."""

    time: float  # steps of the walks that were followed
    lost: float  # probability of those that were not, being too rare


def search_time(
    maze: Maze, probabilities: np.ndarray, goal: int, least: float = 1e-9, rest: float = 1e-7
) -> Searched:
    """Expected steps of no-repeat search over a policy's rows [R] to one goal.

    Where all that is allowed has probability 0, it is taken uniformly, as by finite logits that
    are alike.

    Args:
        maze: what is searched.
        probabilities: of the policy.
        goal: its vertex.
        least: states of less than this probability at a step are not followed.
        rest: it ends when no more than this is still walking.
    """
    rows = rows_of(maze)
    p, start = probabilities.tolist(), rows.start.tolist()
    head, first = np.asarray(maze.head).tolist(), np.asarray(maze.first_arc).tolist()
    degree, chance = np.asarray(maze.degree).tolist(), np.asarray(maze.chance).tolist()
    vertex = [*head, int(maze.start)]
    out_of = [((1 << degree[v]) - 1) << first[v] for v in range(maze.num_vertices)]

    @cache
    def onward(arrival: int, round_here: int) -> tuple[tuple[int, float, int], ...]:
        """Arcs taken with their chances, and what the round at this vertex is after each."""
        v = vertex[arrival]
        arcs = range(first[v], first[v] + degree[v])
        if chance[v]:
            return tuple((arc, 1 / degree[v], 0) for arc in arcs)
        allowed = [arc for arc in arcs if not round_here >> arc & 1]
        weight = [p[start[arrival] + arc - first[v]] for arc in allowed]
        total = sum(weight)
        share = [w / total for w in weight] if total > 0 else [1 / len(allowed)] * len(allowed)
        return tuple(
            (arc, s, 0 if len(allowed) == 1 else round_here | 1 << arc)
            for arc, s in zip(allowed, share, strict=True)
            if s > 0
        )

    now, left, time, lost = {(maze.num_arcs, 0): 1.0}, 1.0, 0.0, 0.0
    while left > rest:
        time += left
        after: dict[tuple[int, int], float] = {}
        for (arrival, taken), mass in now.items():
            here = taken & out_of[vertex[arrival]]
            for arc, share, round_after in onward(arrival, here):
                if head[arc] == goal:
                    continue
                if mass * share < least:
                    lost += mass * share
                    continue
                key = (arc, taken ^ here | round_after)
                after[key] = after.get(key, 0.0) + mass * share
        now, left = after, sum(after.values())
    return Searched(time, lost + left)
