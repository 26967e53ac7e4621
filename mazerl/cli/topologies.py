"""`mazerl topologies`: the mazes that can be built, and their parameters."""

import inspect
from collections.abc import Sequence

import docstring_parser
from rich.console import Console
from rich.table import Table

from mazerl.errors import MazerlError
from mazerl.topology import known_topologies


def main(words: Sequence[str]) -> None:
    """List them."""
    if words and words[0] not in ("-h", "--help"):
        raise MazerlError(f"topologies takes no argument, but got {words[0]!r}; leave it out")
    table = Table("topology", "parameter", "default", "meaning", box=None)
    for name, builder in sorted(known_topologies().items()):
        doc = docstring_parser.parse(builder.__doc__ or "")
        table.add_row(name, "", "", doc.short_description or "", style="bold")
        meaning = {p.arg_name: p.description or "" for p in doc.params}
        for parameter in inspect.signature(builder).parameters.values():
            told = meaning.get(parameter.name, "")
            needed = parameter.default is inspect.Parameter.empty
            default = "(required)" if needed else str(parameter.default)
            table.add_row("", parameter.name, default, told)
    Console().print(table)
