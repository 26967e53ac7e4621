"""Builders: parameters → `networkx.MultiGraph`, and the registry that the command line reads.

A builder is a plain function with keyword parameters. It returns a `MultiGraph` with
`graph["start"]`, `graph["goals"]` and, where the environment moves, vertices marked `chance=True`.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import numpy as np

from mazerl.errors import MazerlError, require_whole

# networkx is generic for type checkers only.
if TYPE_CHECKING:
    Graph = nx.MultiGraph[Any]
else:
    Graph = nx.MultiGraph

Builder = Callable[..., Graph]

TOPOLOGIES: dict[str, Builder] = {}


def register(builder: Builder) -> Builder:
    """Make a builder a topology everywhere, under its function name. Usable as a decorator."""
    name = builder.__name__
    if TOPOLOGIES.get(name, builder) is not builder:
        raise MazerlError(f"topology {name!r} is registered already; rename one of the builders")
    TOPOLOGIES[name] = builder
    return builder


def build(name: str, /, **parameters: Any) -> Graph:
    """Build a registered topology.

    Raises:
        MazerlError: the name is not registered (the message lists the known ones), a parameter is
            unknown, or the builder refuses a value.
    """
    if name not in TOPOLOGIES:
        raise MazerlError(f"unknown topology {name!r}; known: {', '.join(sorted(TOPOLOGIES))}")
    try:
        return TOPOLOGIES[name](**parameters)
    except TypeError as error:
        raise MazerlError(f"topology {name!r}: {error}; see `mazerl topologies`") from error


def shuffled(graph: Graph, seed: int) -> Graph:
    """The same graph with its vertices and edges listed in random order.

    Compiling numbers vertices, arcs and ports in the order of the list. In most builders' order,
    ports that lead onward come first; after this a port's number says nothing.
    """
    generator = np.random.default_rng(seed)
    mixed: Graph = nx.MultiGraph(**graph.graph)
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges(data=True))
    mixed.add_nodes_from(nodes[i] for i in generator.permutation(len(nodes)))
    mixed.add_edges_from(edges[i] for i in generator.permutation(len(edges)))
    return mixed


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
    with _no_garbage_collection():
        graph.add_edges_from(edges())
    if fork == "chance":
        graph.nodes[0]["chance"] = True
    return graph


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the cycle collector: a million edges are a million dicts, and no garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
