"""Files outside a config that its numbers depend on: builders and graphs of a user's own."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

GRAPH_FILES = (
    ".graphml", ".json", ".csv", ".tsv", ".txt", ".edgelist", ".edges", ".ncol",
)  # fmt: skip
"""Suffixes of graphs that the topology `file` reads, in any case."""

_BUILDER = re.compile(r"(.+\.py):\w+")


def sources_of(config: Mapping[str, Any]) -> dict[str, str]:
    """sha256 of each file that a config names: a builder, FILE.py:FUNCTION, or a graph's.

    Files that are not there are left out.
    """
    found = {}
    for text in _texts(config):
        builder = _BUILDER.fullmatch(text)
        file = Path(builder[1] if builder else text)
        if builder or file.suffix.lower() in GRAPH_FILES:
            try:
                found[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
            except (OSError, ValueError):
                continue
    return found


def changed_sources(config: Mapping[str, Any], environment: Path) -> list[str]:
    """Files that are not as they were when the record of this environment was made.

    A file that is gone cannot say that it has changed.
    """
    now = sources_of(config)
    if not now:
        return []
    try:
        then = json.loads(environment.read_text()).get("sources", {})
    except (OSError, ValueError):
        return []
    return [file for file, told in now.items() if then.get(file) != told]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
