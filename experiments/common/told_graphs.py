"""Graphs told in a prompt: shapes with names drawn at random, and demonstrations in them.

Shapes are trees with a start and a goal. Of path-stars there is one shape, so that a labelled
graph, its set of edges as names, is for training or for the test, in whatever order its edges are
told and whatever its goal is. Of trees whole classes of isomorphic graphs are for the test.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import networkx as nx
import numpy as np

from mazerl import Maze, build, compile_maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze import to_networkx
from mazerl.maze.told import Told, tell
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph
from mazerl.walk.rollouts import Walks

TEST_SHARE = 4
"""One labelled graph in so many is for the test."""

Side = Literal["training", "test"]


class Drawn(NamedTuple):
    """Graphs with names, and what they are copies of."""

    world: Told
    mazes: list[Maze]  # M
    names: np.ndarray  # [M, n]
    order: np.ndarray  # [M, E]


def path_star(arms: int, length: int) -> Maze:
    """A path-star whose start is its fork, and whose goal is the end of its first arm."""
    graph = build("path_star", arms=arms, length=length, fork="learned")
    graph.graph["goals"] = [length]
    return compile_maze(graph)


def small_trees(vertices: int, side: Side) -> list[Maze]:
    """All trees of a side, from every vertex that is no leaf to every leaf.

    A tree is for the test if its number, in the order of `networkx`, is.
    """
    shapes = []
    trees: Iterable[Any] = nx.nonisomorphic_trees(vertices)  # graphs, whatever the stubs say
    for number, tree in enumerate(trees):
        if (number % TEST_SHARE == TEST_SHARE // 2) != (side == "test"):
            continue
        leaves = [v for v in tree if tree.degree(v) == 1]
        for start in set(tree) - set(leaves):
            for goal in leaves:
                graph: Graph = nx.MultiGraph(tree)
                graph.graph.update(start=start, goals=[goal])
                shapes.append(compile_maze(graph))
    return shapes


def draw_graphs(
    shapes: Sequence[Maze], number: int, num_names: int, seed: int, side: Side | None = None
) -> Drawn:
    """Graphs of random shapes with random names, their edges told in random orders.

    With a side only labelled graphs that are of it.
    """
    generator = np.random.default_rng(seed)
    vertices, edges = shapes[0].num_vertices, shapes[0].num_arcs // 2
    ends = np.stack([_edges(shape) for shape in shapes])  # [K, E, 2]
    shape, names = np.zeros(0, int), np.zeros((0, vertices), int)
    while len(shape) < number:
        more = generator.integers(len(shapes), size=number)
        called = generator.permuted(np.tile(np.arange(num_names), (number, 1)), axis=1)
        called = called[:, :vertices]
        labelled = np.take_along_axis(called, ends[more].reshape(number, -1), 1)
        kept = np.ones(number, bool)
        if side:
            kept = is_test(labelled.reshape(number, edges, 2), num_names) == (side == "test")
        shape, names = np.append(shape, more[kept]), np.concatenate([names, called[kept]])
    order = generator.permuted(np.tile(np.arange(edges), (number, 1)), axis=1)
    mazes = [shapes[s] for s in shape[:number]]
    return Drawn(tell(mazes, names[:number], order, num_names), mazes, names[:number], order)


def is_test(labelled: np.ndarray, num_names: int) -> np.ndarray:
    """Of edges [M, E, 2] as names, whether the graph is for the test [M]."""
    table = np.random.default_rng(0).integers(2**32, size=(num_names, num_names), dtype=np.uint64)
    low, high = labelled.min(2), labelled.max(2)
    return table[low, high].sum(1) // 2**8 % TEST_SHARE == 0


def some_of(drawn: Drawn, number: int) -> Drawn:
    """The first graphs alone."""
    mazes, names, order = drawn.mazes[:number], drawn.names[:number], drawn.order[:number]
    return Drawn(tell(mazes, names, order, drawn.world.num_ports), mazes, names, order)


def told_other_edges(drawn: Drawn) -> Told:
    """Every vertex but start and goal is told by the name of another: a reader is led astray."""
    names = np.array(drawn.names)
    for maze, own in zip(drawn.mazes, names, strict=True):
        ends = (int(maze.start), int(maze.goals[0]))
        others = [v for v in range(maze.num_vertices) if v not in ends]
        own[others] = np.roll(own[others], 1)
    told = tell(drawn.mazes, names, drawn.order, drawn.world.num_ports)
    return replace(drawn.world, edges=told.edges)


def told_goals(drawn: Drawn, false: bool, seed: int) -> Told:
    """Told as the goal is a leaf at random, or one at random that is `false`."""
    generator, told = np.random.default_rng(seed), np.array(drawn.world.told_goal)
    for m, maze in enumerate(drawn.mazes):
        leaves = np.flatnonzero(np.asarray(maze.degree) == 1)
        if false:
            leaves = leaves[leaves != int(maze.goals[0])]
        told[m] = drawn.names[m, generator.choice(leaves)]
    return replace(drawn.world, told_goal=told)


def _edges(maze: Maze) -> np.ndarray:
    """Ends [E, 2] of a maze's edges, sorted."""
    head = np.asarray(maze.head)
    tail = head[np.asarray(maze.reverse)]
    return np.stack([tail, head], 1)[tail < head]


