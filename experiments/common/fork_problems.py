"""Problems of forks in series, each a maze of its own, and demonstrations of their solution."""

from typing import NamedTuple

import networkx as nx
import numpy as np

from mazerl import Maze, compile_maze
from mazerl.walk.corpora import golden_walks
from mazerl.walk.rollouts import Walks

DISTANCE = 8
"""Steps of the shortest way, in all problems."""


class Category(NamedTuple):
    """What the problems of a category are drawn from."""

    forks: tuple[int, int]  # fewest and most in series
    depth: tuple[int, int]  # of wrong arms, fewest and most edges
    arms: tuple[int, int] = (2, 3)  # ways on from a fork, one of them right


CATEGORIES = {
    "A": Category((1, 1), (13, 28)),
    "B": Category((4, 6), (1, 1)),
    "C": Category((4, 6), (13, 16)),
}
"""A: one decision. B: many, but a wrong arm ends at once. C: many, and the way out of a wrong arm
is to turn round in it: to its end and back takes 26 steps and more."""

_Fork = tuple[int, ...]  # number of the right arm, then the depth of each arm


def draw_problems(category: str, count: int, seed: int) -> list[Maze]:
    """Mazes of forks, arms, depths and an order of ports drawn for each; no two are alike."""
    draw = np.random.default_rng([seed, ord(category)])
    drawn: dict[tuple[_Fork, ...], None] = {}
    while len(drawn) < count:
        drawn[_draw(CATEGORIES[category], draw)] = None
    return [_dig(forks) for forks in drawn]


def _draw(category: Category, draw: np.random.Generator) -> tuple[_Fork, ...]:
    def one_of(ends: tuple[int, int]) -> int:
        return int(draw.integers(ends[0], ends[1] + 1))

    forks = []
    for _ in range(one_of(category.forks)):
        depth = [one_of(category.depth) for _ in range(one_of(category.arms))]
        right = int(draw.integers(len(depth)))
        depth[right] = 1
        forks.append((right, *depth))
    return tuple(forks)


def _dig(forks: tuple[_Fork, ...]) -> Maze:
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0)

    def dig(begin: int, length: int) -> int:
        new = max(len(graph), 1)
        way = [begin, *range(new, new + length)]
        nx.add_path(graph, way)
        return way[-1]

    here = dig(0, DISTANCE - len(forks))
    for right, *arms in forks:
        ends = [dig(here, depth) for depth in arms]
        here = ends[right]
    graph.graph["goals"] = [here]
    return compile_maze(graph)


def with_retreats(maze: Maze, count: int, seed: int) -> Walks:
    """Golden walks that look into every wrong arm before them with probability ½ and turn round."""
    draw, golden = np.random.default_rng(seed), golden_walks(maze, 1, seed)
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    first, degree = np.asarray(maze.first_arc), np.asarray(maze.degree)
    right = golden.arc[0, 1:].tolist()
    shown = []
    for _ in range(count):
        walk: list[int] = []
        for step, arc in enumerate(right):
            here = int(head[reverse[arc]])
            came = int(reverse[right[step - 1]]) if step else -1
            ways = [a for a in range(first[here], first[here] + degree[here])
                    if a not in (arc, came)]  # fmt: skip
            for way in draw.permutation(ways):
                if draw.random() < 0.5:
                    walk += [int(way), int(reverse[way])]
            walk.append(arc)
        shown.append(walk)
    longest = max(map(len, shown))
    arcs = np.full((count, longest + 1), maze.num_arcs, np.int32)
    ports = np.zeros((count, longest), np.int32)
    for b, walk in enumerate(shown):
        arcs[b, 1 : len(walk) + 1] = walk
        arcs[b, len(walk) + 1 :] = walk[-1]
        ports[b, : len(walk)] = walk - first[head[reverse[walk]]]
    arrived = np.ones(count, bool)
    goal = np.repeat(golden.goal, count)
    length = np.array([len(walk) for walk in shown], np.int32)
    return Walks(arcs, ports, goal, length, arrived, ~arrived)
