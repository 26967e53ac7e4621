"""Ways to write a maze and a walk as text, each of which can be read back without loss.

edges    lines of two rooms; a walk is the names of its rooms
rooms    sentences about doors; a walk is the doors it takes
letters  a line a room, with where its doors lead; a walk is a letter a door, a the first
turns    the same lines; a walk is a digit a step: 0 goes back, n takes the n-th door after that

Where a room has several passages to another, the k-th from one side is the k-th from the other.
"""

from mazerl.bridges.text.doors import Letters, Rooms, Turns
from mazerl.bridges.text.edges import Edges
from mazerl.bridges.text.rendering import Rendering
from mazerl.errors import MazerlError

RENDERINGS: dict[str, Rendering] = {r.name: r for r in (Edges(), Rooms(), Letters(), Turns())}


def rendering_of(name: str) -> Rendering:
    """The rendering of a name, or a `MazerlError` that lists them."""
    if name not in RENDERINGS:
        raise MazerlError(f"unknown rendering {name!r}; known: {', '.join(RENDERINGS)}")
    return RENDERINGS[name]
