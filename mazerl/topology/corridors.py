"""Corridors: branches of diamonds on one fork."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

import networkx as nx

from mazerl.errors import MazerlError, require_whole
from mazerl.topology.registry import Graph, register


@register
def corridor(
    width: int = 4,
    depth: int = 4,
    lanes: int = 3,
    fork: Literal["chance", "learned"] = "chance",
) -> Graph:
    """Branches of diamonds on one fork; the goal is one of the leaves (Wei & Kim 2026, §2).

    Each of the `width` branches is fork ─ left₀ ≡ right₀ ─ left₁ ≡ … ≡ right_{depth-1} ─ leaf,
    where ≡ is `lanes` parallel edges. Vertex 0 is the fork; branch w occupies the vertices from
    1 + w(2·depth + 1) on, in the order left₀, right₀, left₁, …, leaf.

    Args:
        width: number of branches W, at least 1.
        depth: diamonds per branch K, at least 1.
        lanes: parallel edges per diamond L, at least 1.
        fork: who moves there: "chance" (the environment, uniformly) or "learned" (the policy).

    Returns:
        A multigraph with 1 + W(2K+1) vertices and W(K+1+KL) edges.
    """
    width, depth = require_whole("width", width), require_whole("depth", depth)
    lanes = require_whole("lanes", lanes)
    return _branches([(depth, lanes)] * width, fork)


@register
def asymmetric_corridor(
    depths: tuple[int, ...] = (2, 4, 6),
    lanes: tuple[int, ...] = (3,),
    fork: Literal["chance", "learned"] = "chance",
) -> Graph:
    """A corridor whose branches differ (Wei & Kim 2026, the robustness check).

    Vertices are numbered as in `corridor`, branch after branch.

    Args:
        depths: diamonds of each branch, each at least 1.
        lanes: parallel edges per diamond of each branch, each at least 1; one number for all.
        fork: who moves there: "chance" (the environment, uniformly) or "learned" (the policy).

    Returns:
        A multigraph with one leaf, and goal, a branch.
    """
    depths = tuple(require_whole("a depth", depth) for depth in depths)
    lanes = tuple(require_whole("lanes", number) for number in lanes)
    if not depths or len(lanes) not in (1, len(depths)):
        raise MazerlError(
            f"{len(lanes)} lanes for {len(depths)} depths; give a depth or more, and lanes for each"
        )
    wide = lanes * len(depths) if len(lanes) == 1 else lanes
    return _branches(list(zip(depths, wide, strict=True)), fork)


def _branches(branches: list[tuple[int, int]], fork: str) -> Graph:
    """Branches of (depth, lanes) on one fork."""
    if fork not in ("chance", "learned"):
        raise MazerlError(f"fork is {fork!r}; give 'chance' or 'learned'")
    ends = list(accumulate(2 * depth + 1 for depth, _ in branches))

    def edges() -> Iterator[tuple[int, int]]:
        left = 1
        for depth, lanes in branches:
            arrived = 0
            for _ in range(depth):
                yield arrived, left
                arrived = left + 1
                for _ in range(lanes):
                    yield left, arrived
                left += 2
            yield arrived, left
            left += 1

    graph: Graph = nx.MultiGraph(start=0, goals=ends)
    graph.add_nodes_from(range(1 + ends[-1]))
    graph.add_edges_from(edges())
    if fork == "chance":
        graph.nodes[0]["chance"] = True
    return graph
