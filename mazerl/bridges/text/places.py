"""A maze whose vertices have names, as plain lists: what texts are written from and read into."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mazerl.errors import MazerlError, require_seed
from mazerl.maze import Maze, compile_maze
from mazerl.maze.compiling import arcs_of
from mazerl.topology import Graph

BARE = r'[^\s",.;:#()=<>→\-]+'
"""Names that stand without quotes; all others are written as JSON texts."""

NAME = rf'"(?:[^"\\]|\\.)*"|{BARE}'

_BARE = re.compile(BARE)


@dataclass(frozen=True)
class Place:
    """A maze and the names of its vertices, made by `place_of`."""

    maze: Maze
    names: tuple[str, ...]  # [V]
    called: tuple[str, ...]  # [V] names as they are written
    number: dict[str, int]  # vertex of a name in its composed form (NFC)
    start: int
    goals: tuple[int, ...]  # [G]
    head: list[int]  # [A+1] vertex after an arrival; the start after A
    reverse: list[int]  # [A+1] -1 after A
    out: list[range]  # [V] arcs out of each vertex, by port
    chance: list[bool]  # [V]
    written: dict[str, str]  # what renderings have written of it, whatever the goals

    @property
    def begins(self) -> int:
        """A, the arrival where a walk begins."""
        return len(self.head) - 1

    def ways(self, arrival: int) -> range:
        """The arcs that can be taken after an arrival, by port."""
        return self.out[self.head[arrival]]

    def asked(self, goal: int) -> "Place":
        """The same place with one goal."""
        maze = replace(self.maze, goals=np.array([goal], np.int32))
        return replace(self, maze=maze, goals=(goal,))


def place_of(maze: Maze, names: Iterable[Any] | None = None) -> Place:
    """A maze with names, such as those of the graph it was compiled from; by default numbers.

    Raises:
        MazerlError: names are not one for each vertex, or two are written alike (also when composed
            as Unicode's NFC does); or ports are in another order than `compile_maze` gives them,
            which a text does not hold.
    """
    texts = tuple(map(str, range(maze.num_vertices) if names is None else names))
    if len(texts) != maze.num_vertices:
        raise MazerlError(f"{len(texts)} names for {maze.num_vertices} vertices; give one for each")
    number: dict[str, int] = {}
    for v, text in enumerate(texts):
        if number.setdefault(composed(text), v) != v:
            raise MazerlError(f"two rooms are called {quoted(text)}; give names that differ")
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    if not _in_order(head, reverse, maze.num_vertices):
        raise MazerlError(
            "the maze's ports are in an order of their own, which a text does not hold; give it as "
            "compile_maze made it, and mix rooms with mazerl.topology.shuffled"
        )
    first, degree = np.asarray(maze.first_arc).tolist(), np.asarray(maze.degree).tolist()
    return Place(
        maze=maze, names=texts, called=tuple(map(quoted, texts)), number=number,
        start=int(maze.start), goals=tuple(np.asarray(maze.goals).tolist()),
        head=[*head.tolist(), int(maze.start)], reverse=[*reverse.tolist(), -1],
        out=[range(a, a + ports) for a, ports in zip(first, degree, strict=True)],
        chance=np.asarray(maze.chance).tolist(), written={},
    )  # fmt: skip


def place_of_graph(graph: Graph) -> Place:
    """The place of a graph, under its own names."""
    return place_of(compile_maze(graph), graph)


def _in_order(head: np.ndarray, reverse: np.ndarray, vertices: int) -> bool:
    """Whether `compile_maze` gives these arcs, so that a list of edges says all of them."""
    tail = head[reverse]
    outward = np.flatnonzero(tail < head)
    near, far = tail[outward], head[outward]
    arcs = arcs_of(near, far, vertices)
    pairs = near.astype(np.int64) * vertices + far
    together = 1 + np.count_nonzero(np.diff(pairs)) == len(np.unique(pairs))
    return together and np.array_equal(arcs.head, head) and np.array_equal(arcs.reverse, reverse)


def ports_to_arcs(place: Place, ports: Iterable[int]) -> list[int]:
    """The arcs of a walk that takes these ports from the start.

    Raises:
        MazerlError: a vertex on the way has no such port.
    """
    arcs, arrival = [], place.begins
    for n, port in enumerate(ports, 1):
        ways = place.ways(arrival)
        if not 0 <= port < len(ways):
            raise MazerlError(f"step {n} takes port {port} of {len(ways)}; give one that is there")
        arrival = ways[port]
        arcs.append(arrival)
    return arcs


def composed(name: str) -> str:
    """A name as it is looked up: é is one name, however its accent is coded."""
    return unicodedata.normalize("NFC", name)


def quoted(name: str) -> str:
    """A name as it is written: bare where nothing in it is read as something else."""
    if _BARE.fullmatch(name) and name.isprintable():
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable()).replace("<", "\\u003c")


def unquoted(token: str) -> str:
    """The name that is written so.

    Raises:
        MazerlError: its quotes hold no JSON text.
    """
    if not token.startswith('"'):
        return token
    try:
        return str(json.loads(token))
    except ValueError:
        raise MazerlError(f"{token} is no name in quotes; write it as JSON does") from None


_ALPHABETS = {
    "numbers": "0123456789",
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшщэюя",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "devanagari": "कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    "han": "山水火木金土日月人口手足目耳心田石雨雪風花草竹米魚鳥馬牛羊犬門車舟弓刀衣食住",
    "hangul": "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허",
}

SCRIPTS = tuple(_ALPHABETS)
"""What names can be drawn from."""


def names_of(count: int, script: str, seed: int) -> list[str]:
    """Different names of one length, drawn by the seed, so that a name says nothing of its room.

    Raises:
        MazerlError: the script is unknown.
    """
    if script not in _ALPHABETS:
        raise MazerlError(f"unknown names {script!r}; known: {', '.join(SCRIPTS)}")
    letters: Sequence[str] = _ALPHABETS[script]
    length = 1
    while len(letters) ** length < count:
        length += 1
    draw = np.random.default_rng(require_seed("the seed", seed))
    chosen = draw.choice(len(letters) ** length, count, replace=False)
    return ["".join(letters[n // len(letters) ** k % len(letters)] for k in range(length))
            for n in chosen.tolist()]  # fmt: skip
