"""A graph → a file that `file` reads as the same graph, and other tools read too."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mazerl.errors import MazerlError
from mazerl.topology.reading.listing import refuse
from mazerl.topology.registry import Graph

_MARKS = ("start", "goal", "chance")
_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"


def write_graph(graph: Graph, path: Path) -> None:
    """Write a graph as GraphML, node-link JSON or an edge list, by the path's suffix.

    An edge list holds edges alone: start, goals and chance vertices are lost.

    Raises:
        MazerlError: the kind is unknown, the form cannot say what the graph is, or the file cannot
            be written.
    """
    writers: dict[str, Callable[[Graph, Path], str]] = {
        ".graphml": _graphml, ".json": _node_link_text, ".csv": _edge_list,
    }  # fmt: skip
    if path.suffix.lower() not in writers:
        raise refuse(path, f"unknown kind of file; give one of {', '.join(writers)}")
    text = writers[path.suffix.lower()](graph, path)
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise MazerlError(f"{path}: {error.strerror}; give a file that can be written") from None


def node_link(graph: Graph) -> dict[str, Any]:
    """A graph as networkx's node-link data, its marks included."""
    told = {name: graph.graph[name] for name in ("start", "goals") if name in graph.graph}
    nodes = [
        {"id": name} | ({"chance": True} if chance else {})
        for name, chance in graph.nodes(data="chance")
    ]
    edges = [{"source": near, "target": far} for near, far in graph.edges()]
    return {"directed": False, "multigraph": True, "graph": told, "nodes": nodes, "edges": edges}


def _node_link_text(graph: Graph, path: Path) -> str:
    del path
    return json.dumps(node_link(graph), ensure_ascii=False) + "\n"


def _graphml(graph: Graph, path: Path) -> str:
    _require_texts(graph, path)
    root = ElementTree.Element("graphml", xmlns=_NAMESPACE)
    for mark in _MARKS:
        given = {"id": mark, "for": "node", "attr.name": mark, "attr.type": "boolean"}
        ElementTree.SubElement(root, "key", given)
    goals = {"id": "goals", "for": "graph", "attr.name": "goals", "attr.type": "string"}
    ElementTree.SubElement(root, "key", goals)
    body = ElementTree.SubElement(root, "graph", edgedefault="undirected")
    if "goals" in graph.graph:  # vertices' marks would not keep their order
        listed = json.dumps([str(goal) for goal in graph.graph["goals"]], ensure_ascii=False)
        ElementTree.SubElement(body, "data", key="goals").text = listed
    for name, chance in graph.nodes(data="chance"):
        node = ElementTree.SubElement(body, "node", id=str(name))
        marked = {
            "start": "start" in graph.graph and name == graph.graph["start"],
            "goal": name in graph.graph.get("goals", ()),
            "chance": bool(chance),
        }
        for mark in filter(marked.get, _MARKS):
            ElementTree.SubElement(node, "data", key=mark).text = "true"
    for near, far in graph.edges():
        ElementTree.SubElement(body, "edge", source=str(near), target=str(far))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _edge_list(graph: Graph, path: Path) -> str:
    _require_texts(graph, path)
    for name, chance in graph.nodes(data="chance"):
        text = str(name)
        if chance:
            raise refuse(path, f"an edge list cannot say that {text!r} is chance's; write .json")
        if not graph.degree[name]:
            raise refuse(path, f"an edge list cannot hold {text!r}, which has no edge; write .json")
        if text != text.strip() or not text:
            raise refuse(path, f"an edge list cannot hold the name {text!r}; write .json")
    out = io.StringIO()
    # Quotes keep "#1" from being a comment.
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [("source", "target"), *((str(near), str(far)) for near, far in graph.edges())]
    )
    return out.getvalue()


def _require_texts(graph: Graph, path: Path) -> None:
    """Names that differ as values must differ as texts, and be texts that a file can hold."""
    texts: dict[str, Any] = {}
    for name in graph:
        text = str(name)
        if text in texts:
            raise refuse(path, f"two vertices are both written {text!r}; write .json")
        if not text.isprintable():
            raise refuse(
                path, f"the name {text!r} holds signs that such a file cannot; write .json"
            )
        texts[text] = name
