"""Long forced ways with a fork now and then, as in reasoning: caves, hops, any graph divided."""

import networkx as nx
import numpy as np

from mazerl.errors import MazerlError, require_number, require_seed, require_whole
from mazerl.topology.registry import Graph, register

_WIDEST = 8  # ports of a junction to which a loop may lead


@register
def hops(forks: int = 4, arms: int = 2, length: int = 2) -> Graph:
    """Forks in series: one arm of each leads to the next, the others are dead ends.

    A right choice at every fork is needed, and the next fork is seen only after it (category C of
    PASS@(k, T), arXiv 2604.14877). Forks are the policy's.

    Args:
        forks: number of forks, at least 1.
        arms: ways on from each fork, at least 2.
        length: edges of each arm, at least 1.

    Returns:
        A tree with 1 + forks · arms · length vertices; it starts at the first fork, 0, and its goal
        is the end of the last right arm.
    """
    require_whole("forks", forks)
    require_whole("arms", arms, 2)
    require_whole("length", length)
    graph: Graph = nx.MultiGraph(start=0)
    graph.add_node(0)
    here = 0
    for _ in range(forks):
        ends = [_dig(graph, here, length) for _ in range(arms)]
        here = ends[0]
    graph.graph["goals"] = [here]
    return graph


@register
def caves(
    junctions: int = 12, fewest: int = 3, most: int = 4, passage: int = 3, spine: int = 0,
    loops: float = 0.0, parallel: float = 0.0, decorative: float = 0.0, graph_seed: int = 0,
) -> Graph:  # fmt: skip
    """Junctions joined by passages of forced moves; all junctions and dead ends are goals.

    Args:
        junctions: number of junctions, at least 1.
        fewest: ways out of a junction at least, the way in counted, 3 or more.
        most: ways out at most, up to 8.
        passage: vertices of degree 2 in each passage, 0 or more.
        spine: passages in a row, with goals between, before the first junction.
        loops: share of passages to dead ends that lead to another junction instead.
        parallel: share of passages between junctions that are there twice, as two strategies.
        decorative: share of passages with a fork in the middle whose two arms rejoin.
        graph_seed: the same seed gives the same graph.

    Returns:
        A tree, but for loops, parallel passages and decorative forks; it starts at 0.
    """
    require_whole("junctions", junctions)
    if not 3 <= require_whole("fewest", fewest) <= require_whole("most", most) <= _WIDEST:
        raise MazerlError(
            f"fewest is {fewest} and most {most}; give 3 <= fewest <= most <= {_WIDEST}"
        )
    require_whole("passage", passage, 0)
    require_whole("spine", spine, 0)
    for name, share in (("loops", loops), ("parallel", parallel), ("decorative", decorative)):
        require_number(name, share, 0.0, 1.0)
    draw = np.random.default_rng(require_seed("graph_seed", graph_seed))
    graph: Graph = nx.MultiGraph(start=0)
    graph.add_node(0)
    goals, first = [], 0
    for _ in range(spine):
        first = _dig(graph, first, passage + 1)
        goals.append(first)
    known, slots, here = [first], _ways(graph, first, draw, fewest, most), 0
    while slots:
        here = slots.pop(0)
        open_ends = [j for j in known if j != here and graph.degree(j) < _WIDEST]
        if len(known) < junctions:
            end = _dig(graph, here, passage + 1, draw.random() < decorative)
            if draw.random() < parallel:
                _join(graph, here, end, passage)
            known.append(end)
            slots += _ways(graph, end, draw, fewest, most)
        elif open_ends and draw.random() < loops:
            _join(graph, here, open_ends[int(draw.integers(len(open_ends)))], passage)
            continue
        else:
            end = _dig(graph, here, passage + 1, draw.random() < decorative)
        goals.append(end)
    graph.graph["goals"] = sorted(set(goals))
    return graph


def subdivide(graph: Graph, passage: int) -> Graph:
    """The same graph with every edge a passage of so many vertices of degree 2.

    Start, goals and chance vertices stay what they are; new vertices are named
    ("passage", edge, place).

    Raises:
        MazerlError: `passage` is no whole number of 0 or more.
    """
    require_whole("passage", passage, 0)
    found: Graph = nx.MultiGraph(**graph.graph)
    found.add_nodes_from(graph.nodes(data=True))
    for number, (near, far) in enumerate(graph.edges()):
        inside = [("passage", number, place) for place in range(passage)]
        nx.add_path(found, [near, *inside, far])
    return found


def _ways(
    graph: Graph, junction: int, draw: np.random.Generator, fewest: int, most: int
) -> list[int]:
    """The junction, once for each way that is still to be dug from it."""
    ways = int(draw.integers(fewest, most + 1))
    return [junction] * max(ways - graph.degree(junction), 1)


def _dig(graph: Graph, begin: int, length: int, forked: bool = False) -> int:
    """A new way of `length` edges; where it leads to. In the middle, a fork that rejoins."""
    way = [begin, *range(len(graph), len(graph) + length)]
    nx.add_path(graph, way)
    if forked and length >= 3:
        middle = (length - 1) // 2
        other = len(graph)
        nx.add_path(graph, [way[middle], other, way[middle + 2]])
    return way[-1]


def _join(graph: Graph, near: int, far: int, passage: int) -> None:
    """A new passage between two vertices."""
    nx.add_path(graph, [near, *range(len(graph), len(graph) + passage), far])
