"""`mazerl graph`: what is understood of a file, and the same graph written in another form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mazerl.cli.parsing import Options, parse, wants_help
from mazerl.cli.printing import print_result
from mazerl.errors import MazerlError
from mazerl.maze import compile_maze
from mazerl.topology import Graph
from mazerl.topology.files import Understood, read_graph_file
from mazerl.topology.writing import write_graph

_OPTIONS: dict[str, Options] = {
    "output": {
        "out": (
            str, "", "write the graph to NAME.graphml, NAME.json or NAME.csv (edges alone)",
        ),
        "json": (bool, False, "print one JSON object"),
    },
}  # fmt: skip


def main(words: Sequence[str]) -> None:
    """Say what is understood of a file."""
    summary = "Say what is understood of a graph file, and write it in another form."
    if wants_help(words):
        words = ["--help"]
    parameters, chosen = parse("mazerl graph", summary, "file", _OPTIONS, words)
    path = parameters.pop("path")
    graph, understood = read_graph_file(path, **parameters, marks=False)
    if chosen["out"]:
        write_graph(graph, Path(chosen["out"]))
    print_result(_report(path, graph, understood, chosen["out"]), chosen["json"])


def _report(path: str, graph: Graph, understood: Understood, out: str) -> dict[str, Any]:
    edges = graph.number_of_edges()
    apart = sum(1 for _ in {frozenset(edge) for edge in graph.edges()})
    return {
        "file": path,
        "kind": understood.kind,
        "vertices": len(graph),
        "edges": edges,
        "parallel": edges - apart,
        "names": f"from their {understood.names}",
        "start": graph.graph.get("start", "none: give --start"),
        "goals": list(graph.graph.get("goals", ())) or "none: give --goals",
        "chance": [name for name, chance in graph.nodes(data="chance") if chance],
        "said": [*understood.said, *understood.doubts],
        "maze": _as_maze(graph),
    } | ({"written": out} if out else {})


def _as_maze(graph: Graph) -> str:
    """Whether it can be walked, or why not."""
    if not {"start", "goals"} <= graph.graph.keys():
        return "not yet: it needs a start and goals"
    try:
        maze = compile_maze(graph)
    except MazerlError as error:
        return f"no: {error}"
    return f"yes, with {maze.num_arcs} arcs and up to {maze.num_ports} ports"
