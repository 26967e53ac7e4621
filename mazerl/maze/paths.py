"""Shortest paths from the start, counted with exact integers; and what they say of dead ends."""

from typing import NamedTuple

import networkx as nx
import numpy as np

from mazerl.maze import Maze, to_networkx


class Paths(NamedTuple):
    """Shortest paths from the start, in plain Python: path counts outgrow every fixed width."""

    head: list[int]  # [A]
    out: list[range]  # [V] arcs out of each vertex
    distance: dict[int, int]  # by vertex that the start reaches
    ways: dict[int, int]  # number of shortest paths from the start


def shortest_paths(maze: Maze) -> Paths:
    """Distances from the start, and how many shortest paths lead to each vertex."""
    head, first_arc = np.asarray(maze.head).tolist(), np.asarray(maze.first_arc).tolist()
    degree = np.asarray(maze.degree).tolist()
    out = [range(first, first + ports) for first, ports in zip(first_arc, degree, strict=True)]
    start = int(maze.start)
    distance, count, order = {start: 0}, {start: 1}, [start]
    for u in order:
        for arc in out[u]:
            v = head[arc]
            if v not in distance:
                distance[v], count[v] = distance[u] + 1, 0
                order.append(v)
            if distance[v] == distance[u] + 1:
                count[v] += count[u]
    return Paths(head, out, distance, count)


def golden_flow(
    paths: Paths, reverse: list[int], start: int, goal: int
) -> tuple[dict[int, float], dict[int, float]]:
    """Probability that a uniform shortest path takes each of its arcs, and visits each vertex."""
    flow: dict[int, float] = {}
    through: dict[int, float] = {}
    layer = {goal: 1.0}
    while start not in layer:
        before: dict[int, float] = {}
        for v, mass in layer.items():
            for back in paths.out[v]:
                u = paths.head[back]
                if paths.distance[u] == paths.distance[v] - 1:
                    share = mass * (paths.ways[u] / paths.ways[v])
                    flow[reverse[back]] = share
                    before[u] = before.get(u, 0.0) + share
        through |= layer
        layer = before
    return flow, through | layer


class Retreat(NamedTuple):
    """What a walk has to undo that followed golden paths to the wrong goal; means over pairs."""

    depth: float  # steps back that no way round avoids
    turning: float  # mean chance a step that a uniform row turns forward again; 0 without a step
    cost: float  # nats: -log of the chance that uniform rows make these steps without turning


def retreat(maze: Maze) -> Retreat:
    """How deep the dead ends are that SFT on golden paths walks into, and how hard to leave.

    Between a wrong goal and the right one a walk must go back through every vertex that separates
    the former from both the latter and the start. SFT leaves the rows of moves back uniform and
    trains those forward, so that a walk that turns there is thrown to the dead end again: getting
    out takes about e^cost attempts. On a corridor the cost is K·log((L+1)²/L), the law of Thm 4.
    """
    paths, goals = shortest_paths(maze), np.asarray(maze.goals).tolist()
    graph: nx.Graph[int] = nx.Graph(to_networkx(maze))
    start, chance = int(maze.start), np.asarray(maze.chance)
    pairs = len(goals) * (len(goals) - 1)
    depth = turning = cost = 0.0
    for v in set(nx.articulation_points(graph)) - {start}:
        side = _sides(graph, v)
        here = sum(side.get(goal) == side[start] for goal in goals)
        # Wrong goals behind v, right goals before it.
        crossing = (len(goals) - here - (v in goals)) * here
        share = sum(paths.distance[paths.head[a]] < paths.distance[v] for a in paths.out[v]) / len(
            paths.out[v]
        )
        depth += crossing
        if not chance[v]:
            turning += crossing * (1 - share)
            cost -= crossing * float(np.log(share))
    # The last step into a dead end is undone as well, without a choice.
    first = 1.0 if depth else 0.0
    return Retreat(
        depth / max(pairs, 1) + first, turning / depth if depth else 0.0, cost / max(pairs, 1)
    )


def _sides(graph: "nx.Graph[int]", cut: int) -> dict[int, int]:
    """Which component each vertex is in when one is taken out."""
    rest = graph.subgraph(set(graph) - {cut})
    return {v: n for n, part in enumerate(nx.connected_components(rest)) for v in part}
