"""What is wrong with a store: files missing, truncated, altered or foreign. It only looks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from mazerl.store.locks import LOCKS
from mazerl.store.records import FILES, damage, record_folder
from mazerl.store.sources import changed_sources
from mazerl.sweep.places import TABLES, TENSORBOARD, UNFINISHED, WANDB

_OURS = {LOCKS, UNFINISHED, TENSORBOARD, WANDB, *TABLES}
_RECORD = re.compile(r"[0-9a-f]{16}")


class Finding(NamedTuple):
    """One thing that is wrong."""

    path: Path
    what: str
    study: str | None  # whose cell must be run again; None if none
    config: str  # of that cell, as far as it can be read
    removable: bool  # by --fix: what running again, or going on, makes anew


def examine(store: Path) -> Iterator[Finding]:
    """Everything that is wrong with a store."""
    for entry in sorted(store.iterdir()) if store.exists() else []:
        if entry.name in _OURS:
            continue
        if entry.is_dir() and any(_RECORD.fullmatch(inside.name) for inside in entry.iterdir()):
            for record in sorted(entry.iterdir()):
                if record.is_dir() and _RECORD.fullmatch(record.name):
                    yield from _examine_record(store, entry.name, record)
                else:
                    yield Finding(record, "foreign: not a record", None, "", False)
        else:
            yield Finding(entry, "foreign: holds no records", None, "", False)


def _examine_record(store: Path, name: str, folder: Path) -> Iterator[Finding]:
    config = _config(folder)
    if not (folder / "DONE").exists():
        if not _is_running(store, name, folder):
            yield Finding(folder, "unfinished: it has no DONE", name, config, True)
        return
    damaged = damage(folder)
    for file in damaged:
        yield Finding(folder / file, _what(folder, file), name, config, True)
    if not damaged and record_folder(store, name, json.loads(config)).name != folder.name:
        yield Finding(folder, "foreign: a record of another config", name, config, True)
    for source in changed_sources(json.loads(config or "{}"), folder / "environment.json"):
        yield Finding(folder, f"made from another version of {source}", name, config, True)
    known = {*FILES, "DONE", "metrics.jsonl"}
    for strange in sorted(file for file in folder.iterdir() if file.name not in known):
        yield Finding(strange, "foreign: not a file of a record", None, "", False)


def _what(folder: Path, file: str) -> str:
    if not (folder / file).exists():
        return "missing"
    if file == "DONE":
        return "damaged"
    sizes = json.loads((folder / "DONE").read_text()).get("bytes", {})
    size = (folder / file).stat().st_size
    return "truncated" if size < sizes.get(file, 0) else "altered"


def _config(folder: Path) -> str:
    try:
        text = (folder / "config.json").read_text()
        json.loads(text)
    except (OSError, ValueError):
        return ""
    return text


def _is_running(store: Path, name: str, folder: Path) -> bool:
    """Whether a driver holds the cell now."""
    path = store / LOCKS / f"{name}-{folder.name}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
