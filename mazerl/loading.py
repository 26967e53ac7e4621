"""Functions of a user's own, by their names: FILE.py:FUNCTION or MODULE:FUNCTION."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mazerl.errors import MazerlError, where_raised


def load_function(what: str, name: str) -> Callable[..., Any]:
    """The function of a name; `what` says what it is to be.

    Raises:
        MazerlError: there is no such file or function, or importing it raises.
    """
    place, _, function = name.rpartition(":")
    where = f"{what} {name!r}"
    if not place or not function:
        raise MazerlError(f"{where} names no function; give FILE.py:FUNCTION")
    try:
        module = _of_file(where, place) if place.endswith(".py") else importlib.import_module(place)
    except MazerlError:
        raise
    except Exception as error:
        raise MazerlError(f"{where}: {where_raised(error)}; mend it") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise MazerlError(f"{where}: {place} has no function {function!r}; define it")
    return found


def _of_file(where: str, place: str) -> ModuleType:
    file = Path(place)
    if not file.is_file():
        raise MazerlError(f"{where}: there is no file {place}; give FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(f"mazerl_user_{file.stem}", file)
    # A loader is found by the suffix, which is that of Python files.
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
