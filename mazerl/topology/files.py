"""Graphs that users bring: what a file lists → a graph, and what was made of it."""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from mazerl.errors import MazerlError, MazerlWarning
from mazerl.store.sources import GRAPH_FILES
from mazerl.topology.names import Names, split
from mazerl.topology.reading.edge_list import read_edge_list
from mazerl.topology.reading.graphml import read_graphml
from mazerl.topology.reading.listing import MOST_EDGES, Edge, Listing, refuse
from mazerl.topology.reading.node_link import listed, read_node_link
from mazerl.topology.reading.text import decode, read_bytes
from mazerl.topology.registry import Graph, register

# Ways through all arrivals that weights may make; an exact solve is far beyond its limits there.
_MOST_WAYS = 2_000_000_000


@dataclass(frozen=True)
class Understood:
    """What was made of a file, for `mazerl graph` to say."""

    kind: str
    names: str  # "id", or the attribute that they were taken from
    said: tuple[str, ...]  # what was dropped, and how things were taken
    doubts: tuple[str, ...] = ()  # how things were taken, perhaps wrongly


@register
def file(
    path: str,
    /,
    start: str = "",
    goals: str = "",
    undirected: bool = False,
    ignore_weights: bool = False,
    name_attribute: str = "",
    encoding: str = "",
) -> Graph:
    """A graph of your own, read from a file: GraphML, node-link JSON or an edge list.

    An edge's `weight` is its number of parallel edges. Vertices with a true attribute `chance` are
    the environment's. `mazerl graph FILE` says what is understood of a file.

    Args:
        path: NAME.graphml, NAME.json (node-link), or an edge list: NAME.csv, .tsv, .txt or
            .edgelist (lines of two vertices and, if you like, a weight; with a header or without).
        start: vertex where walks begin; by default the graph's attribute `start`, or the vertex
            with a true attribute `start`.
        goals: vertices separated by commas, or a JSON list; by default the graph's attribute
            `goals`, or all vertices with a true attribute `goal`.
        undirected: take directed edges as edges that lead both ways.
        ignore_weights: take each edge once, whatever its weight.
        name_attribute: attribute that holds the vertices' names; by default `name` or `label` where
            it tells all vertices apart, else their ids.
        encoding: of an edge list or JSON that is no Unicode, such as cp1252.

    Returns:
        The graph, with its own vertex names.
    """
    graph, understood = read_graph_file(
        path, start, goals, undirected, ignore_weights, name_attribute, encoding
    )
    for doubt in understood.doubts:
        warnings.warn(f"{path}: {doubt}", MazerlWarning, stacklevel=2)
    return graph


def read_graph_file(
    path: str,
    start: str = "",
    goals: str = "",
    undirected: bool = False,
    ignore_weights: bool = False,
    name_attribute: str = "",
    encoding: str = "",
    marks: bool = True,
) -> tuple[Graph, Understood]:
    """As `file`, with what was understood; without `marks`, start and goals may be open.

    Raises:
        MazerlError: the file cannot be read, or says what no maze can be; naming its line.
    """
    listing = _list(Path(path), encoding)
    if undirected:
        _both_ways(listing)
    _require_sound(listing, path)
    names = Names(path, listing, name_attribute)
    graph = _graph_of(listing, names, path, ignore_weights)
    _mark(graph, listing, names, start, goals, path, marks)
    marked = {graph.graph.get("start"), *graph.graph.get("goals", ())}
    doubted = {names.of[end] for edge in listing.edges[:1] for end in (edge.near, edge.far)}
    # Where a walk begins or ends is no header.
    doubts = () if marked & doubted else tuple(listing.doubts)
    return graph, Understood(listing.kind, names.source, tuple(listing.said), doubts)


def _graph_of(listing: Listing, names: Names, path: str, ignore_weights: bool = False) -> Graph:
    """Vertices and edges, without a start and goals."""
    held = {end for edge in listing.edges for end in (edge.near, edge.far)}
    empty = listing.groups - held
    if empty:
        listing.said.append(f"dropped: {len(empty)} groups that no edge leads to")
    graph: Graph = nx.MultiGraph()
    for id, told in names.told.items():
        if id not in empty:
            chance = _is_true(told.get("chance"), path, f"chance of vertex {id!r}")
            graph.add_node(names.of[id], chance=chance)
    for edge, number in _times(listing, path, ignore_weights):
        graph.add_edges_from([(names.of[edge.near], names.of[edge.far])] * number)
    return graph


def graph_of_node_link(content: Any) -> Graph:
    """The graph of node-link data whose ids are the vertices' names."""
    where = "the copy of the graph"
    listing = listed(Path(where), content)
    names = Names(where, listing, "id")
    graph = _graph_of(listing, names, where)
    _mark(graph, listing, names, "", "", where, True)
    return graph


def _list(path: Path, encoding: str) -> Listing:
    suffix = path.suffix.lower()
    if suffix not in GRAPH_FILES:
        raise refuse(path, f"unknown kind of file; give one of {', '.join(GRAPH_FILES)}")
    content = read_bytes(path)
    try:
        if suffix == ".graphml":
            return read_graphml(path, content)
        text = decode(content, path, encoding)
        return read_node_link(path, text) if suffix == ".json" else read_edge_list(path, text)
    except RecursionError:
        raise refuse(path, "it is nested too deeply; mend it") from None


