"""Lines of a maze's text → the maze; what is wrong is told with its line and what was expected."""

import re
from collections.abc import Iterable, Mapping, Sequence

import networkx as nx

from mazerl.bridges.text.places import NAME, Place, composed, place_of, quoted, unquoted
from mazerl.errors import MazerlError
from mazerl.maze import compile_maze
from mazerl.topology import Graph

Marks = Mapping[str, tuple[int, list[str]]]
"""What is said of rooms by name: its line, and the rooms."""

_MARK = re.compile(r"(rooms|chance|start|goals) = (.*)")
_NAME = re.compile(NAME)


def refuse(number: int, found: str, expected: str) -> MazerlError:
    """The one line about a line that is none of a maze."""
    return MazerlError(f"line {number}: {found.strip()[:60]!r} is no part of a maze; "
                       f"expected {expected}")  # fmt: skip


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    lines = [(n, line.strip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise MazerlError("line 1: there is no text; expected a maze")
    return lines


def names_in(text: str, between: str = "") -> list[str]:
    """The names in a part of a line, with `between` and blanks between them."""
    rest = _NAME.sub("", text).strip(between + " ")
    if rest:
        raise MazerlError(f"{rest[:40]!r} is no name; write it in quotes, as JSON does")
    return [unquoted(token) for token in _NAME.findall(text)]


def marks_of(lines: Sequence[tuple[int, str]]) -> tuple[list[tuple[int, str]], Marks]:
    """Lines that say no marks, and the marks."""
    rest, marks = [], {}
    for number, line in lines:
        told = _MARK.fullmatch(line)
        if not told:
            rest.append((number, line))
        elif told[1] in marks:
            raise refuse(number, line, f"one line of {told[1]}")
        else:
            marks[told[1]] = (number, names_in(told[2]))
    return rest, marks


def from_doors(doors: Sequence[tuple[int, str, list[str]]], marks: Marks) -> Place:
    """The place of rooms with their doors in order, each told by where it leads."""
    marks = {**marks, "rooms": (1, [name for _, name, _ in doors])}
    order = {composed(name): v for v, (_, name, _) in enumerate(doors)}
    edges = []
    for v, (number, name, leads) in enumerate(doors):
        for other in leads:
            if order.get(composed(other), len(doors)) > v:
                edges.append((number, name, other))
    place = as_place(marks, edges)
    for v, (number, name, leads) in enumerate(doors):
        expected = [composed(place.names[place.head[arc]]) for arc in place.out[v]]
        if expected != list(map(composed, leads)):
            raise MazerlError(
                f"line {number}: the doors of {quoted(name)} lead to "
                f"{' '.join(map(quoted, leads))}; expected {' '.join(map(quoted, expected))}, as "
                "other rooms' doors lead here: first to later rooms, then to earlier ones"
            )
    return place


def as_place(marks: Marks, edges: Iterable[tuple[int, str, str]]) -> Place:
    """The place of rooms in order, and edges with their lines.

    Raises:
        MazerlError: it is no maze, or names a room that there is not, or one twice.
    """
    for key in ("start", "goals"):
        if not marks.get(key, (0, []))[1]:
            raise MazerlError(f"the text does not end with {key}; expected the name of a room")
    number, names = marks["rooms"]
    known: dict[str, str] = {}
    for name in names:
        if composed(name) in known:
            raise MazerlError(f"line {number}: two rooms are called {quoted(name)}; "
                              "expected names that differ")  # fmt: skip
        known[composed(name)] = name

    def find(name: str, line: int) -> str:
        if composed(name) not in known:
            raise MazerlError(f"line {line}: {quoted(name)} is none of the {len(known)} rooms")
        return known[composed(name)]

    def marked(key: str) -> list[str]:
        line, told = marks.get(key, (0, []))
        return [find(name, line) for name in told]

    if len(marks["start"][1]) != 1:
        raise MazerlError(f"line {marks['start'][0]}: several starts; expected one")
    graph: Graph = nx.MultiGraph(start=marked("start")[0], goals=marked("goals"))
    graph.add_nodes_from(known.values())
    for name in marked("chance"):
        graph.nodes[name]["chance"] = True
    graph.add_edges_from((find(near, line), find(far, line)) for line, near, far in edges)
    return place_of(compile_maze(graph), graph)
