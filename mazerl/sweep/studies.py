"""Studies: what they are, and how a word becomes one.

A study is a Python module that holds

    GRID               a tuple of frozen dataclasses, a cell each
    run(config)        → {name: array}; may take a `Work` as `work`, to save and show its trainings
    table(records)     → `Tables`

and, if it likes, SMOKE (cells for tests) and QUICK (a part of a long grid), CLAIM_FAMILIES (what
its claims are about), and run_seeds(configs, work) where several seeds train at once. It is named
by the entry point of an installed package (group `mazerl.studies`), as FILE.py, or as a module.
Its name, which is that of the entry point, file or module, names its records and its tables.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import pandas as pd

from mazerl.errors import MazerlError, where_raised
from mazerl.store.records import Record
from mazerl.sweep.claims import Family

_ENTRY_POINTS = "mazerl.studies"


class Tables(NamedTuple):
    """What a study hands to the figures."""

    frames: dict[str, pd.DataFrame]  # name → <folder of the tables>/<name>.csv
    claims: Sequence[dict[str, Any]] = ()  # rows of claims.csv; see `mazerl.sweep.claims`


class Study(Protocol):
    """A study's module."""

    __doc__: str | None
    GRID: Sequence[Any]
    run: Callable[..., Mapping[str, np.ndarray]]
    table: Callable[[list[Record]], Tables]


@dataclasses.dataclass(frozen=True)
class Offer:
    """Studies that can be named without more ado, and where their tables and commands are."""

    command: str  # what a user types before the names of commands
    places: Mapping[str, str]  # name → module
    data: Path | None = None  # folder of the committed tables; None: beside the records


class _Found(NamedTuple):
    place: str  # name of a module, or a file
    module: Study


_found: dict[str, _Found] = {}
_offered = [Offer("mazerl sweep", {})]


def offer(studies: Offer) -> None:
    """Let studies be named, beside those of installed packages."""
    _offered[0] = studies


def offered() -> Offer:
    """The studies that can be named.

    Raises:
        MazerlError: an installed package's study takes a name in use.
    """
    places = dict(_offered[0].places)
    for entry in entry_points(group=_ENTRY_POINTS):
        if places.get(entry.name, entry.value) != entry.value:
            raise _two(entry.name, places[entry.name], entry.value)
        places[entry.name] = entry.value
    return dataclasses.replace(_offered[0], places=places)


def find(word: str) -> str:
    """The name of the study that a word says; afterwards `load` knows it.

    Raises:
        MazerlError: there is none, it cannot be imported, lacks GRID, run or table, has a config
            that is no frozen dataclass, or another study has its name.
    """
    if word.endswith(".py"):
        file = Path(word).absolute()
        name, place = file.stem, str(file)
    else:
        places = offered().places
        if word not in places and not _is_module(word):
            raise MazerlError(
                f"unknown study {word!r}; known: {', '.join(places) or 'none'}, or give a FILE.py "
                "or a module"
            )
        name, place = word.rpartition(".")[2], places.get(word, word)
    if name in _found:
        if _found[name].place != place:
            raise _two(name, _found[name].place, place)
        return name
    module = _from_file(Path(place)) if place.endswith(".py") else _import(place, word)
    _check(name, place, module)
    _found[name] = _Found(place, cast(Study, module))
    return name


def load(name: str) -> Study:
    """A study by its name.

    Raises:
        MazerlError: as `find`.
    """
    if name not in _found:
        find(name)
    return _found[name].module


def place_of(name: str) -> str:
    """What `find` finds a study by, in any process that has its code."""
    load(name)
    return _found[name].place


def grid(name: str, size: str) -> list[Any]:
    """The configs of a study: size is "full", "quick" or "smoke"."""
    module = load(name)
    if size == "quick":
        return list(getattr(module, "QUICK", module.GRID))
    return list(getattr(module, "SMOKE", module.GRID[:1]) if size == "smoke" else module.GRID)


def families(name: str) -> Sequence[Family]:
    """What a study's claims are about."""
    return getattr(load(name), "CLAIM_FAMILIES", ())


def code_of(name: str) -> list[Path]:
    """The files that a study's numbers and tables depend on: its package's, or its own alone."""
    file = Path(str(cast(ModuleType, load(name)).__file__))
    package, _, inside = place_of(name).partition(".")
    if file.suffix != ".py" or not inside or place_of(name).endswith(".py"):
        return [file]
    return sorted(Path(str(sys.modules[package].__path__[0])).glob("**/*.py"))


def packages_found() -> Iterator[Path]:
    """Packages, or single files, of the studies found so far that are not installed."""
    for name, (place, module) in _found.items():
        file = Path(str(cast(ModuleType, module).__file__))
        if "site-packages" not in file.parts:
            alone = place.endswith(".py") or "." not in place
            yield file if alone else code_of(name)[0].parent


def _from_file(file: Path) -> ModuleType:
    # Imported by its stem from its folder, as `python FILE.py` would, so that workers find it too.
    if not file.exists() and importlib.util.find_spec(file.stem) is None:
        raise MazerlError(f"study {str(file)!r}: there is no such file")
    if file.exists():
        known = importlib.util.find_spec(file.stem) if file.stem.isidentifier() else None
        if known is not None and Path(str(known.origin)) != file:
            raise MazerlError(
                f"study {str(file)!r} has the name of the module at {known.origin}; rename the file"
            )
        if str(file.parent) not in sys.path:
            sys.path.append(str(file.parent))
        importlib.invalidate_caches()
    return _import(file.stem, str(file))


def _is_module(word: str) -> bool:
    """Whether the package of a module is there, in the working directory too."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    package = word.partition(".")[0]
    return package.isidentifier() and importlib.util.find_spec(package) is not None


def _import(module: str, told: str) -> ModuleType:
    try:
        return import_module(module)
    except MazerlError:
        raise
    except Exception as error:
        raise MazerlError(f"study {told!r}: {where_raised(error)}; mend it") from error


def _check(name: str, place: str, module: ModuleType) -> None:
    for needed in ("GRID", "run", "table"):
        if not hasattr(module, needed):
            raise MazerlError(f"study {name!r} ({place}) has no {needed}; define it")
    for size in ("GRID", "SMOKE", "QUICK"):
        cells = getattr(module, size, module.GRID)
        if not isinstance(cells, Sequence) or not cells:
            raise MazerlError(f"study {name!r} ({place}): {size} is no tuple of configs, or empty")
        for config in cells:
            made = getattr(type(config), "__dataclass_params__", None)
            if made is None or not made.frozen:
                raise MazerlError(
                    f"study {name!r} ({place}): {size} has a {type(config).__name__}, which is no "
                    "frozen dataclass; decorate its class with @dataclass(frozen=True)"
                )


def _two(name: str, one: str, other: str) -> MazerlError:
    return MazerlError(f"two studies are called {name!r}, {one} and {other}; rename one")
