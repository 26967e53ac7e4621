"""Lattices: a ladder, a grid maze, a chain of rooms."""

import networkx as nx
import numpy as np

from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.topology.registry import Graph, register


@register
def ladder(length: int = 8) -> Graph:
    """Two rails joined by rungs, from one end to the other: no dead end anywhere.

    Args:
        length: rungs, at least 2.

    Returns:
        A graph with 2 · length vertices; the goals are both vertices of the last rung.
    """
    length = _at_least("length", length, 2)
    graph: Graph = nx.MultiGraph(nx.ladder_graph(length))
    for v, told in graph.nodes(data=True):
        told["pos"] = (v % length, v // length)
    graph.graph.update(start=0, goals=[length - 1, 2 * length - 1])
    return graph


@register
def grid(
    height: int = 5, width: int = 5, loops: float = 0.0, goals: int = 4, graph_seed: int = 0
) -> Graph:
    """A grid maze: a random spanning tree of a grid and a share of the walls it leaves.

    Args:
        height: rows, at least 2.
        width: columns, at least 2.
        loops: share of the remaining walls to take down, from 0 (a tree) to 1 (the whole grid).
        goals: number of goals, drawn among the vertices that are farthest from the start.
        graph_seed: the same seed gives the same maze.

    Returns:
        A graph with height · width vertices, named (row, column); it starts in a corner.
    """
    height, width = _at_least("height", height, 2), _at_least("width", width, 2)
    if not 0 <= loops <= 1:
        raise MazerlError(f"loops is {loops}; give a share from 0 to 1")
    generator = np.random.default_rng(require_seed("graph_seed", graph_seed))
    full = nx.grid_2d_graph(height, width)
    for edge in full.edges:
        full.edges[edge]["weight"] = generator.random()
    graph: Graph = nx.MultiGraph()
    graph.add_nodes_from(((row, column), {"pos": (column, -row)}) for row, column in full)
    kept = list(nx.minimum_spanning_edges(full, data=False))
    walls = sorted(set(map(frozenset, full.edges)) - set(map(frozenset, kept)), key=sorted)
    opened = generator.permutation(len(walls))[: round(loops * len(walls))]
    graph.add_edges_from(kept)
    graph.add_edges_from(tuple(sorted(walls[number])) for number in sorted(opened))
    return farthest_goals(graph, (0, 0), goals)


@register
def rooms(rooms: int = 4, size: int = 4) -> Graph:
    """A chain of cliques, each joined to the next by one door; the goal is in the last.

    Args:
        rooms: cliques, at least 2.
        size: vertices of each, at least 3.

    Returns:
        A graph with rooms · size vertices; the goals are all vertices of the last room but the
        one behind its door.
    """
    rooms, size = _at_least("rooms", rooms, 2), _at_least("size", size, 3)
    graph: Graph = nx.MultiGraph()
    for room in range(rooms):
        first = room * size
        graph.add_edges_from(nx.complete_graph(range(first, first + size)).edges)
        if room:
            graph.add_edge(first - 1, first)
    graph.graph.update(start=0, goals=list(range((rooms - 1) * size + 1, rooms * size)))
    return graph


def farthest_goals(graph: Graph, start: object, goals: int) -> Graph:
    """Start somewhere; goals are the vertices farthest from there, ties in the graph's order."""
    require_whole("goals", goals)
    if goals >= len(graph):
        raise MazerlError(
            f"{goals} goals in a graph of {len(graph)} vertices; give at most {len(graph) - 1}"
        )
    away = nx.single_source_shortest_path_length(graph, start)
    order = sorted((vertex for vertex in graph if vertex != start), key=lambda v: -away[v])
    graph.graph.update(start=start, goals=order[:goals])
    return graph


def _at_least(name: str, value: int, least: int) -> int:
    if require_whole(name, value) < least:
        raise MazerlError(f"{name} is {value}; give at least {least}")
    return value
