"""Mutants of valid graph files of every kind, and readers of them that share no code with ours.

`python -m tests.support.graph_fuzz 100000` runs many more than the tests do.
"""

import csv
import io
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np

from mazerl import MazerlError
from mazerl.topology import Graph
from mazerl.topology.files import read_graph_file

Pairs = Counter[frozenset[str]]
"""How many edges join two vertices, by the texts of their names."""

TOKENS = [
    *(bytes([sign]) for sign in b'",;{}[]</>#01ab\''),
    b"\t", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"# ", b"-1", b"2.0",
    b"2.5", b"1e3", b"nan", b"NaN", b"null", b"true", b"false", b"directed", b"undirected",
    b"weight", b"source", b"target", b"from", b"to", b"id", b"nodes", b"edges", b"links",
    b'<node id="a"/>', b"</graph>", b"<graph>", b"&lt;", b"<![CDATA[", b"<!--", b"v0", b"v1",
    b"\xc3\xa9", b"sep=;\n", b"99999999999999999999",
]  # fmt: skip


def seeds(generator: np.random.Generator) -> list[tuple[str, bytes]]:
    """One valid file of each form, of a random graph."""
    graph = nx.gnm_random_graph(6, 8, seed=int(generator.integers(2**31)))
    graph = nx.MultiGraph(nx.relabel_nodes(graph, {v: f"v{v}" for v in graph}))
    weights = {
        edge: int(w)
        for edge, w in zip(
            graph.edges(keys=True), generator.integers(1, 4, graph.number_of_edges()), strict=True
        )
    }
    rows = [(near, far, str(weights[near, far, k])) for near, far, k in graph.edges(keys=True)]
    plain = [row[:2] for row in rows]
    nx.set_edge_attributes(graph, weights, "weight")
    named: Graph = nx.MultiGraph(graph)
    nx.set_node_attributes(named, {v: f"room {v}" for v in named}, "label")
    numbered = nx.convert_node_labels_to_integers(graph)
    as_json = [nx.node_link_data(graph, edges=name) for name in ("edges", "links")]
    as_json += [nx.node_link_data(numbered, edges="edges")]
    as_json += [as_json[2] | {"graph": {"start": 0, "goals": [1, 2]}}]
    return [
        *((".json", json.dumps(content).encode()) for content in as_json),
        *((".graphml", "\n".join(nx.generate_graphml(g)).encode()) for g in (graph, named)),
        (".csv", _lines([("source", "target", "weight"), *rows], ",")),
        (".csv", _lines(rows, ",")),
        (".csv", _lines([("Source", "Target"), *plain], ";")),
        (".tsv", _lines(plain, "\t")),
        (".edgelist", _lines(rows, " ")),
    ]  # fmt: skip


def _lines(rows: list[Any], separator: str) -> bytes:
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def mutate(content: bytes, generator: np.random.Generator) -> bytes:
    """Up to three changes: of words, which mostly leaves the form; or of any bytes."""
    if generator.random() < 0.6:
        for _ in range(int(generator.integers(0, 4))):
            words = list(re.finditer(rb"[\w.]+", content))
            at = words[int(generator.integers(len(words)))]
            other = words[int(generator.integers(len(words)))][0]
            token = TOKENS[int(generator.integers(len(TOKENS)))]
            content = content[: at.start()] + _either(other, token, generator) + content[at.end() :]
        return content
    for _ in range(int(generator.integers(1, 4))):
        at, to = np.sort(generator.integers(0, len(content) + 1, 2))
        to = min(to, at + int(generator.geometric(0.05)))
        part = content[at:to]
        token = TOKENS[int(generator.integers(len(TOKENS)))]
        changed = [
            content[:at] + content[to:],
            content[:to] + part + content[to:],
            content[:at] + token + content[at:],
            content[:at] + token + content[min(at + len(token), len(content)) :],
            content[:at] + content[to:] + part,
            content[: max(at, 1)],
        ]
        content = changed[int(generator.integers(len(changed)))]
    return content


