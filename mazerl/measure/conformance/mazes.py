"""The mazes of the probes: each isolates what it is asked about.

Wherever ports would differ in number the environment moves, so that no action wastes a step and
policies that cannot mask ports have the same chain as those that can.
"""

import networkx as nx

from mazerl.topology import Graph


def lanes() -> Graph:
    """By either lane to the middle, where chance goes on or back: no policy changes a value."""
    return _graph(("start", "middle", 2), ("middle", "goal", 2), chance="middle")


def fork() -> Graph:
    """To the goal, or into a dead end from which the environment goes back."""
    return _graph(("start", "goal", 1), ("start", "end", 1), chance="end")


def _graph(*edges: tuple[str, str, int], chance: str) -> Graph:
    graph: Graph = nx.MultiGraph(start="start", goals=["goal"])
    for tail, head, lanes in edges:
        graph.add_edges_from([(tail, head)] * lanes)
    graph.nodes[chance]["chance"] = True
    return graph
