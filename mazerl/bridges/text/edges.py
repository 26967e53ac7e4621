"""Mazes as lines of two rooms; walks as names of rooms."""

import re
from collections.abc import Sequence

from mazerl.bridges.text.places import NAME, Place, composed, ports_to_arcs, quoted, unquoted
from mazerl.bridges.text.reading import as_place, marks_of, numbered_lines, refuse
from mazerl.bridges.text.rendering import Move, Rendering, cut, marks
from mazerl.errors import MazerlError

_PASSAGE = re.compile(rf"({NAME}) - ({NAME})")
_STEP = re.compile(rf"\s*({NAME})(?:#(\d{{1,6}}))?(?:\s*(?:->|→|,))?\s*")


class Edges(Rendering):
    """Lines of two rooms; a walk is the names of its rooms, `b#2` by the second passage to b."""

    name = "edges"
    answer = "the rooms in order, from the start on, separated by spaces"

    def write_rooms(self, place: Place) -> str:
        """Rooms in order, then a line a passage, then chance and start."""
        called = place.called
        lines = ["rooms = " + " ".join(called)]
        for near, ways in enumerate(place.out):
            lines += [f"{called[near]} - {called[place.head[arc]]}"
                      for arc in ways if place.head[arc] > near]  # fmt: skip
        return "\n".join([*lines, *marks(place)])

    def read_maze(self, text: str) -> Place:
        """Read what `write_maze` writes; lines may come in any order after the first."""
        lines, told = marks_of(numbered_lines(text))
        if "rooms" not in told:
            raise refuse(1, text.split("\n", 1)[0], "rooms = NAME NAME …")
        edges = []
        for number, line in lines:
            ends = _PASSAGE.fullmatch(line)
            if not ends:
                raise refuse(number, line, "NAME - NAME")
            edges.append((number, unquoted(ends[1]), unquoted(ends[2])))
        return as_place(told, edges)

    def moves(self, place: Place, text: str) -> list[Move]:
        """Names of rooms; the first is where the walk begins."""
        found, end = [], 0
        while match := _STEP.match(text, end):
            found.append((composed(unquoted(match[1])), int(match[2] or 1)))
            end = match.end()
        if end < len(text):
            raise MazerlError(f"{cut(text[end:])} is no part of a walk; expected names of rooms")
        begin = place.names[place.start]
        if not found or found[0] != (composed(begin), 1):
            said = self.told(found[0]) if found else "nothing"
            raise MazerlError(f"the walk begins with {said}; expected {quoted(begin)}")
        return found[1:]

    def port(self, place: Place, arrival: int, move: Move) -> int | None:
        """The passage to a room."""
        room, which = place.number.get(move[0], -1), move[1]
        ports = [p for p, arc in enumerate(place.ways(arrival)) if place.head[arc] == room]
        return ports[which - 1] if 1 <= which <= len(ports) else None

    def told(self, move: Move) -> str:
        """As it is written."""
        return quoted(move[0]) + (f"#{move[1]}" if move[1] != 1 else "")

    def write_walk(self, place: Place, ports: Sequence[int]) -> str:
        """Names of the rooms, the start's too."""
        words, head = [place.called[place.start]], place.head
        for port, arc in zip(ports, ports_to_arcs(place, ports), strict=True):
            # Passages between two rooms are next to each other in order.
            which = 1
            while which <= port and head[arc - which] == head[arc]:
                which += 1
            words.append(place.called[head[arc]] + (f"#{which}" if which > 1 else ""))
        return " ".join(words)
