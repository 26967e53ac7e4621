"""Readers of graph files that share no code with ours: by the forms' rules, and networkx.

Each gives how many edges join two vertices, by their ids; None where the form is in doubt, or where
networkx is known to read another graph than is written.
"""

import csv
import io
import json
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import networkx as nx

Pairs = Counter[frozenset[str]]
"""How many edges join two vertices, by the texts of their names."""

_REFUSALS = (
    ValueError, LookupError, TypeError, AttributeError, ElementTree.ParseError, csv.Error,
    nx.NetworkXException, OverflowError, RecursionError,
)  # fmt: skip


def by_rule(suffix: str, content: bytes) -> Pairs | None:
    """What a plain reading by the form's rules gives."""
    return _read({".json": _json, ".graphml": _graphml, ".csv": _csv}, suffix, content)


def by_networkx(suffix: str, content: bytes) -> Pairs | None:
    """What networkx reads."""
    return _read(
        {".json": _nx_json, ".graphml": _nx_graphml, ".edgelist": _nx_edge_list}, suffix, content
    )


def _read(
    readers: dict[str, Callable[[bytes], Pairs | None]], suffix: str, content: bytes
) -> Pairs | None:
    try:
        return readers[suffix](content) if suffix in readers else None
    except _REFUSALS:
        return None


def _json(content: bytes) -> Pairs | None:
    told = json.loads(content.decode(json.detect_encoding(content)))
    ids = [node["id"] for node in told["nodes"]]
    edges = told["edges"] if "edges" in told else told["links"]
    ends = {edge[end] for edge in edges for end in ("source", "target")}
    by_place = "links" in told and ends <= set(range(len(ids))) and not ends <= set(ids)
    if told.get("directed") or not (by_place or ends <= set(ids)):
        return None
    named = dict(enumerate(ids)) if by_place else {id: id for id in ids}  # 2.0 is the vertex 2
    return _count((named[e["source"]], named[e["target"]], e.get("weight", 1)) for e in edges)


_GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
_YED = "{http://www.yworks.com/xml/graphml}"


def _graphml(content: bytes) -> Pairs | None:
    root = ElementTree.fromstring(content)
    keys = {key.get("id"): key for key in root.iter(f"{_GRAPHML}key")}
    weighs = {id for id, key in keys.items() if key.get("attr.name", str(id)).lower() == "weight"
              and key.get("for", "all") in ("edge", "all")}  # fmt: skip
    defaults = [keys[id].findtext(f"{_GRAPHML}default") for id in weighs]
    if any(not element.tag.startswith((_GRAPHML, _YED)) for element in root.iter()):
        return None
    listed = []
    for edge in root.iter(f"{_GRAPHML}edge"):
        data = {d.get("key"): d.text for d in edge.findall(f"{_GRAPHML}data")}
        weight = [data[key] for key in data if key in weighs] or [d for d in defaults if d]
        listed.append((edge.get("source"), edge.get("target"), (weight[-1:] or ["1"])[0] or "1"))
    return _count(listed)


def _csv(content: bytes) -> Pairs | None:
    text = content.decode("utf-8-sig")
    rows = [[c.strip() for c in row] for row in csv.reader(io.StringIO(text, newline=None))]
    rows = [row for row in rows if any(row)]
    known = [["source", "target"], ["source", "target", "weight"]]
    if rows[0] not in known or any(sign in text for sign in '#;\t|{"'):
        return None
    return _count((row[0], row[1], (row[2:3] or ["1"])[0] or "1") for row in rows[1:])


def _count(edges: Any) -> Pairs | None:
    pairs: Pairs = Counter()
    for near, far, weight in edges:
        number = float(1 if weight is None else weight)
        if number != int(number) or number < 1:
            return None
        pairs[frozenset((str(near), str(far)))] += int(number)
    return pairs


def _nx_json(content: bytes) -> Pairs | None:
    told = json.loads(content)
    name = "edges" if "edges" in told else "links"
    ends = {edge[end] for edge in told[name] for end in ("source", "target")}
    if not ends <= {node.get("id") for node in told["nodes"]}:  # places, of networkx 1
        return None
    return _count_all(nx.node_link_graph(told, edges=name, multigraph=True), len(told[name]))


def _nx_graphml(content: bytes) -> Pairs | None:
    if b"<default" in content:  # it forgets those of edges
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = nx.read_graphml(io.BytesIO(content), force_multigraph=True)
    return _count_all(graph, content.count(b"<edge "))


def _nx_edge_list(content: bytes) -> Pairs | None:
    lines = content.decode("utf-8-sig").splitlines()
    if any(len(line.split()) not in (0, 2, 3) or set(line) & set("#%{") for line in lines):
        return None
    plain = [f"{line} 1" if len(line.split()) == 2 else line for line in lines]
    read: Any = nx.parse_edgelist  # its stubs know no list of names for data
    graph = read(plain, create_using=nx.MultiGraph, data=[("weight", float)])
    return _count_all(graph, sum(bool(line.strip()) for line in lines))


def _count_all(graph: Any, edges: int) -> Pairs | None:
    """Its pairs, unless it has merged parallel edges of one key."""
    if graph.number_of_edges() != edges:
        return None
    named = {name: name for name in graph}  # 2.0 is the vertex 2
    return _count((named[a], named[b], w) for a, b, w in graph.edges(data="weight"))
