"""Grids from the command line: every field of a study's config can be swept.

    --set width=2,4,8     a list
    --set depth=1:9       a range, ends included; 1:9:2 in steps of two
    --set vertices=16:256:*2    a logarithmic range
    --set sizes=height+width    one tuple

What is not set stays as in the first cell of the study's own grid.
"""

import dataclasses
import difflib
import math
from collections.abc import Sequence
from itertools import product
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from mazerl.errors import MazerlError, require_seed
from mazerl.sweep.studies import grid

MOST_CELLS = 100_000
"""More cells than these are run only on request."""


def sweep(
    name: str, settings: Sequence[str], seeds: int | None = None, most: float = MOST_CELLS
) -> list[Any]:
    """All combinations of the settings, over a study's first cell.

    Raises:
        MazerlError: a setting that is no FIELD=VALUES, a field set twice or unknown, values of the
            wrong type, an empty range, more cells than `most`.
    """
    first = grid(name, "full")[0]
    kinds = get_type_hints(type(first))
    chosen: dict[str, list[Any]] = {}
    for setting in settings:
        field, equals, values = setting.partition("=")
        if not equals:
            raise MazerlError(f"--set {setting!r} has no '='; give FIELD=VALUES")
        if field not in kinds:
            near = difflib.get_close_matches(field, kinds, 1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(kinds)}"
            raise MazerlError(f"{name} has no field {field!r}; {hint}")
        if field in chosen:
            raise MazerlError(f"{field} is set twice; give all its values at once")
        chosen[field] = _values(field, values, kinds[field])
    if seeds is not None:
        if "seed" not in kinds:
            raise MazerlError(f"{name} has no field 'seed'; leave --seeds out")
        if seeds < 1 or "seed" in chosen:
            raise MazerlError(f"--seeds is {seeds}; give at least 1, and no seed by --set")
        chosen["seed"] = list(range(seeds))
    cells = math.prod(map(len, chosen.values()))
    if cells > most:
        raise MazerlError(f"{cells} cells are more than {most:g}; set less, or add --yes")
    return [
        dataclasses.replace(first, **dict(zip(chosen, values, strict=True)))
        for values in product(*chosen.values())
    ]


def _values(field: str, text: str, kind: Any) -> list[Any]:
    values: list[Any] = []
    for part in text.split(","):
        if kind in (int, float) and ":" in part:
            values += _range(field, part, kind)
        else:
            values.append(_value(field, part, kind))
    for seed in values if field.endswith("seed") else ():
        require_seed(field, seed)
    if len(set(values)) < len(values):
        raise MazerlError(f"{field}={text} holds a value twice; give each once")
    return values


def _range(field: str, text: str, kind: Any) -> list[Any]:
    first, last, *rest = text.split(":")
    step = rest[0] if rest else "1"
    begin, end = _value(field, first, kind), _value(field, last, kind)
    factor = _value(field, step.removeprefix("*"), kind)
    grows = factor > 1 and begin > 0 if step.startswith("*") else factor > 0
    if len(rest) > 1 or not grows or begin > end:
        raise MazerlError(
            f"{field}={text} is an empty range; give FIRST:LAST, FIRST:LAST:STEP or "
            "FIRST:LAST:*FACTOR that leads upward"
        )
    # The end belongs to the range, whatever rounding does.
    if step.startswith("*"):
        return [begin * factor**n for n in range(int(math.log(end / begin, factor) + 1e-9) + 1)]
    return [begin + n * factor for n in range(int((end - begin) / factor + 1e-9) + 1)]


def _value(field: str, text: str, kind: Any) -> Any:
    options = [option for option in get_args(kind) if option is not NoneType]
    if get_origin(kind) is tuple:
        return tuple(_value(field, part, options[0]) for part in text.split("+"))
    if NoneType in get_args(kind):
        return None if text == "none" else _value(field, text, options[0])
    if kind is bool:
        if text in ("true", "false"):
            return text == "true"
        raise MazerlError(f"{field}={text}: {text!r} is neither true nor false")
    try:
        return kind(text)
    except ValueError:
        name = {int: "whole number", float: "number"}.get(kind, kind.__name__)
        raise MazerlError(f"{field}={text}: {text!r} is no {name}") from None
