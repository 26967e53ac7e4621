"""What a file lists, whichever its form: vertices and edges as they stand there."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mazerl.errors import MazerlError

# Beyond this many edges the graph alone takes several gigabytes.
MOST_EDGES = 2_000_000


class Edge(NamedTuple):
    """One edge as it is written."""

    near: Any
    far: Any
    where: int  # its line, or its number among the edges: as `Listing.counted` says
    weight: Any = None  # as it is written; None or "" is not given
    directed: bool = False

    def __str__(self) -> str:
        """As errors name it."""
        return f"{self.near}-{self.far}"


@dataclass
class Listing:
    """A file's vertices and edges, before anything is made of them.

    Attribute names are in lower case, because tools do not agree on theirs.
    """

    kind: str  # as it is told: "GraphML of yEd"
    counted: str = "line"  # what `Edge.where` counts: "line" or "edge"
    vertices: dict[Any, dict[str, Any]] = field(default_factory=dict)  # by id
    edges: list[Edge] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)  # of the graph
    declares: bool = True  # whether every vertex is listed; an edge list has none
    groups: set[Any] = field(default_factory=set)  # ids of vertices that hold others
    said: list[str] = field(default_factory=list)  # what was dropped, and how things were taken
    doubts: list[str] = field(default_factory=list)  # how things were taken, perhaps wrongly


def is_name(value: Any) -> bool:
    """Texts, numbers, and tuples of them; true and false are neither.

    Half a sign, as JSON can hold, is no text.
    """
    if isinstance(value, tuple):
        return bool(value) and all(map(is_name, value))
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)
    return isinstance(value, int) and not isinstance(value, bool)


def refuse(path: object, what: str, line: int | None = None) -> MazerlError:
    """The one line about a file."""
    return MazerlError(f"{path}, line {line}: {what}" if line else f"{path}: {what}")


def add_edge(listing: Listing, path: object, edge: Edge) -> None:
    """Add an edge, unless there are too many.

    Raises:
        MazerlError: there are.
    """
    if len(listing.edges) >= MOST_EDGES:
        raise refuse(path, f"over {MOST_EDGES} edges; give at most as many")
    listing.edges.append(edge)
