"""Graphs compiled to mazes: checked once, before any computation; and back again."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import fields, replace
from itertools import chain
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from mazerl.errors import MazerlError, require_seed
from mazerl.maze.world import Maze, World
from mazerl.topology import Graph


def compile_maze(graph: Graph) -> Maze:
    """Compile a graph to a `Maze`.

    The ports of v are its edges in the order of `graph.edges()`: first those to later vertices,
    then those to earlier ones.

    Args:
        graph: undirected, with `graph.graph["start"]`, `graph.graph["goals"]` and optionally
            vertices marked `chance=True`.

    Raises:
        MazerlError: (a ValueError, naming the vertex) the graph is empty, directed or has a
            self-loop; no start, an unknown start, a start with no way out; no goals, an unknown or
            repeated goal, the start among the goals, a goal that no walk can reach, a vertex
            without an edge.
    """
    if graph.is_directed():
        raise MazerlError("the graph is directed; give an undirected one (mazes allow turning)")
    if len(graph) == 0:
        raise MazerlError("the graph is empty; add vertices and edges")
    index = {name: number for number, name in enumerate(graph)}
    start = _known_vertex(graph.graph.get("start"), "start", index)
    goals = _goals(graph, start, index)
    near, far = _ends(graph, index)
    tail, head, first_arc, degree, reverse = arcs_of(near, far, len(graph))
    if degree[start] == 0:
        raise MazerlError(f"start {_name(graph, start)} has no way out; add an edge to it")
    _require_reachable(graph, start, goals, tail, head)
    if not degree.all():
        alone = _name(graph, int(degree.argmin()))
        raise MazerlError(f"vertex {alone} has no edge; connect it or take it out")

    chance = np.fromiter((bool(c) for _, c in graph.nodes(data="chance")), bool, len(graph))
    decided = degree[~chance]
    return Maze(
        head=head,
        reverse=reverse,
        first_arc=first_arc,
        degree=degree,
        chance=chance,
        start=np.int32(start),
        goals=goals,
        ports=np.arange(decided.max(initial=1), dtype=np.int32),
    )


def to_networkx(maze: Maze, names: Sequence[Hashable] | None = None) -> Graph:
    """The graph of a maze; compiling it again gives the same maze.

    Args:
        maze: a compiled maze.
        names: [V] vertex names, such as `list(graph)` of the graph it was compiled from;
            0 … V-1 by default.
    """
    name = list(range(maze.num_vertices)) if names is None else list(names)
    if len(name) != maze.num_vertices:
        raise MazerlError(f"{len(name)} names for {maze.num_vertices} vertices; give one for each")
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    tail = head[reverse]
    graph: Graph = nx.MultiGraph(
        start=name[int(maze.start)], goals=[name[g] for g in np.asarray(maze.goals)]
    )
    graph.add_nodes_from(name)
    for v in np.flatnonzero(np.asarray(maze.chance)):
        graph.nodes[name[v]]["chance"] = True
    outward = np.flatnonzero(tail < head)
    graph.add_edges_from((name[tail[a]], name[head[a]]) for a in outward)
    return graph


def fingerprint(maze: World) -> str:
    """sha256 of a world's arrays, the same exactly if every walk on it is."""
    hashed = hashlib.sha256()
    for field in fields(maze):
        array = np.ascontiguousarray(getattr(maze, field.name))
        hashed.update(f"{field.name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return hashed.hexdigest()


def scramble_ports(maze: Maze, seed: int) -> Maze:
    """The same maze with the ports of every vertex in a random order of its own.

    Which turn leads where then differs from vertex to vertex.
    """
    generator = np.random.default_rng(require_seed("seed", seed))
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    # Sorted by tail and then at random: position n holds the arc that becomes number n.
    old = np.lexsort((generator.random(maze.num_arcs), head[reverse])).astype(np.int32)
    new = np.empty_like(old)
    new[old] = np.arange(maze.num_arcs, dtype=np.int32)
    return replace(maze, head=head[old], reverse=new[reverse[old]])


def _name(graph: Graph, vertex: int) -> str:
    return repr(list(graph)[vertex])


def _known_vertex(name: Any, role: str, index: dict[Any, int]) -> int:
    if name is None:
        raise MazerlError(f'the graph has no {role}; set graph.graph["{role}"]')
    try:
        return index[name]
    except (KeyError, TypeError):
        raise MazerlError(
            f"{role} {name!r} is not a vertex of the graph; name one of its {len(index)} vertices"
        ) from None


def _goals(graph: Graph, start: int, index: dict[Any, int]) -> np.ndarray:
    names = graph.graph.get("goals")
    if names is None or isinstance(names, str) or not hasattr(names, "__iter__"):
        raise MazerlError('the graph has no list of goals; set graph.graph["goals"]')
    goals = [_known_vertex(name, "goal", index) for name in names]
    if not goals:
        raise MazerlError('the list of goals is empty; put a vertex into graph.graph["goals"]')
    if len(set(goals)) < len(goals):
        twice = next(g for g in goals if goals.count(g) > 1)
        raise MazerlError(f"goal {_name(graph, twice)} is listed twice; list each goal once")
    if start in goals:
        raise MazerlError(f"start {_name(graph, start)} is among the goals; take it out")
    return np.asarray(goals, np.int32)


class Arcs(NamedTuple):
    """Both directions of every edge, sorted by tail; what `Maze` has under the same names."""

    tail: np.ndarray  # [A]
    head: np.ndarray  # [A]
    first_arc: np.ndarray  # [V]
    degree: np.ndarray  # [V]
    reverse: np.ndarray  # [A]


def _ends(graph: Graph, index: dict[Any, int]) -> np.ndarray:
    """Both ends of each edge [2, A/2], none of which leads back to where it begins."""
    edges = graph.number_of_edges()
    ends = (index[v] for v in chain.from_iterable(graph.edges()))
    near, far = np.fromiter(ends, np.int32, 2 * edges).reshape(edges, 2).T
    loops = np.flatnonzero(near == far)
    if len(loops):
        vertex = _name(graph, int(near[loops[0]]))
        raise MazerlError(f"vertex {vertex} has an edge to itself; remove the self-loop")
    return np.stack([near, far])


def arcs_of(near: np.ndarray, far: np.ndarray, num_vertices: int) -> Arcs:
    """The arcs of edges whose ends are `near` and `far` [A/2], in the order that mazes have."""
    edges = len(near)
    tails = np.concatenate([near, far])
    order = np.argsort(tails, kind="stable")
    position = np.empty(2 * edges, np.int32)
    position[order] = np.arange(2 * edges, dtype=np.int32)
    degree = np.bincount(tails, minlength=num_vertices).astype(np.int32)
    first_arc = (np.cumsum(degree) - degree).astype(np.int32)
    heads = np.concatenate([far, near])
    partner = np.concatenate([np.arange(edges, 2 * edges), np.arange(edges)])
    return Arcs(tails[order], heads[order], first_arc, degree, position[partner[order]])


def _require_reachable(
    graph: Graph, start: int, goals: np.ndarray, tail: np.ndarray, head: np.ndarray
) -> None:
    shape = (len(graph), len(graph))
    adjacency = csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=shape)
    reached = np.zeros(len(graph), bool)
    reached[breadth_first_order(adjacency, start, return_predecessors=False)] = True
    lost = goals[~reached[goals]]
    if len(lost):
        raise MazerlError(
            f"no walk from start {_name(graph, start)} reaches goal {_name(graph, int(lost[0]))}; "
            "connect them or drop the goal"
        )
