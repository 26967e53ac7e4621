"""What a way to write mazes and walks must be able to do."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from mazerl.bridges.text.places import Place
from mazerl.errors import MazerlError

Move = tuple[str, int]
"""A move as it stands in a text: what it is called, and a number."""


class Rendering(ABC):
    """One way to write mazes and walks."""

    name: str
    answer: str  # how a walk is to be written, for a prompt
    most_ports = 10**9

    def write_maze(self, place: Place) -> str:
        """A maze as text, without an end of line; a `MazerlError` if it has not signs enough."""
        if self.name not in place.written:
            self.require_ports(place)
            place.written[self.name] = self.write_rooms(place)
        return f"{place.written[self.name]}\n{self.write_goals(place)}"

    @abstractmethod
    def write_rooms(self, place: Place) -> str:
        """All of a maze's text but its goals."""

    def write_goals(self, place: Place) -> str:
        """The last line of a maze's text."""
        return "goals = " + " ".join(place.called[goal] for goal in place.goals)

    @abstractmethod
    def read_maze(self, text: str) -> Place:
        """The maze of a text; a `MazerlError` with line and what was expected if it is none."""

    @abstractmethod
    def moves(self, place: Place, text: str) -> list[Move]:
        """The moves of a walk's text, whether or not they can be made.

        Raises:
            MazerlError: it is no walk.
        """

    @abstractmethod
    def port(self, place: Place, arrival: int, move: Move) -> int | None:
        """The port that a move takes after an arrival; None where it is through a wall."""

    @abstractmethod
    def told(self, move: Move) -> str:
        """A move, as a fault names it."""

    @abstractmethod
    def write_walk(self, place: Place, ports: Sequence[int]) -> str:
        """A walk from the start as text; a `MazerlError` if a port is not there."""

    def require_ports(self, place: Place) -> None:
        """Raise a `MazerlError` if a room has more doors than there are signs for."""
        widest = max(range(len(place.out)), key=lambda v: len(place.out[v]))
        if len(place.out[widest]) > self.most_ports:
            raise MazerlError(
                f"room {place.called[widest]} has {len(place.out[widest])} doors; "
                f"{self.name!r} has signs for {self.most_ports}: give another rendering"
            )


def read_walk(place: Place, text: str, rendering: Rendering) -> list[int]:
    """The ports of a walk's text.

    Raises:
        MazerlError: it is no walk, or goes through a wall.
    """
    ports: list[int] = []
    arrival = place.begins
    for n, move in enumerate(rendering.moves(place, text), 1):
        port = rendering.port(place, arrival, move)
        if port is None:
            raise MazerlError(f"move {n}: {through_wall(place, arrival, rendering.told(move))}")
        ports.append(port)
        arrival = place.ways(arrival)[port]
    return ports


def through_wall(place: Place, arrival: int, said: str) -> str:
    """What is wrong with a move, and what there is instead."""
    ways = place.ways(arrival)
    here = place.called[place.head[arrival]]
    leads = ", ".join(place.called[place.head[arc]] for arc in ways[:5])
    more = ", …" if len(ways) > 5 else ""
    return f"no {said} from {here}, whose doors lead to {leads}{more}"


def marks(place: Place) -> Iterable[str]:
    """Lines of chance and start."""
    by_chance = [name for name, chance in zip(place.called, place.chance, strict=True) if chance]
    if by_chance:
        yield "chance = " + " ".join(by_chance)
    yield f"start = {place.called[place.start]}"


def cut(text: str) -> str:
    """A part of a text, as an error shows it."""
    return repr(text.strip()[:40])
