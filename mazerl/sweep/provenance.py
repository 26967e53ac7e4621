"""Where each table comes from: the records, their commits and versions, and the command.

    <folder of the tables>/records/<study>.json

names, for all tables of a study, the records that they were made from. `explain` tells it to
people; `is_current` spares the tables that would come out the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from mazerl.errors import MazerlError
from mazerl.store.records import Record, checksum, config_json, record_folder, seal
from mazerl.sweep.studies import code_of, offered

_PACKAGE = Path(__file__).parent.parent


def _file(folder: Path, name: str) -> Path:
    return folder / "records" / f"{name}.json"


def write(
    folder: Path,
    name: str,
    command: str,
    records: Sequence[Record],
    frames: Mapping[str, pd.DataFrame],
    claims: Sequence[Mapping[str, Any]],
    store: Path,
) -> None:
    """Say what a study's tables in a folder were made from."""
    environments: list[dict[str, Any]] = []
    lines = []
    for record in records:
        made_in = {k: v for k, v in record.environment.items() if k != "seconds"}
        if made_in not in environments:
            environments.append(made_in)
        path = record_folder(store, name, record.config)
        line = {
            "record": path.name,
            "seal": seal(path),
            "environment": environments.index(made_in),
            "seconds": record.environment["seconds"],
            "config": record.config,
        }
        lines.append(json.dumps(line))
    head = {
        "command": command,
        "code": _code(name),
        "tables": {f"{frame}.csv": checksum(folder / f"{frame}.csv") for frame in frames},
        "claims": [row["id"] for row in claims],
        "environments": environments,
    }
    file = _file(folder, name)
    file.parent.mkdir(exist_ok=True)
    # One record a line, so that a change of one shows as one.
    begin = json.dumps(head, indent=1)[:-2]
    file.write_text(begin + ',\n "records": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n")


def is_current(folder: Path, name: str, configs: Sequence[Any], store: Path) -> bool:
    """Whether the tables in a folder are what these records and this code would make again."""
    try:
        told = json.loads(_file(folder, name).read_text())
        seals = [(line["record"], line["seal"]) for line in told["records"]]
        paths = [record_folder(store, name, config) for config in configs]
        claims = pd.read_csv(folder / "claims.csv", dtype=str)
        mine = claims[claims["study"] == name]["id"]
        return (
            told["code"] == _code(name)
            and all(checksum(folder / table) == sha for table, sha in told["tables"].items())
            and set(mine) == set(told["claims"])
            and seals == [(path.name, seal(path)) for path in paths]
        )
    except (OSError, ValueError, KeyError):
        return False


@cache
def _code(name: str) -> str:
    """A checksum of the code that a study's tables depend on."""
    files = [*code_of(name), *sorted(_PACKAGE.glob("**/*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def explain(table: Path) -> str:
    """What a CSV file was made from, as text.

    Raises:
        MazerlError: there is no such table, or nothing is known of it.
    """
    if not table.exists():
        raise MazerlError(f"{table} does not exist; run `{offered().command} table`")
    for file in sorted((table.parent / "records").glob("*.json")):
        told = json.loads(file.read_text())
        if table.name in told["tables"]:
            name = file.stem
            break
    else:
        raise MazerlError(
            f"no file in {table.parent / 'records'} names {table.name}; make it again with "
            f"`{offered().command} table`"
        )
    same = checksum(table) == told["tables"][table.name]
    records = told["records"]
    lines = [
        f"{table} is a table of the study {name}, made from {len(records)} records.",
        "It is as it was made." if same else "IT HAS BEEN CHANGED since it was made.",
        "",
        f"Made again by: {told['command']}",
        f"               {told['command'].replace(' run ', ' table ')}",
    ]
    for number, made_in in enumerate(told["environments"]):
        mine = [record for record in records if record["environment"] == number]
        seconds = sum(record["seconds"] for record in mine)
        state = " with changes that were not committed" if made_in["dirty"] else ""
        versions = ", ".join(f"{k} {v}" for k, v in made_in["versions"].items())
        lines += [
            "",
            f"{len(mine)} records at commit {made_in['commit']}{state}",
            f"  on {made_in['device']} ({made_in['platform']}), {seconds:.0f} s; {versions}",
            *(f"  {record['record']} {config_json(record['config'])}" for record in mine),
        ]
    return "\n".join(lines)
