"""Mazes as rooms with numbered doors, in words or in lists; walks as doors, letters or turns."""

import re
import string
from collections.abc import Sequence

from mazerl.bridges.text.places import NAME, Place, ports_to_arcs, unquoted
from mazerl.bridges.text.reading import from_doors, marks_of, names_in, numbered_lines, refuse
from mazerl.bridges.text.rendering import Move, Rendering, cut, marks
from mazerl.errors import MazerlError

_BY = ", where one goes on by chance"
_ROOM = re.compile(
    rf"In ({NAME})({_BY})?, (door \d+ leads to (?:{NAME})(?:, door \d+ leads to (?:{NAME}))*)\."
)
_LEADS = re.compile(rf"door (\d+) leads to ({NAME})")
_BEGIN = re.compile(rf"You start in ({NAME})\.")
_END = re.compile(rf"The goals? (?:is|are) ((?:{NAME})(?:, (?:{NAME}))*)\.")
_DOOR = re.compile(r"\bdoor (\d{1,9})\b", re.IGNORECASE)
_LISTED = re.compile(rf"({NAME}): ((?:{NAME})(?: (?:{NAME}))*)")


class Rooms(Rendering):
    """Sentences about rooms and doors; a walk is the doors it takes."""

    name = "rooms"
    answer = "the doors in order, such as: door 2, door 1"

    def write_rooms(self, place: Place) -> str:
        """A sentence a room, then the start."""
        called = place.called
        lines = []
        for v, ways in enumerate(place.out):
            doors = [
                f"door {n} leads to {called[place.head[arc]]}" for n, arc in enumerate(ways, 1)
            ]
            by = ", where one goes on by chance" if place.chance[v] else ""
            lines.append(f"In {called[v]}{by}, {', '.join(doors)}.")
        return "\n".join([*lines, f"You start in {called[place.start]}."])

    def write_goals(self, place: Place) -> str:
        """A sentence."""
        goals = ", ".join(place.called[goal] for goal in place.goals)
        return f"The goal{' is' if len(place.goals) == 1 else 's are'} {goals}."

    def read_maze(self, text: str) -> Place:
        """Read what `write_maze` writes."""
        doors: list[tuple[int, str, list[str]]] = []
        told: dict[str, tuple[int, list[str]]] = {"chance": (0, [])}
        for number, line in numbered_lines(text):
            room, begin, end = (form.fullmatch(line) for form in (_ROOM, _BEGIN, _END))
            if room:
                name = unquoted(room[1])
                doors.append((number, name, self._leads(number, room[3])))
                told["chance"][1].extend([name] if room[2] else [])
            elif begin or end:
                key = "start" if begin else "goals"
                found = begin or end
                if key in told:
                    raise refuse(number, line, f"one sentence about the {key}")
                told[key] = (number, names_in(found[1] if found else "", ","))
            else:
                raise refuse(number, line, "In NAME, door 1 leads to NAME, …; You start in NAME.; "
                             "or The goal is NAME.")  # fmt: skip
        return from_doors(doors, told)

    def _leads(self, number: int, said: str) -> list[str]:
        found = _LEADS.findall(said)
        if [int(n) for n, _ in found] != list(range(1, len(found) + 1)):
            raise refuse(number, said, "doors that are numbered 1, 2, 3, …")
        return [unquoted(token) for _, token in found]

    def moves(self, place: Place, text: str) -> list[Move]:
        """Doors by number."""
        del place
        rest = _DOOR.sub("", text).strip(", .\t\n")
        if rest:
            raise MazerlError(f"{cut(rest)} is no part of a walk; expected door 1, door 2, …")
        return [("door", int(n)) for n in _DOOR.findall(text)]

    def port(self, place: Place, arrival: int, move: Move) -> int | None:
        """A door's number less 1."""
        return move[1] - 1 if 1 <= move[1] <= len(place.ways(arrival)) else None

    def told(self, move: Move) -> str:
        """As it is written."""
        return f"door {move[1]}"

    def write_walk(self, place: Place, ports: Sequence[int]) -> str:
        """Doors between commas."""
        ports_to_arcs(place, ports)
        return ", ".join(f"door {port + 1}" for port in ports)


class Letters(Rendering):
    """A line a room, with where its doors lead; a walk is a letter a step, a for the first door."""

    name = "letters"
    answer = "a letter a step, a for the first door of the room, b for the second, such as: bac"
    signs = string.ascii_lowercase
    most_ports = len(signs)

    def write_rooms(self, place: Place) -> str:
        """A line a room, then chance and start."""
        called = place.called
        lines = [f"{called[v]}: " + " ".join(called[place.head[arc]] for arc in ways)
                 for v, ways in enumerate(place.out)]  # fmt: skip
        return "\n".join([*lines, *marks(place)])

    def read_maze(self, text: str) -> Place:
        """Read what `write_maze` writes."""
        lines, told = marks_of(numbered_lines(text))
        doors = []
        for number, line in lines:
            room = _LISTED.fullmatch(line)
            if not room:
                raise refuse(number, line, "NAME: NAME NAME …")
            doors.append((number, unquoted(room[1]), names_in(room[2])))
        place = from_doors(doors, told)
        self.require_ports(place)
        return place

    def moves(self, place: Place, text: str) -> list[Move]:
        """One for each sign; blanks between them are skipped."""
        del place
        signs = "".join(text.split()).lower()
        for sign in signs:
            if sign not in self.signs:
                raise MazerlError(f"{sign!r} is no move; expected signs of {self.signs}")
        return [(sign, self.signs.index(sign)) for sign in signs]

    def port(self, place: Place, arrival: int, move: Move) -> int | None:
        """The letter's place in the alphabet."""
        return move[1] if move[1] < len(place.ways(arrival)) else None

    def told(self, move: Move) -> str:
        """As it is written."""
        return move[0]

    def write_walk(self, place: Place, ports: Sequence[int]) -> str:
        """Letters without blanks."""
        self.require_ports(place)
        ports_to_arcs(place, ports)
        return "".join(self.signs[port] for port in ports)


class Turns(Letters):
    """Rooms as in `Letters`; a walk is a digit a step: 0 goes back, n takes the n-th door after.

    The first step counts from the first door. After z, which is 35, no sign is left. The same turns
    as those of `mazerl.turns`.
    """

    name = "turns"
    answer = (
        "a digit a step: 0 goes back by the door that you came by, 1 takes the next door after it "
        "in the room's list, which goes round, and so on; the first step counts from the first "
        "door, which is 0; such as: 0120"
    )
    signs = string.digits + string.ascii_lowercase
    most_ports = len(signs)

    def port(self, place: Place, arrival: int, move: Move) -> int | None:
        """Counted from the port that leads back."""
        ways = place.ways(arrival)
        return (move[1] + _back(place, arrival)) % len(ways) if move[1] < len(ways) else None

    def write_walk(self, place: Place, ports: Sequence[int]) -> str:
        """Digits without blanks."""
        self.require_ports(place)
        arrivals = [place.begins, *ports_to_arcs(place, ports)]
        return "".join(
            self.signs[(port - _back(place, arrival)) % len(place.ways(arrival))]
            for port, arrival in zip(ports, arrivals, strict=False)
        )


def _back(place: Place, arrival: int) -> int:
    """The port that leads back; 0 where the walk begins."""
    back = place.reverse[arrival]
    return 0 if back < 0 else back - place.ways(arrival).start