def _both_ways(listing: Listing) -> None:
    """Take directed edges as undirected ones, and say how many."""
    pairs = {(edge.near, edge.far) for edge in listing.edges if edge.directed}
    directed = sum(edge.directed for edge in listing.edges)
    twice = sum((far, near) in pairs for near, far in pairs) // 2
    if directed:
        listing.said.append(f"{directed} directed edges are taken as edges that lead both ways")
    if twice:
        listing.said.append(f"{twice} pairs of vertices had them in both directions: now parallel")
    listing.edges = [edge._replace(directed=False) for edge in listing.edges]


def _require_sound(listing: Listing, path: str) -> None:
    one_way = [edge for edge in listing.edges if edge.directed]
    if one_way:
        raise refuse(
            path, f"the graph is directed: {len(one_way)} edges, the first {one_way[0]} "
            f"({listing.counted} {one_way[0].where}); mazes allow turning: give --undirected to "
            "take them both ways",
        )  # fmt: skip
    for edge in listing.edges if listing.declares else ():
        for end in (edge.near, edge.far):
            if end not in listing.vertices:
                raise refuse(
                    path, f"{listing.counted} {edge.where}: edge {edge} ends in {end!r}, which no "
                    "vertex declares; declare it",
                )  # fmt: skip


def _times(listing: Listing, path: str, ignore_weights: bool) -> Iterator[tuple[Edge, int]]:
    """Edges and how many parallel ones each stands for; bounded before any is built."""
    if ignore_weights:
        given = sum(edge.weight not in (None, "") for edge in listing.edges)
        if given:
            listing.said.append(f"{given} weights are ignored")
        return zip(listing.edges, [1] * len(listing.edges), strict=True)
    numbers = [_parallel(edge, listing.counted, path) for edge in listing.edges]
    most = max(numbers, default=1)
    degree: Counter[Any] = Counter()
    for edge, number in zip(listing.edges, numbers, strict=True):
        degree[edge.near] += number
        degree[edge.far] += number
    # Every arrival at a vertex can come after any at the vertex before, and go on by any port.
    ways = sum(
        2 * number * degree[edge.near] * degree[edge.far]
        for edge, number in zip(listing.edges, numbers, strict=True)
    )
    if sum(numbers) > MOST_EDGES or (most > 1 and ways > _MOST_WAYS):
        raise refuse(
            path, f"its weights make {sum(numbers):.9g} parallel edges, up to {most:.9g} at edge "
            f"{listing.edges[numbers.index(most)]}, which is too many; if they are lengths, give "
            "--ignore-weights",
        )  # fmt: skip
    return zip(listing.edges, numbers, strict=True)


def _parallel(edge: Edge, counted: str, path: str) -> int:
    if edge.weight in (None, ""):
        return 1
    try:
        number = 0.5 if isinstance(edge.weight, bool) else float(edge.weight)
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        number, whole = 0.5, 0
    if number < 1 or number != whole:
        raise refuse(
            path, f"{counted} {edge.where}: edge {edge} has weight {str(edge.weight)[:40]!r}; give "
            "a whole number of parallel edges, or --ignore-weights",
        )  # fmt: skip
    return whole


def _mark(
    graph: Graph, listing: Listing, names: Names, start: str, goals: str, path: str, needed: bool
) -> None:
    """Say where walks begin and end: as asked, or as the graph says, or as its vertices say."""
    marked = {
        role: [id for id, told in names.told.items()
               if _is_true(told.get(role), path, f"{role} of vertex {id!r}")]
        for role in ("start", "goal")
    }  # fmt: skip
    begin = start or listing.attributes.get("start")
    if begin not in (None, ""):
        graph.graph["start"] = names.find(begin, "start")
    elif len(marked["start"]) > 1:
        raise refuse(path, f"{len(marked['start'])} vertices are marked start; mark one")
    elif marked["start"]:
        graph.graph["start"] = names.of[marked["start"][0]]
    elif needed:
        raise refuse(path, "no start; give --start, or mark a vertex with start=true")
    ends: Any = goals or listing.attributes.get("goals")
    if isinstance(ends, str) and ends:
        ends = _several(ends, names)
    elif ends not in (None, "") and not isinstance(ends, (list, tuple)):
        ends = [ends]
    if ends:
        graph.graph["goals"] = [names.find(name, "goal") for name in ends]
    elif marked["goal"]:
        graph.graph["goals"] = [names.of[id] for id in marked["goal"]]
    elif needed:
        raise refuse(path, "no goals; give --goals, or mark vertices with goal=true")


def _several(ends: str, names: Names) -> list[Any]:
    """Names between commas; a vertex whose own name holds one may stand alone."""
    try:
        names.find(ends, "goal")
    except MazerlError:
        return split(ends)
    return [ends]


_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


def _is_true(value: Any, path: str, what: str) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().lower()
    if text in (*_TRUE, "1.0"):
        return True
    if text in (*_FALSE, "0.0", "nan"):
        return False
    raise refuse(path, f"{what} is {value!r}; write true or false")
