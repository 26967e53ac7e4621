"""Graphs told in a prompt: shapes with names drawn at random, and demonstrations in them.

Shapes are trees with a start and a goal. A labelled graph, that is its set of edges as names, is
for training or for the test, in whatever order its edges are told and whatever its goal is.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import networkx as nx
import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.maze import to_networkx
from mazerl.maze.told import Told, tell
from mazerl.walk.rollouts import Walks

TEST_SHARE = 4
"""One labelled graph in so many is for the test."""

Side = Literal["training", "test"]


class Drawn(NamedTuple):
    """Graphs with names, and what they are copies of."""

    world: Told
    shape: np.ndarray  # [M] number of the shape
    names: np.ndarray  # [M, n]
    order: np.ndarray  # [M, E]


def path_stars(arms: int, length: int) -> tuple[Maze, ...]:
    """The one shape of a path-star whose goal is the end of an arm, with a start that moves."""
    maze = compile_maze(build("path_star", arms=arms, length=length, fork="learned"))
    graph = to_networkx(maze)
    graph.graph["goals"] = [length]
    return (compile_maze(graph),)


def draw_graphs(
    shapes: Sequence[Maze], number: int, num_names: int, side: Side, seed: int
) -> Drawn:
    """Graphs of random shapes with random names, their edges told in random orders."""
    generator = np.random.default_rng(seed)
    vertices, edges = shapes[0].num_vertices, shapes[0].num_arcs // 2
    ends = np.stack([_edges(shape) for shape in shapes])  # [K, E, 2]
    shape, names = np.zeros(0, int), np.zeros((0, vertices), int)
    while len(shape) < number:
        more = generator.integers(len(shapes), size=number)
        called = generator.permuted(np.tile(np.arange(num_names), (number, 1)), axis=1)
        called = called[:, :vertices]
        labelled = np.take_along_axis(called[:, None], ends[more].reshape(number, 1, -1), 2)
        kept = (is_test(labelled.reshape(number, edges, 2), num_names)) == (side == "test")
        shape, names = np.append(shape, more[kept]), np.concatenate([names, called[kept]])
    shape, names = shape[:number], names[:number]
    order = generator.permuted(np.tile(np.arange(edges), (number, 1)), axis=1)
    world = tell([shapes[s] for s in shape], names, order, num_names)
    return Drawn(world, shape, names, order)


def is_test(labelled: np.ndarray, num_names: int) -> np.ndarray:
    """Of edges [M, E, 2] as names, whether the graph is for the test [M]."""
    table = np.random.default_rng(0).integers(2**32, size=(num_names, num_names), dtype=np.uint64)
    low, high = labelled.min(2), labelled.max(2)
    return table[low, high].sum(1) // 2**8 % TEST_SHARE == 0


def _edges(maze: Maze) -> np.ndarray:
    """Ends [E, 2] of a maze's edges, sorted."""
    head = np.asarray(maze.head)
    tail = head[np.asarray(maze.reverse)]
    return np.stack([tail, head], 1)[tail < head]


def neighbours(maze: Maze) -> list[list[int]]:
    """Of every vertex."""
    head, first, degree = (np.asarray(x) for x in (maze.head, maze.first_arc, maze.degree))
    return [head[a : a + d].tolist() for a, d in zip(first, degree, strict=True)]


def golden(maze: Maze, generator: np.random.Generator) -> list[int]:
    """The shortest way, start first."""
    del generator
    return list(nx.shortest_path(to_networkx(maze), int(maze.start), int(maze.goals[0])))


def depth_first(maze: Maze, generator: np.random.Generator) -> list[int]:
    """A depth-first search's walk: children in a random order, back where all have been seen."""
    near, goal = neighbours(maze), int(maze.goals[0])
    trail, walked, seen = [int(maze.start)], [int(maze.start)], {int(maze.start)}
    while walked[-1] != goal:
        fresh = [v for v in near[trail[-1]] if v not in seen]
        if fresh:
            trail.append(fresh[int(generator.integers(len(fresh)))])
            seen.add(trail[-1])
        else:
            trail.pop()
        walked.append(trail[-1])
    return walked


def walks_of(drawn: Drawn, paths: Sequence[Sequence[int]], limit: int) -> Walks:
    """Walks of one path a graph, of vertices of its shape, cut after `limit` steps."""
    world, number = drawn.world, len(paths)
    arc = np.zeros((number, limit + 1), np.int32)
    port = np.zeros((number, limit), np.int32)
    length = np.array([min(len(path) - 1, limit) for path in paths])
    reached = np.array([len(path) - 1 <= limit for path in paths])
    names, own = world.num_ports, world.own_arcs
    for m, path in enumerate(paths):
        arc[m, 0], last = world.num_arcs + m, world.num_arcs + m
        for t in range(limit):
            if t < length[m]:
                port[m, t] = drawn.names[m, path[t + 1]]
                last = m * own + path[t] * names + port[m, t]
            arc[m, t + 1] = last
    return Walks(arc, port, np.asarray(world.goals), length, reached, ~reached)