def _either(one: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    return one if generator.random() < 0.7 else other


def by_hand(suffix: str, content: bytes) -> Pairs | None:
    """What a plain reading by the form's rules gives; None where it is in doubt."""
    readers: dict[str, Callable[[bytes], Pairs | None]] = {
        ".json": _json_by_hand, ".graphml": _graphml_by_rule, ".csv": _csv_by_hand,
    }  # fmt: skip
    try:
        return readers[suffix](content) if suffix in readers else None
    except (ValueError, LookupError, TypeError, AttributeError, ElementTree.ParseError, csv.Error):
        return None


def _json_by_hand(content: bytes) -> Pairs | None:
    told = json.loads(content.decode("utf-8-sig"))
    ids = [node["id"] for node in told["nodes"]]
    edges = told["edges"] if "edges" in told else told["links"]
    ends = {edge[end] for edge in edges for end in ("source", "target")}
    if told.get("directed") or not ends <= set(ids) or "label" in str(told) or "name" in str(told):
        return None
    named = {id: id for id in ids}  # 2.0 is the vertex 2
    return _count((named[e["source"]], named[e["target"]], e.get("weight", 1)) for e in edges)


def _graphml_by_rule(content: bytes) -> Pairs | None:
    root = ElementTree.fromstring(content)
    space = root.tag[: root.tag.index("}") + 1] if "}" in root.tag else ""
    keys = {key.get("id"): key for key in root.iter(f"{space}key")}
    names = {
        id for id, key in keys.items() if str(key.get("attr.name")).lower() in ("name", "label")
    }
    weighs = {id for id, key in keys.items() if str(key.get("attr.name")).lower() == "weight"
              and key.get("for", "all") in ("edge", "all")}  # fmt: skip
    if any(not element.tag.startswith(space) for element in root.iter()):
        return None
    graphs = list(root.iter(f"{space}graph"))
    used = {data.get("key") for data in root.iter(f"{space}data")}
    if len(graphs) != 1 or graphs[0].get("edgedefault") != "undirected" or used & names:
        return None
    listed = []
    for edge in root.iter(f"{space}edge"):
        if edge.get("directed", "false") != "false":
            return None
        data = {d.get("key"): d.text for d in edge.findall(f"{space}data")}
        weight = [data[key] for key in data if key in weighs]
        listed.append((edge.get("source"), edge.get("target"), (weight[-1:] or ["1"])[0] or "1"))
    return _count(listed)


def _csv_by_hand(content: bytes) -> Pairs | None:
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


def fuzz(number: int, seed: int, folder: Path) -> Counter[str]:
    """Read so many mutants; how many were read, refused, and compared with a reading by hand.

    Raises:
        AssertionError: a refusal of two lines, over 10 seconds, or another graph than by hand.
    """
    generator, told = np.random.default_rng(seed), Counter[str]()
    valid = seeds(generator)
    for n in range(number):
        if n % 200 == 199:
            valid = seeds(generator)
        suffix, content = valid[int(generator.integers(len(valid)))]
        mutant = mutate(content, generator)
        path = folder / f"mutant{suffix}"
        path.write_bytes(mutant)
        began = time.monotonic()
        refusal = ""
        try:
            graph, understood = read_graph_file(str(path), marks=False)
        except MazerlError as error:
            refusal = str(error)
        assert time.monotonic() - began < 10, (seed, n)
        assert "\n" not in refusal, (seed, n, refusal)
        if refusal:
            told["refused"] += 1
            continue
        expected = by_hand(suffix, mutant)
        told["read"] += 1
        if expected is not None and understood.names == "id":
            told["compared"] += 1
            pairs: Pairs = Counter(frozenset(map(str, edge)) for edge in graph.edges())
            assert pairs == expected, (seed, n, suffix, mutant)
    return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        begin = int(sys.argv[2]) if len(sys.argv) > 2 else 0
        print(dict(fuzz(int(sys.argv[1]), begin, Path(place))))
