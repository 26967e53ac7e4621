"""Let autodoc see the public names of `mazerl` as users write them, and the comments on fields.

`mazerl.ppo` is the module `mazerl.training.ppo`; here it goes by its public name. Records say what
each field holds, and its shape, in a comment beside it; here these comments become text.
"""

import ast
import inspect
import re
import sys
import tokenize
from collections.abc import Iterator
from io import StringIO
from types import ModuleType
from typing import Any, get_args, get_type_hints

from sphinx.application import Sphinx

import mazerl

_COLON = "\ue000"  # stands for a colon until napoleon has read the docstring
_FIELDS: dict[str, list[tuple[str, str]]] = {}
# Records that public functions take or return and that have no public name of their own.
_BESIDE = ("BestBlind", "Evaluation", "Rows", "Run", "Training", "Walks", "Watch")


def _own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module defines and does not hide."""
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield name, value


def _rename() -> None:
    """Public objects say that they are of `mazerl`, or of the public module that holds them."""
    for name in mazerl.__all__:
        value = getattr(mazerl, name)
        if isinstance(value, ModuleType):
            sys.modules[f"mazerl.{name}"] = value
            for _, inside in list(_own(value)):
                _say(inside, f"mazerl.{name}")
        else:
            _say(value, "mazerl")


def _say(value: Any, module: str) -> None:
    if inspect.isclass(value):
        _FIELDS[f"{module}.{value.__name__}"] = list(_fields(value))
    if inspect.isclass(value) or inspect.isfunction(value):
        value.__module__ = module


def _fields(record: type) -> Iterator[tuple[str, str]]:
    """(name, comment) of the fields of a class, its bases' first."""
    for base in reversed(record.__mro__):
        if base.__module__.startswith("mazerl"):
            yield from _fields_of(inspect.cleandoc("\n" + inspect.getsource(base)))


def _is_field(
    app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any
) -> bool | None:
    """Fields of named tuples are listed with their record."""
    del app, what, name, skip, options
    return True if type(value).__name__ == "_tuplegetter" else None


def _fields_of(source: str) -> Iterator[tuple[str, str]]:
    comments = {
        token.start[0]: (token.string.lstrip("# "), not token.line[: token.start[1]].strip())
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        told = [comments[line][0] for line in lines if line in comments]
        line = node.lineno - 1
        while not told[1:] and line in comments and comments[line][1]:
            told.insert(0, comments[line][0])
            line -= 1
        default = f" = {ast.unparse(node.value)}" if isinstance(node.value, ast.Constant) else ""
        yield node.target.id + default, " ".join(told)


def _docstring(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Set outlines of modules in a fixed pitch, and list a record's fields."""
    del app, options
    if what == "module":
        lines[:] = list(_with_literal_blocks(lines))
    if what in ("attribute", "data", "property") and lines:
        lines[0] = lines[0].replace(":", _COLON)  # what precedes one would be taken for a type
    fields = _FIELDS.get(name, []) if what == "class" else []
    if any(comment for _, comment in fields):  # else the signature has said it all
        lines += _field_list("Fields", fields)
    if what == "function":
        for record in _records_beside(value):
            lines += _field_list(f"{record.__name__} holds", list(_fields(record)))


def _records_beside(function: Any) -> list[type]:
    """The records of `_BESIDE` in a function's signature."""
    function = inspect.unwrap(function)
    hints = get_type_hints(function).values() if inspect.isfunction(function) else []
    inside = [each for hint in hints for each in (hint, *get_args(hint))]
    return [each for each in inside if getattr(each, "__name__", "") in _BESIDE]


def _field_list(title: str, fields: list[tuple[str, str]]) -> list[str]:
    told = [f"    - ``{field}``{_escaped(comment)}" for field, comment in fields]
    return ["", f":{title}:", *told, ""] if told else []


def _colons_back(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    del app, what, name, value, options
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def _with_literal_blocks(lines: list[str]) -> Iterator[str]:
    inside = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if indented and not inside and not (number and lines[number - 1].strip()):
            yield "::"
            yield ""
        inside = indented or (inside and not line.strip())
        yield line


def _escaped(comment: str) -> str:
    plain = re.sub(r"([*|_])", r"\\\1", comment)
    return f": {plain}" if comment else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    _rename()
    app.connect("autodoc-process-docstring", _docstring, priority=100)
    app.connect("autodoc-process-docstring", _colons_back, priority=900)
    app.connect("autodoc-skip-member", _is_field)
    # Pages whose outputs are of older code are read again.
    app.add_config_value("code_of_pages", "", "env")
    return {"parallel_read_safe": True}
