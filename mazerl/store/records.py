"""The run store: write-once records, and reading them back.

    <root>/<study>/<hash of the config>/
        config.json       the frozen config; the hash is sha256 of its sorted JSON
        environment.json  commit, versions, device, seconds
        arrays.npz        raw numbers, one array a name; nothing averaged
        metrics.jsonl     what its trainings told while they ran, for watching; not part of it
        DONE              the format, and checksums of the other files; written last, atomically

A folder without DONE is an interrupted run: it counts as missing and is written over.
"""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mazerl.errors import MazerlError
from mazerl.store.sources import changed_sources, sources_of

_HASH_DIGITS = 16
FILES = ("config.json", "environment.json", "arrays.npz")
"""What a record is made of."""

FORMAT = 2
"""Of records that are written; formats up to this one are read. 1 had no number."""


GENERATOR = "threefry2x32"
"""The random generator of every seed, whatever JAX is told to use by default."""


class Record(NamedTuple):
    """One finished cell."""

    config: dict[str, Any]
    environment: dict[str, Any]
    arrays: dict[str, np.ndarray]


def config_json(config: Any) -> str:
    """The sorted JSON of a frozen dataclass, or of a dict, which identifies a cell."""
    plain = dict(config) if isinstance(config, Mapping) else dataclasses.asdict(config)
    return json.dumps(plain, sort_keys=True, allow_nan=False)


def record_folder(root: Path, study: str, config: Any) -> Path:
    """Where a cell's record lies, whether or not it exists."""
    digest = hashlib.sha256(config_json(config).encode()).hexdigest()
    return root / study / digest[:_HASH_DIGITS]


def is_done(root: Path, study: str, config: Any) -> bool:
    """Whether a cell has a finished record, made from the builder's and graph's files as they are.

    Raises:
        MazerlError: the folder holds a record of another config.
    """
    folder = record_folder(root, study, config)
    checksums = _checksums(folder)
    if checksums is None:
        return False
    stored = (folder / "config.json").read_text() if (folder / "config.json").exists() else ""
    if stored != config_json(config):
        raise MazerlError(
            f"{folder}: the record's config differs from the one it is filed under; "
            "move that folder away and run again"
        )
    return not changed_sources(json.loads(stored), folder / "environment.json")


def write_record(
    root: Path,
    study: str,
    config: Any,
    arrays: Mapping[str, np.ndarray],
    seconds: float,
    environment: Mapping[str, Any] | None = None,
) -> Path:
    """Store a finished cell, once; on disk before it counts.

    Args:
        root: the store.
        study: a folder of it.
        config: a frozen dataclass, or a dict.
        arrays: the cell's numbers.
        seconds: what the cell took.
        environment: where it ran, if not in this process.

    Raises:
        MazerlError: the cell is stored already, or the folder cannot be written.
        TypeError: an array could only be pickled.
    """
    folder = record_folder(root, study, config)
    if is_done(root, study, config):
        raise MazerlError(f"{folder} is stored already; records are written once, delete it first")
    named: dict[str, Any] = dict(arrays)
    pickled = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if pickled:
        raise TypeError(f"array {pickled[0]!r} holds Python objects; store numbers or text")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(config_json(config))
        described = dict(environment or describe_environment(seconds)) | _commit()
        if sources := sources_of(json.loads(config_json(config))):
            described["sources"] = sources
        (folder / "environment.json").write_text(json.dumps(described, indent=1, sort_keys=True))
        with (folder / "arrays.npz").open("wb") as file:
            np.savez_compressed(file, **named)
        unfinished = folder / "DONE.part"
        files = {name: checksum(folder / name) for name in FILES}
        sizes = {name: (folder / name).stat().st_size for name in FILES}
        unfinished.write_text(json.dumps({"format": FORMAT, "files": files, "bytes": sizes}))
        for name in (*FILES, unfinished.name):
            _to_disk(folder / name)
        os.replace(unfinished, folder / "DONE")
    except OSError as error:
        raise _cannot_write(root, error) from error
    return folder


def read_record(root: Path, study: str, config: Any) -> Record:
    """Read one finished cell, checking that it is what was written.

    Raises:
        MazerlError: no finished record, or one that was damaged since.
    """
    folder = record_folder(root, study, config)
    if not is_done(root, study, config):
        raise MazerlError(
            f"{study}: no finished record of {config_json(config)}; "
            f"run `python -m experiments run {study}`"
        )
    return read_record_at(folder)


def read_record_at(folder: Path) -> Record:
    """Read a finished record from its folder, checking that it is what was written.

    Raises:
        MazerlError: it was damaged since.
    """
    damaged = damage(folder)
    if damaged:
        raise MazerlError(f"{folder / damaged[0]} is damaged; delete that folder and run again")
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return Record(
        json.loads((folder / "config.json").read_text()),
        json.loads((folder / "environment.json").read_text()),
        arrays,
    )


def read_records(root: Path, study: str, configs: Iterable[Any]) -> list[Record]:
    """Read a whole grid; refuses holes."""
    configs = list(configs)
    missing = [c for c in configs if not is_done(root, study, c)]
    if missing:
        raise MazerlError(
            f"{study}: {len(missing)} of {len(configs)} cells have no finished record, "
            f"first {config_json(missing[0])}; run `python -m experiments run {study}`"
        )
    return [read_record(root, study, config) for config in configs]


def require_writable(root: Path) -> None:
    """Raise a `MazerlError` now rather than after the first cell, if nothing can be stored."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        # A name of its own: several drivers may look at once.
        with tempfile.NamedTemporaryFile(dir=root, prefix=".writable"):
            pass
    except OSError as error:
        raise _cannot_write(root, error) from error


def describe_environment(seconds: float) -> dict[str, Any]:
    """What a number may depend on besides its config."""
    import jax

    packages = ("mazerl", "jax", "jaxlib", "numpy", "scipy", "optax", "networkx")
    return _commit() | {
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "generator": GENERATOR,
        "device": jax.devices()[0].device_kind,
        "platform": jax.default_backend(),
        "seconds": round(seconds, 3),
    }


def _commit() -> dict[str, Any]:
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _cannot_write(root: Path, error: OSError) -> MazerlError:
    reason = error.strerror or str(error)
    return MazerlError(f"cannot write results to {root}: {reason}; give another folder")


def checksum(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def seal(folder: Path) -> str:
    """What tells a finished record from any other: sha256 of its DONE, which has its checksums."""
    return checksum(folder / "DONE")


def damage(folder: Path) -> list[str]:
    """The files of a finished record that are not as they were written."""
    checksums = _checksums(folder)
    if not checksums:
        return ["DONE"]

    def altered(name: str) -> bool:
        return not (folder / name).exists() or checksum(folder / name) != checksums.get(name)

    return [name for name in FILES if altered(name)]


def _checksums(folder: Path) -> dict[str, str] | None:
    """What DONE says; None if there is none, nothing if it is damaged.

    Raises:
        MazerlError: the record was written by a newer version.
    """
    try:
        told = json.loads((folder / "DONE").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    written = told.get("format", 1)
    if written == 1:
        return told
    if not isinstance(written, int) or written > FORMAT:
        raise MazerlError(
            f"{folder} was written by a newer mazerl (format {written}, this one reads up to "
            f"{FORMAT}); update mazerl"
        )
    files = told.get("files")
    return files if isinstance(files, dict) else {}


def _to_disk(path: Path) -> None:
    """Have the system write a file out, so that not even a power cut leaves half of it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _git(*arguments: str) -> str | None:
    """What git says of the code's repository; None outside one."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
