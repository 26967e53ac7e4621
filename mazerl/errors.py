"""The one exception that a user's input can cause."""


class MazerlError(ValueError):
    """Bad input, in one line: what is wrong, where, and the remedy.

    Commands print it without a traceback and exit with code 2.
    """


def require_whole(name: str, value: object, least: int = 1) -> int:
    """Return `value` as an int, or raise `MazerlError` if it is not a whole number ≥ `least`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and hasattr(value, "__index__") and not isinstance(value, bool):
        value, whole = value.__index__(), True
    if not whole or not isinstance(value, int) or value < least:
        raise MazerlError(f"{name} is {value!r}; give a whole number of at least {least}")
    return value
