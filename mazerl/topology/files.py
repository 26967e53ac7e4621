"""Graphs that users bring: GraphML, node-link JSON, and edge lists."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx

from mazerl.errors import MazerlError
from mazerl.topology.registry import Graph, register

# Beyond this many edges the graph alone takes several gigabytes.
_MOST_EDGES = 2_000_000


@register
def file(path: str, /, start: str = "", goals: str = "") -> Graph:
    """A graph of your own, read from a file: GraphML, node-link JSON or an edge list.

    An edge's `weight` is its number of parallel edges. Vertices with a true attribute `chance` are
    the environment's.

    Args:
        path: NAME.graphml, NAME.json (node-link) or NAME.csv (lines of two vertices and, if you
            like, a weight; a first line "source,target" or "source,target,weight" is a header).
        start: vertex where walks begin; by default the graph's attribute `start`, or the vertex
            with a true attribute `start`.
        goals: vertices separated by commas; by default the graph's attribute `goals`, or all
            vertices with a true attribute `goal`.

    Returns:
        The graph, with its own vertex names.
    """
    readers = {".graphml": _read_graphml, ".json": _read_json, ".csv": _read_csv}
    place = Path(path)
    if place.suffix not in readers:
        raise MazerlError(f"{path}: unknown kind of file; give one of {', '.join(readers)}")
    try:
        graph = readers[place.suffix](place)
    except OSError as error:
        raise MazerlError(f"{path}: {error.strerror}; give a file that can be read") from None
    except UnicodeDecodeError:
        raise MazerlError(f"{path}: this is no UTF-8 text; save it as UTF-8") from None
    return _mark(_undirected(graph, path), start, goals, path)


def _read_graphml(place: Path) -> "nx.Graph[Any]":
    try:
        return nx.read_graphml(place, force_multigraph=True)
    except (ParseError, nx.NetworkXError, KeyError, ValueError) as error:
        raise _not(place, "GraphML", error) from None


def _read_json(place: Path) -> "nx.Graph[Any]":
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        edges = "edges" if "edges" in content else "links"
        return nx.node_link_graph(content, edges=edges)
    except UnicodeDecodeError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, nx.NetworkXError) as error:
        raise _not(place, "node-link JSON", error) from None


def _read_csv(place: Path) -> Graph:
    graph: Graph = nx.MultiGraph()
    graph.add_edges_from(_rows(place))
    return graph


def _rows(place: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    with place.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for number, row in enumerate(csv.reader(lines), 1):
                cells = [cell.strip() for cell in row]
                if not any(cells) or (number == 1 and cells[:2] == ["source", "target"]):
                    continue
                if len(cells) not in (2, 3) or not all(cells[:2]):
                    raise MazerlError(
                        f"{place}, line {number}: {len(cells)} columns; give two vertices and, if "
                        "you like, a weight"
                    )
                if number > _MOST_EDGES + 1:  # one line may be a header
                    raise MazerlError(f"{place}: over {_MOST_EDGES} edges; give at most as many")
                yield cells[0], cells[1], {"weight": cells[2]} if len(cells) == 3 else {}
        except csv.Error as error:
            raise _not(place, "an edge list", error) from None


def _not(place: Path, kind: str, error: Exception) -> MazerlError:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return MazerlError(f"{place}: this is not {kind} ({said[0]}); mend it or rename it")


def _undirected(graph: "nx.Graph[Any]", path: str) -> Graph:
    """The graph with as many parallel edges as its weights say; directed ones are refused."""
    if graph.is_directed():
        raise MazerlError(f"{path}: the graph is directed; give an undirected one")
    if graph.number_of_edges() > _MOST_EDGES:
        raise MazerlError(f"{path}: {graph.number_of_edges()} edges; give at most {_MOST_EDGES}")
    copy: Graph = nx.MultiGraph(**graph.graph)
    copy.add_nodes_from(graph.nodes(data=True))
    for near, far, weight in graph.edges(data="weight", default=1):
        copy.add_edges_from([(near, far)] * _parallel(weight, f"{near}-{far}", path))
    return copy


def _parallel(weight: Any, edge: str, path: str) -> int:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = 0.5
    if not (number >= 1 and number == int(min(number, _MOST_EDGES))):
        raise MazerlError(
            f"{path}: edge {edge} has weight {weight!r}; give a whole number of parallel edges"
        )
    return int(number)


def _mark(graph: Graph, start: str, goals: str, path: str) -> Graph:
    """Say where walks begin and end, by the vertices' own names."""
    by_text: dict[str, Any] = {}
    for vertex, told in graph.nodes(data=True):
        by_text.setdefault(str(vertex), vertex)
        told["chance"] = _is_true(told.get("chance"))

    def vertex_of(name: Any, role: str) -> Any:
        if str(name) not in by_text:
            raise MazerlError(
                f"{path}: {role} {str(name)!r} is not a vertex; name one of its {len(graph)}"
            )
        return by_text[str(name)]

    marked = {
        role: [vertex for vertex, told in graph.nodes(data=True) if _is_true(told.get(role))]
        for role in ("start", "goal")
    }
    begin = start or graph.graph.get("start", next(iter(marked["start"]), None))
    if begin is None:
        raise MazerlError(f"{path}: no start; give --start, or mark a vertex with start=true")
    if not start and "start" not in graph.graph and len(marked["start"]) > 1:
        raise MazerlError(f"{path}: {len(marked['start'])} vertices are marked start; mark one")
    ends = goals or graph.graph.get("goals") or marked["goal"]
    if not ends:
        raise MazerlError(f"{path}: no goals; give --goals, or mark vertices with goal=true")
    names = _split(ends, by_text) if isinstance(ends, str) else list(ends)
    graph.graph.update(
        start=vertex_of(begin, "start"), goals=[vertex_of(name, "goal") for name in names]
    )
    return graph


def _split(names: str, known: dict[str, Any]) -> list[str]:
    """Names between commas; a vertex whose own name holds one may stand alone."""
    return [names] if names in known else [name.strip() for name in names.split(",")]


def _is_true(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)
