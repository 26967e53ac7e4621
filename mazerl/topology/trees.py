"""Trees: every leaf is a goal, and every leaf that is not the episode's goal a dead end."""

from typing import Literal

import networkx as nx

from mazerl.errors import MazerlError, require_whole
from mazerl.topology.registry import Graph, register


@register
def path_star(
    arms: int = 4, length: int = 4, fork: Literal["chance", "learned"] = "chance"
) -> Graph:
    """Paths on one fork, without lanes; the goal is one of their ends.

    Args:
        arms: number of paths, at least 1.
        length: edges of each path, at least 1.
        fork: who moves at the fork: "chance" (the environment, uniformly) or "learned" (the
            policy).

    Returns:
        A tree with 1 + arms · length vertices; 0 is the fork.
    """
    arms, length = require_whole("arms", arms), require_whole("length", length)
    ends = [1 + arm * length + length - 1 for arm in range(arms)]
    graph: Graph = nx.MultiGraph(start=0, goals=ends)
    graph.add_nodes_from(range(1 + arms * length))
    for arm in range(arms):
        nx.add_path(graph, [0, *range(1 + arm * length, 1 + (arm + 1) * length)])
    return _fork(graph, fork)


@register
def tree(
    branching: int = 2, depth: int = 4, fork: Literal["chance", "learned"] = "chance"
) -> Graph:
    """A tree whose leaves are the goals: one is the episode's, the others are dead ends.

    Args:
        branching: children of each vertex, at least 1.
        depth: edges from the root to a leaf, at least 1.
        fork: who moves at the root: "chance" (the environment, uniformly) or "learned" (the
            policy). The policy moves everywhere else.

    Returns:
        A tree of branching^depth leaves; 0 is the root.
    """
    branching, depth = require_whole("branching", branching), require_whole("depth", depth)
    graph: Graph = nx.MultiGraph(nx.balanced_tree(branching, depth))
    leaves = branching**depth
    graph.graph.update(start=0, goals=list(range(len(graph) - leaves, len(graph))))
    return _fork(graph, fork)


def _fork(graph: Graph, fork: str) -> Graph:
    """Say who moves at vertex 0."""
    if fork not in ("chance", "learned"):
        raise MazerlError(f"fork is {fork!r}; give 'chance' or 'learned'")
    if fork == "chance":
        graph.nodes[0]["chance"] = True
    return graph
