"""The one exception that a user's input can cause."""

import math
import traceback


class MazerlError(ValueError):
    """Bad input, in one line: what is wrong, where, and the remedy.

    Commands print it without a traceback and exit with code 2.
    """


class MazerlWarning(UserWarning):
    """What a user should know of a result, in one line; commands print it and go on."""


def require_whole(name: str, value: object, least: int = 1) -> int:
    """Return `value` as an int, or raise `MazerlError` if it is not a whole number ≥ `least`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and hasattr(value, "__index__") and not isinstance(value, bool):
        value, whole = value.__index__(), True
    if not whole or not isinstance(value, int) or value < least:
        raise MazerlError(f"{name} is {value!r}; give a whole number of at least {least}")
    return value


def require_limit(name: str, value: object) -> int:
    """Return a time limit or a count, or raise `MazerlError`: a whole number from 1 to 2³¹ - 1."""
    limit = require_whole(name, value)
    if limit >= 2**31:
        raise MazerlError(f"{name} is {limit}; give a whole number below {2**31}")
    return limit


def require_number(
    name: str, value: float, least: float = -math.inf, most: float = math.inf, above: bool = False
) -> float:
    """Return a finite number from `least`, or `above` it, to `most`; or raise `MazerlError`."""
    inside = least < value <= most if above else least <= value <= most
    if not (inside and math.isfinite(value)):
        low = "" if least == -math.inf else f" {'above' if above else 'of at least'} {least:g}"
        high = "" if most == math.inf else f"{' and' if low else ''} of at most {most:g}"
        raise MazerlError(f"{name} is {value}; give a finite number{low}{high}")
    return value


def require_seed(name: str, value: object) -> int:
    """Return a seed as an int, or raise `MazerlError` if it is not a whole number below 2³².

    JAX takes 32 bits of a seed and drops the others, so that 2³² would be 0.
    """
    seed = require_whole(name, value, 0)
    if seed >= 2**32:
        raise MazerlError(f"{name} is {seed}; give a whole number below {2**32}")
    return seed


def where_raised(error: Exception) -> str:
    """File, line and kind of an error in a user's code."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {first_line(error)}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}, line {frame.lineno}: {first_line(error)}"


def first_line(error: Exception) -> str:
    """An error's kind, and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