def golden_path(maze: Maze) -> list[int]:
    """The one simple way, start first."""
    graph = to_networkx(maze)
    path: list[int] = nx.shortest_path(graph, int(maze.start), int(maze.goals[0]))
    return path


def guess_of(maze: Maze) -> float:
    """P(straight to the goal) of who never turns round, and else chooses at random."""
    path, degree = golden_path(maze), np.asarray(maze.degree)
    ways = [int(degree[path[0]]), *(int(degree[v]) - 1 for v in path[1:-1])]
    return float(1 / np.prod(ways))


def chance_of(maze: Maze, limit: int) -> float:
    """P(arrive within a limit) of a uniform random walk, exactly."""
    rows = rows_of(maze)
    return float(arrival_law(maze, 1 / np.diff(rows.start)[rows.arrival], limit).sum())


def depth_first(maze: Maze, generator: np.random.Generator) -> list[int]:
    """A depth-first search's walk: ways on in a random order, back where there is none."""
    head, first, degree = (np.asarray(x) for x in (maze.head, maze.first_arc, maze.degree))
    goal = int(maze.goals[0])
    trail, walked, seen = [int(maze.start)], [int(maze.start)], {int(maze.start)}
    while walked[-1] != goal:
        v = trail[-1]
        fresh = [w for w in head[first[v] : first[v] + degree[v]].tolist() if w not in seen]
        if fresh:
            trail.append(fresh[int(generator.integers(len(fresh)))])
            seen.add(trail[-1])
        else:
            trail.pop()
        walked.append(trail[-1])
    return walked


def walks_of(drawn: Drawn, paths: Sequence[Sequence[int]], limit: int) -> Walks:
    """Walks of one path a graph, of vertices of its maze, cut after `limit` steps."""
    world, number = drawn.world, len(paths)
    names, own = world.num_ports, world.own_arcs
    length = np.array([min(len(path) - 1, limit) for path in paths])
    arc, port = np.zeros((number, limit + 1), np.int32), np.zeros((number, limit), np.int32)
    for m, path in enumerate(paths):
        arc[m] = world.num_arcs + m
        for t in range(length[m]):
            port[m, t] = drawn.names[m, path[t + 1]]
            arc[m, t + 1 :] = m * own + path[t] * names + port[m, t]
    reached = np.array([len(path) - 1 for path in paths]) <= limit
    return Walks(arc, port, np.asarray(world.goals), length, reached, ~reached)
