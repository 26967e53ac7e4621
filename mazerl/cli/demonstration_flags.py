"""The flags of `mazerl train grpo` by which golden paths are learned from beside its own walks."""

from collections.abc import Mapping
from typing import Any, Literal

from mazerl.cli.parsing import Options
from mazerl.errors import MazerlError

DEMONSTRATIONS: Options = {
    "demonstrations": (
        Literal["none", "group", "joint", "alternating"], "none",
        "golden paths beside its own walks: one in each group, a loss in each update, or some "
        "updates for themselves",
    ),
    "imitation": (float, 1.0, "weight of their loss: joint and alternating only"),
    "imitate_every": (int, 2, "one update in so many is theirs: alternating only"),
}  # fmt: skip

_OF = {"imitation": ("joint", "alternating"), "imitate_every": ("alternating",)}


def unasked_of_demonstrations(options: Mapping[str, Any]) -> set[str]:
    """What a configuration leaves out of these flags.

    Raises:
        MazerlError: a flag of a way to mix that was not chosen.
    """
    way = options.get("demonstrations", "none")
    unasked = {"demonstrations"} if way == "none" else set()
    for name, ways in _OF.items():
        if way in ways:
            continue
        if options.get(name, DEMONSTRATIONS[name][1]) != DEMONSTRATIONS[name][1]:
            raise MazerlError(
                f"{name} is {options[name]!r}, but demonstrations are {way!r}; "
                f"add --demonstrations {ways[-1]}"
            )
        unasked.add(name)
    return unasked
