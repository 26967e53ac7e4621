"""python -m tests.support.graph_fuzz [MUTANTS] [SEED]: read mutants of graph files of every kind.

None may hang, take 2 GiB, end in anything but a graph or one line, or be read as another graph than
two readers that share no code with ours read. The tests do it with fewer.
"""

import faulthandler
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from mazerl import MazerlError
from mazerl.topology import Graph
from mazerl.topology.files import read_graph_file
from tests.support.graph_readers import Pairs, by_networkx, by_rule

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
    return [
        *_json_files(graph),
        *((".graphml", "\n".join(nx.generate_graphml(g)).encode()) for g in (graph, named)),
        *((".graphml", form(named)) for form in (_of_igraph, _of_gephi, _of_yed)),
        (".csv", _lines([("source", "target", "weight"), *rows], ",")),
        (".csv", _lines(rows, ",")),
        (".csv", _lines([("Source", "Target"), *plain], ";")),
        (".csv", _lines([("", "0", "1"), *((str(n), *p) for n, p in enumerate(plain))], ",")),
        (".csv", _lines([('""', '"from"', '"to"'),
                         *((f'"{n}"', *(f'"{v}"' for v in p)) for n, p in enumerate(plain))], ",")),
        (".csv", b"sep=;\n" + _lines([("source", "target", "weight"),
                                      *((a, b, w + ",0") for a, b, w in rows)], ";")),
        (".csv", _lines(rows, "|").decode().encode("utf-16")),
        (".tsv", _lines(plain, "\t")),
        (".edgelist", _lines(rows, " ")),
        (".edgelist", "\n".join(nx.generate_edgelist(graph)).encode()),
        (".ncol", _lines(plain, " ")),
    ]  # fmt: skip


def _lines(rows: Sequence[Sequence[str]], separator: str) -> bytes:
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def _json_files(graph: Graph) -> list[tuple[str, bytes]]:
    numbered = nx.convert_node_labels_to_integers(graph)
    told = [nx.node_link_data(graph, edges=name) for name in ("edges", "links")]
    told += [nx.node_link_data(numbered, edges="edges")]
    told += [told[2] | {"graph": {"start": 0, "goals": [1, 2]}}]
    places = nx.node_link_data(numbered, edges="links")  # of networkx 1
    told += [places | {"nodes": [{"id": f"v{v}"} for v in numbered]}]
    return [(".json", json.dumps(content).encode()) for content in told]


def _graphml(keys: str, body: list[str], default: str = "undirected") -> bytes:
    spaces = 'xmlns="http://graphml.graphdrawing.org/xmlns" '
    spaces += 'xmlns:y="http://www.yworks.com/xml/graphml"'
    lines = [f'<?xml version="1.0" encoding="UTF-8"?>\n<graphml {spaces}>{keys}']
    lines += [f'<graph id="G" edgedefault="{default}">', *body, "</graph>", "</graphml>"]
    return "\n".join(lines).encode()


def _key(id: str, role: str, name: str, kind: str) -> str:
    return f'<key id="{id}" for="{role}" attr.name="{name}" attr.type="{kind}"/>\n'


def _of_igraph(graph: Any) -> bytes:
    place = {v: f"n{n}" for n, v in enumerate(graph)}
    keys = _key("v_name", "node", "name", "string") + _key("e_weight", "edge", "weight", "double")
    body = [f'<node id="{place[v]}"><data key="v_name">{v}</data></node>' for v in graph]
    body += [f'<edge source="{place[a]}" target="{place[b]}"><data key="e_weight">{w}</data></edge>'
             for a, b, w in graph.edges(data="weight")]  # fmt: skip
    return _graphml(keys, body)


def _of_gephi(graph: Any) -> bytes:
    keys = _key("label", "node", "label", "string") + _key("weight", "edge", "weight", "double")
    keys += _key("x", "node", "x", "float")
    body = [f'<node id="{v}"><data key="label">{v}</data><data key="x">-1.5</data></node>'
            for v in graph]  # fmt: skip
    body += [f'<edge id="{n}" source="{a}" target="{b}"><data key="weight">{w}.0</data></edge>'
             for n, (a, b, w) in enumerate(graph.edges(data="weight"))]  # fmt: skip
    return _graphml(keys, body)


def _of_yed(graph: Graph) -> bytes:
    keys = '<key id="d0" for="node" yfiles.type="nodegraphics"/>\n'
    keys += '<key id="d1" for="edge" yfiles.type="edgegraphics"/>\n'
    body = [f'<node id="{v}"><data key="d0"><y:ShapeNode><y:NodeLabel>{v}</y:NodeLabel>'
            "</y:ShapeNode></data></node>" for v in graph]  # fmt: skip
    body += [f'<edge id="e{n}" source="{a}" target="{b}"><data key="d1"><y:PolyLineEdge>'
             '<y:Arrows source="none" target="none"/></y:PolyLineEdge></data></edge>'
             for n, (a, b) in enumerate(graph.edges())]  # fmt: skip
    return _graphml(keys, body, "directed")


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


def fuzz(number: int, seed: int, folder: Path) -> Counter[str]:
    """Read so many mutants; how many were read, refused, and compared with two other readings.

    Raises:
        AssertionError: a refusal of two lines, over 10 seconds, or another graph than they read.
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
        attribute = "id" if generator.random() < 0.7 else ""
        began = time.monotonic()
        refusal = ""
        try:
            graph, understood = read_graph_file(
                str(path), marks=False, undirected=True, name_attribute=attribute
            )
        except MazerlError as error:
            refusal = str(error)
        assert time.monotonic() - began < 10, (seed, n)
        assert "\n" not in refusal, (seed, n, refusal)
        told["refused" if refusal else "read"] += 1
        if refusal or understood.names != "id":
            continue
        pairs: Pairs = Counter(frozenset(map(str, edge)) for edge in graph.edges())
        for reader in (by_rule, by_networkx):
            expected = reader(suffix, mutant)
            if expected is not None:
                told[reader.__name__] += 1
                assert pairs == expected, (reader.__name__, seed, n, suffix, mutant)
    return told


def main() -> None:
    number, begin = (int(word) for word in (*sys.argv[1:], *("100000", "0")[len(sys.argv) - 1 :]))
    told: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        for part in range(-(-number // _PART)):
            # Says where, should one hang, whatever it hangs in.
            faulthandler.dump_traceback_later(_PART, exit=True)
            told += fuzz(min(_PART, number - part * _PART), begin + part, Path(place))
    faulthandler.cancel_dump_traceback_later()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{dict(told)}, at most {most:.0f} MiB")
    assert most < 2048, "too much memory"


_PART = 1000

if __name__ == "__main__":
    main()
