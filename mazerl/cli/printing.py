"""What commands print: results as lines or JSON, topologies, a bar while they work."""

import contextlib
import inspect
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mazerl.topology import known_topologies


def print_result(result: dict[str, Any], as_json: bool = False) -> None:
    """Print a result: a line a field, or one JSON object."""
    print(json.dumps(_finite(result)) if as_json else _lines(result))


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, nothing elsewhere; yields what to tell the share done."""
    columns = (TextColumn(title), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=None)
        yield lambda share: bar.update(task, total=1.0, completed=share)


def topology_lines() -> str:
    """A line for each topology."""
    docs = {name: inspect.getdoc(builder) or name for name, builder in known_topologies().items()}
    lines = [f"  {name:<19} {doc.splitlines()[0]}" for name, doc in sorted(docs.items())]
    return "\n".join([*lines, "  FILE.py:FUNCTION    A builder in a file of your own."])


def _finite(result: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: such a value is null, and the fields beside it say why."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in result.items()
    }


def _lines(result: dict[str, Any]) -> str:
    width = max(map(len, result))
    return "\n".join(
        f"{name.replace('_', ' '):<{width}}  {_text(name, value, result)}"
        for name, value in result.items()
    )


def _text(name: str, value: Any, result: dict[str, Any]) -> str:
    if name == "hitting_time" and value == math.inf and result.get("goal_certain"):
        return "finite, but beyond 1e308"
    if isinstance(value, list):
        return ", ".join(map(_number, value)) or "none"
    return _number(value)


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
