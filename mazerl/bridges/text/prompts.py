"""Prompts: a maze shown or hidden, a start and a goal, and how to answer."""

from mazerl.bridges.text.places import Place
from mazerl.bridges.text.rendering import Rendering
from mazerl.bridges.text.verifying import Task
from mazerl.errors import MazerlError

MOST_CHARACTERS = 20_000
"""Of a prompt, where nothing else is asked for."""

_EXPLAINED = {
    "edges": "Each line A - B is a passage between two rooms; it can be gone in both directions.",
    "rooms": "Doors can be gone through in both directions.",
    "letters": "Each line A: B C D says where the doors of room A lead, the first to B.",
    "turns": "Each line A: B C D says where the doors of room A lead, the first to B.",
}


def prompt_of(task: Task, shown: bool = True, most: int = MOST_CHARACTERS) -> str:
    """What a language model is asked.

    Args:
        task: a place with one goal, and no chance.
        shown: whether the maze is told; else only start, goal and the number of doors at the start.
        most: characters.

    Raises:
        MazerlError: the place has several goals; has a chance room, where one answer cannot say
            what happens; or the prompt is too long.
    """
    place, rendering, limit = task
    _require_alone(place)
    start, goal = place.called[place.start], place.called[place.goals[0]]
    asked = (
        f"Find a walk from {start} to {goal} of at most {limit} steps. Answer between <answer> and "
        f"</answer> with {rendering.answer}."
    )
    if shown:
        about = f"{_EXPLAINED[rendering.name]}\n\n{rendering.write_maze(place)}"
    else:
        about = f"It is not shown. Doors of room {start}: {len(place.out[place.start])}."
    prompt = f"You are in a maze. {about}\n\n{asked}"
    require_length(prompt, place, rendering, most)
    return prompt


def require_length(text: str, place: Place, rendering: Rendering, most: int) -> None:
    """Raise a `MazerlError` if a prompt is longer than `most` characters."""
    if len(text) > most:
        raise MazerlError(
            f"a maze of {len(place.names)} rooms makes a prompt of {len(text)} characters as "
            f"{rendering.name!r}, and the limit is {most}: give a smaller maze, or a higher limit"
        )


def _require_alone(place: Place) -> None:
    if len(place.goals) != 1:
        raise MazerlError(f"a prompt asks for one goal, not {len(place.goals)}; give place.asked")
    if any(place.chance):
        room = place.called[place.chance.index(True)]
        raise MazerlError(
            f"in room {room} chance moves, and one answer cannot tell where; take a maze without "
            "chance, such as with --fork learned, or the environment of many turns"
        )
