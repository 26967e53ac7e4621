"""Node-link JSON, of any version of networkx and of tools that write alike."""

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from mazerl.errors import MazerlError, first_line
from mazerl.topology.reading.listing import Edge, Listing, add_edge, is_name, refuse

_ENDS = (("source", "target"), ("from", "to"))
_MEANT = {"source", "target", "from", "to", "weight", "key", "directed"}


def read_node_link(path: Path, text: str) -> Listing:
    """The listing of {"nodes": [{"id": …}], "edges" or "links": [{"source": …, "target": …}]}.

    An edge's ends may be called "from" and "to" as well. networkx 1 wrote positions among the nodes
    as the ends of links, later versions write ids.

    Raises:
        MazerlError: it is no such object, or says a thing twice.
    """
    try:
        content = json.loads(text, object_pairs_hook=partial(_object, path))
    except MazerlError:
        raise
    except ValueError as error:
        raise _not(path, first_line(error).split(": ", 1)[-1]) from None
    return listed(path, content)


def listed(path: Path, content: Any) -> Listing:
    """The listing of a JSON value; `path` is how errors name it.

    Raises:
        MazerlError: as `read_node_link`.
    """
    if not isinstance(content, dict) or not isinstance(content.get("nodes"), list):
        raise _not(path, 'it is no object with a list of "nodes"')
    lists = [name for name in ("edges", "links") if content.get(name) is not None]
    if len(lists) == 2:
        lists = [name for name in lists if content[name]] or lists[:1]
    if len(lists) != 1 or not isinstance(content[lists[0]], list):
        raise _not(path, f'it has {len(lists)} of "edges" and "links"; one list is needed')
    listing = Listing("node-link JSON", counted="edge", attributes=_attributes(path, content))
    for number, node in enumerate(content["nodes"]):
        _add_vertex(listing, path, number, node)
    directed = _is_true(path, content, "directed")
    ends = [_ends(path, number, edge) for number, edge in enumerate(content[lists[0]], 1)]
    by_place = lists[0] == "links" and _are_places(ends, listing.vertices)
    if by_place:
        listing.said.append("source and target are places in the list of nodes, as of networkx 1")
    places = list(listing.vertices)
    extra = set()
    for number, (pair, told) in enumerate(zip(ends, content[lists[0]], strict=True), 1):
        near, far = (places[end] for end in pair) if by_place else pair
        told = {name.lower(): value for name, value in told.items()}
        one_way = directed if told.get("directed") is None else _is_true(path, told, "directed")
        add_edge(listing, path, Edge(near, far, number, told.get("weight"), one_way))
        extra |= told.keys() - _MEANT
    if extra:
        listing.said.append(
            f"attributes of edges that mean nothing here: {', '.join(sorted(extra))}"
        )
    return listing


def _object(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise refuse(path, f"an object says {name!r} twice; say it once")
    return told


def _attributes(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    told = content.get("graph") or {}
    try:
        pairs = dict(told).items()
    except (TypeError, ValueError):
        raise _not(path, '"graph" is no object') from None
    return {str(name).lower(): _hashable(value) for name, value in pairs}


def _add_vertex(listing: Listing, path: Path, number: int, node: Any) -> None:
    if not isinstance(node, dict):
        raise _not(path, f"node {number + 1} is no object")
    name = _hashable(node.get("id", number))
    if not is_name(name):
        raise _not(path, f"node {number + 1} has the id {name!r}")
    if name in listing.vertices:
        raise refuse(path, f"vertex {name!r} is declared twice; list it once")
    listing.vertices[name] = {
        key.lower(): _hashable(value) for key, value in node.items() if key != "id"
    }


def _ends(path: Path, number: int, edge: Any) -> tuple[Any, Any]:
    told = edge if isinstance(edge, dict) else {}
    near, far = next((names for names in _ENDS if told.keys() >= set(names)), ("", ""))
    if not near:
        raise _not(path, f'edge {number} is no object with "source" and "target"')
    pair = _hashable(told[near]), _hashable(told[far])
    for end in pair:
        if not is_name(end):
            raise _not(path, f"edge {number} ends in {end!r}")
    return pair


def _are_places(ends: list[tuple[Any, Any]], vertices: dict[Any, Any]) -> bool:
    every = [end for pair in ends for end in pair]  # 1.0 is no place, though it is 1
    return not vertices.keys() >= set(every) and all(
        isinstance(end, int) and 0 <= end < len(vertices) for end in every
    )


def _hashable(value: Any) -> Any:
    """JSON has no tuples: networkx's grids have names such as [0, 1]."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _is_true(path: Path, told: dict[str, Any], name: str) -> bool:
    value = told.get(name, False)
    if value not in (True, False, None):
        raise refuse(path, f'"{name}" is {value!r}; give true or false')
    return bool(value)


def _not(path: Path, why: str) -> MazerlError:
    return refuse(path, f"this is not node-link JSON ({why}); mend it or rename it")
