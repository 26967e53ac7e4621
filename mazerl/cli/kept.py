"""What a run is about, kept in its folder: its maze, by checksum and as a copy; its teacher's.

about.json    {"maze": sha256 of the compiled arrays, "graph": node-link or null, "teacher": …}

A run goes on, and is judged, on the maze that it was begun on, whatever has become of a file or a
builder since; that these have changed is said.
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mazerl.errors import MazerlError
from mazerl.maze import Maze, compile_maze, fingerprint, to_networkx
from mazerl.topology import Graph, build
from mazerl.topology.files import graph_of_node_link
from mazerl.topology.writing import node_link
from mazerl.training import TrainingWarning

_ABOUT = "about.json"
# A copy of more edges would take longer to read than to build.
_MOST_EDGES = 100_000


def keep_about(out: Path, graph: Graph, maze: Maze, teacher: str | None) -> None:
    """Write what a run that begins is about."""
    copied: Any = None
    if graph.number_of_edges() <= _MOST_EDGES:
        copied = node_link(graph)
        if not _reads_back(copied, maze):  # names that JSON cannot hold
            copied = node_link(to_networkx(maze))
    told = {"maze": fingerprint(maze), "graph": copied, "teacher": teacher}
    (out / _ABOUT).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def _reads_back(copied: Any, maze: Maze) -> bool:
    try:
        graph = graph_of_node_link(json.loads(json.dumps(copied)))
        return fingerprint(compile_maze(graph)) == fingerprint(maze)
    except (TypeError, ValueError):  # among them a MazerlError
        return False


def kept_graph(out: Path, topology: str, parameters: Mapping[str, Any]) -> Graph:
    """The graph that a run was begun on.

    Raises:
        MazerlError: it has no copy, and what its configuration builds is another maze by now; or
            nothing can be built any more.
    """
    told = _about(out)
    if told is None:  # a run of 0.2
        return build(topology, **parameters)
    copied = graph_of_node_link(told["graph"]) if told["graph"] else None
    try:
        built = build(topology, **parameters)
        same = fingerprint(compile_maze(built)) == told["maze"]
    except MazerlError:
        if copied is None:
            raise
        return copied
    if same:
        return built
    if copied is None:
        raise MazerlError(
            f"{topology} builds another maze than the one that {out} was begun on; "
            "restore its file, or train anew"
        )
    warnings.warn(
        f"{topology} builds another maze by now than the one that {out} was begun on; "
        "the run's own copy is used",
        TrainingWarning,
        stacklevel=2,
    )
    return copied


def require_same_teacher(out: Path, teacher: str | None) -> None:
    """Raise a MazerlError if the teacher of a run has been trained since the run began."""
    told = _about(out)
    if told is not None and told["teacher"] != teacher:
        raise MazerlError(
            f"the teacher of {out} has been trained further since; give another --out to begin anew"
        )


def _about(out: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads((out / _ABOUT).read_text(encoding="utf-8"))
        told["maze"], told["graph"], told["teacher"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise MazerlError(f"{out / _ABOUT} is damaged; restore it or train again") from None
    return told
