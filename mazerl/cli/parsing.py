"""Words of a command line → values: a builder's parameters and a command's own options, by tyro."""

import contextlib
import inspect
import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, make_dataclass
from typing import Annotated, Any, get_type_hints

import docstring_parser
import tyro

from mazerl.cli.numbers import require_numbers
from mazerl.errors import MazerlError
from mazerl.topology import find_topology

Options = dict[str, tuple[Any, Any, str]]
"""Name → (type, default, help)."""


def wants_help(words: Sequence[str]) -> bool:
    """Whether a command is asked what it is, or given nothing."""
    return not words or words[0] in ("-h", "--help")


def parse(
    prog: str,
    summary: str,
    topology: str | None,
    groups: Mapping[str, Options],
    words: Sequence[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parse a builder's parameters, if there is one, and the command's own options with tyro.

    Args:
        prog: the command, as help and errors name it.
        summary: what it does.
        topology: whose parameters are flags too.
        groups: title in the help → the command's options.
        words: what was typed after the command.

    Returns:
        The builder's parameters, and the options of all groups.
    """
    maze, about = _parameters(topology) if topology else ({}, "")
    taken = {name for options in groups.values() for name in options}
    clash = sorted(maze.keys() & taken)
    if clash:
        raise MazerlError(
            f"topology {topology!r} has a parameter {clash[0]!r}, which is taken; rename it"
        )
    shown = ({"maze": maze} if maze else {}) | dict(groups)
    arguments = make_dataclass("Arguments", [(t, _group(t, o), field()) for t, o in shown.items()])
    wanted_help = any(word in ("-h", "--help") for word in words)
    said = io.StringIO()
    try:
        with (
            _wide_enough(),
            contextlib.nullcontext() if wanted_help else (contextlib.redirect_stderr(said)),
        ):
            parsed: Any = tyro.cli(
                arguments, prog=prog, description=summary + about, args=list(words),
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
            )  # fmt: skip
    except SystemExit as stop:
        if stop.code in (0, None) or wanted_help:
            raise
        raise MazerlError(_one_line(said.getvalue(), prog)) from None
    chosen = {title: vars(getattr(parsed, title)) for title in shown}
    parameters = chosen.pop("maze", {}) if maze else {}
    rest = {k: v for options in chosen.values() for k, v in options.items()}
    # Of a maze's own numbers seeds alone are known.
    require_numbers({k: v for k, v in parameters.items() if k.endswith("seed")} | rest)
    return parameters, rest


@contextlib.contextmanager
def _wide_enough() -> Iterator[None]:
    """Of a terminal of a few columns tyro's boxes take forever."""
    before = os.environ.get("COLUMNS")
    if shutil.get_terminal_size().columns < _NARROWEST:
        os.environ["COLUMNS"] = str(_NARROWEST)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("COLUMNS", None)
        else:
            os.environ["COLUMNS"] = before


_NARROWEST = 20


def _group(title: str, options: Options) -> type:
    fields = [
        (name, Annotated[kind, tyro.conf.arg(help=told)], _default(default))
        for name, (kind, default, told) in options.items()
    ]
    return make_dataclass(title, fields)


def _parameters(topology: str) -> tuple[Options, str]:
    """A builder's parameters as options, and a sentence about it."""
    builder = find_topology(topology)
    doc = docstring_parser.parse(builder.__doc__ or "")
    meaning = {p.arg_name: p.description or "" for p in doc.params}
    types = get_type_hints(builder)
    fields = {}
    for p in inspect.signature(builder).parameters.values():
        needed = p.default is inspect.Parameter.empty
        kind: Any = types.get(p.name, str if needed else type(p.default))
        if p.kind is p.POSITIONAL_ONLY:
            kind = Annotated[kind, tyro.conf.Positional]
        fields[p.name] = (kind, p.default, meaning.get(p.name, ""))
    return fields, f" Topology: {doc.short_description}"


def _default(default: Any) -> Any:
    return field() if default is inspect.Parameter.empty else field(default=default)


def _one_line(text: str, prog: str) -> str:
    """Tyro's boxed message as one line."""
    words = " ".join(re.sub(r"[╭╮╰╯│─]+", " ", text).split())
    words = re.sub(r"\s*(Argument helptext:|For full helptext).*$", "", words)
    return f"{words}; see `{prog} --help`"
