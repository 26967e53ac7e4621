"""What people call vertices: in files, and on the command line."""

import json
import unicodedata
from typing import Any

from mazerl.errors import MazerlError
from mazerl.topology.reading.listing import Listing, is_name, refuse

ATTRIBUTES = ("name", "label")
"""Where tools keep a vertex's name, if its id is a number of their own."""


class Names:
    """Names of a listing's vertices, and the vertices of a name."""

    def __init__(self, path: object, listing: Listing, attribute: str = "") -> None:
        """Take names from an attribute; where none is given, from one that tells all apart.

        Raises:
            MazerlError: a vertex lacks the given attribute, or two have the same.
        """
        self.path = path
        ends = (end for edge in listing.edges for end in (edge.near, edge.far))
        self.told = {id: listing.vertices.get(id, {}) for id in (*listing.vertices, *ends)}
        if attribute and attribute.lower() != "id":
            self.source = attribute.lower()
            self._require_unique()
        else:
            self.source = "id" if attribute else next(filter(self._unique, ATTRIBUTES), "id")
        own = self.source != "id"
        self.of = {id: told[self.source] if own else id for id, told in self.told.items()}
        self._tiers: list[dict[str, set[Any]]] = []

    def find(self, wanted: Any, role: str) -> Any:
        """The name of the vertex that is called so: by its name or id, or by name or label.

        A text in double quotes is that text, where a number is written alike.

        Raises:
            MazerlError: no vertex is called so, or several are.
        """
        if not is_name(wanted):
            raise refuse(self.path, f"{role} {wanted!r} is no name of a vertex; give one")
        quoted = isinstance(wanted, str) and len(wanted) > 1 and wanted[0] == wanted[-1] == '"'
        if not isinstance(wanted, str) and wanted in self.told:
            return self.of[wanted]
        if quoted and wanted[1:-1] in self.told:
            return self.of[wanted[1:-1]]
        for tier, form in zip(self._index(), (_text, _text, _squeezed), strict=True):
            found = tier.get(form(wanted), ())
            if len(found) > 1:
                raise self._doubt(wanted, role, sorted(map(repr, found)))
            if found:
                return self.of[next(iter(found))]
        raise refuse(
            self.path, f"{role} {_text(wanted)!r} is not a vertex; name one of its {len(self.of)}"
        )

    def _index(self) -> list[dict[str, set[Any]]]:
        if not self._tiers:
            exact: dict[str, set[Any]] = {}
            called: dict[str, set[Any]] = {}
            squeezed: dict[str, set[Any]] = {}
            for id, told in self.told.items():
                for name in (id, self.of[id]):
                    exact.setdefault(_text(name), set()).add(id)
                    squeezed.setdefault(_squeezed(name), set()).add(id)
                for attribute in ATTRIBUTES:
                    if told.get(attribute):
                        called.setdefault(_text(told[attribute]), set()).add(id)
            self._tiers = [exact, called, squeezed]
        return self._tiers

    def _doubt(self, wanted: Any, role: str, which: list[str]) -> MazerlError:
        return refuse(
            self.path, f"{role} {_text(wanted)!r} is the name of {len(which)} vertices, with the "
            f"ids {', '.join(which[:5])}; give an id, a text that reads like a number as '\"0\"'"
        )  # fmt: skip

    def _unique(self, attribute: str) -> bool:
        values = [told.get(attribute) for told in self.told.values()]
        named = all(isinstance(value, str) and value and is_name(value) for value in values)
        return bool(values) and named and len(set(values)) == len(values)

    def _require_unique(self) -> None:
        for id, told in self.told.items():
            if not told.get(self.source):
                raise refuse(self.path, f"vertex {id!r} has no attribute {self.source!r} to be "
                             "its name; give another --name-attribute")  # fmt: skip
        if not self._unique(self.source):
            raise refuse(self.path, f"two vertices have the same {self.source!r}, or one has no "
                         "text; give another --name-attribute")  # fmt: skip


def split(names: str) -> list[Any]:
    """Names between commas, but for those in parentheses, as of (0, 1); or a JSON list.

    >>> split("a, (0, 1)"), split('["a,b", 3]')
    (['a', '(0, 1)'], ['a,b', 3])
    """
    if names.lstrip().startswith("["):
        try:
            told = json.loads(names)
        except (ValueError, RecursionError):
            told = None
        if isinstance(told, list):
            return [tuple(name) if isinstance(name, list) else name for name in told]
    parts, depth = [""], 0
    for letter in names:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _text(name: Any) -> str:
    return str(name)


def _squeezed(name: Any) -> str:
    """People write (0,1) and (0, 1); some systems write é as two signs."""
    return unicodedata.normalize("NFC", "".join(str(name).split()))
