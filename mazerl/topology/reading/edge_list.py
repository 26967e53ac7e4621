"""Edge lists: a line an edge, as spreadsheets, Gephi, igraph, pandas and networkx write them."""

import ast
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from mazerl.topology.reading.listing import Edge, Listing, add_edge, refuse

_ENDS = (
    ("source", "target"), ("from", "to"), ("src", "dst"), ("source", "destination"),
    ("node1", "node2"), ("node_1", "node_2"), ("vertex1", "vertex2"), ("id1", "id2"),
)  # fmt: skip
"""Headers, in any case, of the columns that edges end in."""

_VERTICES = (["id", "label"], ["id", "name"], ["name", "label"], ["name", "id"])
"""Headers of the other table, that of vertices."""

_DIRECTED = {"directed": True, "true": True, "1": True, "yes": True} | dict.fromkeys(
    ("", "undirected", "false", "0", "no"), False
)

_SEPARATORS = "\t;|,"
_BLANK = " "
_BRACE = re.compile(r"\s\{")
_WORD = re.compile(r"\([^()]*\)(?!\S)|\S+")  # networkx's grids have names such as (0, 1)
_SPACED = (".edgelist", ".edges", ".ncol")

Row = tuple[int, list[str]]
"""A line's number and its cells."""


@dataclass(frozen=True)
class _Columns:
    """Where in a row the edge is."""

    near: int = 0
    far: int = 1
    weight: int | None = 2
    direction: int | None = None  # Gephi's Type
    header: bool = False
    most: int = 3  # columns
    dropped: tuple[str, ...] = ()


def read_edge_list(path: Path, text: str) -> Listing:
    """The listing of lines of two vertices and, if there is one, a weight.

    Separated by commas, semicolons (numbers then may have a decimal comma), tabs or bars, or by
    blanks; with a header, or without one and two or three columns. Lines that begin with "# " are
    comments.

    Raises:
        MazerlError: a line is no edge, a quote stays open, or the separator is in doubt.
    """
    lines = io.StringIO(text, newline=None).readlines()
    told = re.fullmatch(r"sep=(.)\s*", lines[0], re.IGNORECASE) if lines else None
    skipped = 1 if told else 0  # a spreadsheet's own line
    separator = told[1] if told else _separator(path, lines)
    rows = _rows(path, lines[skipped:], separator, skipped)
    first = list(islice(rows, 2))
    listing = Listing(_kind(separator), declares=False)
    if not first:
        raise refuse(path, "there are no edges in it; give lines of two vertices")
    columns = _columns(path, first)
    if columns.header:
        names = [first[0][1][c] for c in (columns.near, columns.far)]
        listing.said.append(f"line {first[0][0]} is a header: {' and '.join(names)}")
    if columns.dropped:
        listing.said.append(f"dropped columns: {', '.join(columns.dropped)}")
    for number, cells in chain(first[columns.header :], rows):
        edge = _edge(path, number, cells, columns, separator)
        add_edge(listing, path, edge)
    if not columns.header and len(listing.edges) > 1:
        _tell_lonely(listing)
    _require_apart(path, listing)
    return listing


def _require_apart(path: Path, listing: Listing) -> None:
    """Where vertices come into being by being named, two that read alike are one written twice."""
    known: dict[str, str] = {}
    for name in {end: None for edge in listing.edges for end in (edge.near, edge.far)}:
        other = known.setdefault(_as_read(name), name)
        if other != name:
            raise refuse(
                path, f"the vertices {other!a} and {name!a} read alike; write them alike, or "
                "declare both in JSON",
            )  # fmt: skip


def _as_read(name: str) -> str:
    """A name without what eyes cannot tell, nor spreadsheets, for which 1.0 is 1."""
    if name.isascii() and name.isalnum():
        return name
    if not name.isascii():
        seen = "".join(sign for sign in name if unicodedata.category(sign) != "Cf")
        name = unicodedata.normalize("NFC", seen)
    name = " ".join(name.split())
    whole = re.fullmatch(r"(-?\d+)\.0+", name)
    return whole[1] if whole else name


def _kind(separator: str) -> str:
    names = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", _BLANK: "blanks"}
    return f"edge list separated by {names.get(separator, repr(separator))}"


def _separator(path: Path, lines: Sequence[str]) -> str:
    """What all of the first lines can be separated by."""
    head = [line for line in lines[:200] if line.strip() and not line.lstrip().startswith("#")]
    suffix = path.suffix.lower()
    if suffix in _SPACED or (suffix != ".csv" and any(_braces(line)[1] for line in head[:1])):
        return _BLANK
    usable = []
    for separator in _SEPARATORS:
        rows = _split(head, separator)
        if rows and _has_ends(rows[0]):
            return separator
        if rows and min(map(len, rows)) >= 2:
            usable.append(separator)
    if len(usable) > 1:
        names = " or ".join(map(repr, usable))
        raise refuse(path, f"its lines can be separated by {names}; begin with a header")
    blanks = suffix != ".csv" and all(len(line.split()) >= 2 for line in head)
    return usable[0] if usable else _BLANK if blanks else ","


def _split(head: Sequence[str], separator: str) -> list[list[str]]:
    try:
        rows = [_cells(row, separator) for row in csv.reader(head, delimiter=separator)]
    except csv.Error:
        return []
    return list(filter(any, rows))


def _cells(row: Sequence[str], separator: str) -> list[str]:
    """Cells, without empty ones behind; parentheses are kept together, as of (0, 1)."""
    cells = [cell.strip() for cell in row]
    if any(cell[:1] == "(" for cell in cells):
        cells = _joined(row, separator)
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _joined(row: Sequence[str], separator: str) -> list[str]:
    """Cells, each that begins with a parenthesis up to its end; as they are if there is none."""
    cells: list[str] = []
    opened = False
    for cell in row:
        if opened:
            cells[-1] += separator + cell
        else:
            cells.append(cell)
        opened = cells[-1].lstrip()[:1] == "(" and cells[-1].count("(") > cells[-1].count(")")
    return [cell.strip() for cell in (row if opened else cells)]


def _has_ends(cells: Sequence[str]) -> bool:
    lowered = {cell.strip().lower() for cell in cells}
    return any(lowered.issuperset(pair) for pair in _ENDS)


def _rows(path: Path, lines: Sequence[str], separator: str, skipped: int) -> Iterator[Row]:
    """Rows that are neither blank nor comments."""
    if separator == _BLANK:
        for number, line in enumerate(lines, 1 + skipped):
            if line.strip() and line.lstrip()[0] not in "#%":
                yield number, _blank_cells(line)
        return
    reader = csv.reader(lines, delimiter=separator, strict=True)
    last = 0
    try:
        for row in reader:
            number, last = last + 1 + skipped, reader.line_num
            cells = _cells(row, separator)
            if not any(cells) or _is_comment(path, number, lines[number - 1 - skipped], cells):
                continue
            yield number, cells
    except csv.Error as error:
        said = "a quote is not closed" if "unexpected end" in str(error) else str(error)
        raise refuse(path, f"{said}; mend it", last + 1 + skipped) from None


def _is_comment(path: Path, number: int, line: str, cells: list[str]) -> bool:
    if not line.lstrip().startswith("#"):
        return False
    if len(cells) > 1 and not line.lstrip().startswith("# "):
        raise refuse(
            path, f"{cells[0]!r} may be a vertex or a comment; quote it, or write \"# \"", number
        )  # fmt: skip
    return True


def _blank_cells(line: str) -> list[str]:
    before, braced = _braces(line)
    return [*_WORD.findall(before), *filter(None, [braced])]


def _braces(line: str) -> tuple[str, str]:
    """A line without and with an edge's attributes, which networkx puts into braces at its end."""
    line = line.rstrip()
    braces = [found.start() for found in _BRACE.finditer(line)] if line.endswith("}") else []
    for at in braces[:1] + braces[-1:]:
        inside = line[at + 2 : -1]
        if not inside.strip() or ":" in inside:
            return line[:at], line[at + 1 :]
    return line, ""


def _columns(path: Path, first: Sequence[Row]) -> _Columns:
    """What the first row says of columns, if it is a header."""
    cells = first[0][1]
    lowered = [cell.lower() for cell in cells]
    for near, far in _ENDS:
        if near in lowered and far in lowered:
            ends = (lowered.index(near), lowered.index(far))
            weight = lowered.index("weight") if "weight" in lowered else None
            told = [name for name in ("type", "directed") if name in lowered]
            direction = lowered.index(told[0]) if told else None
            used = {*ends, weight, direction}
            dropped = tuple(cell for c, cell in enumerate(cells) if c not in used and cell)
            return _Columns(*ends, weight, direction, True, len(cells), dropped)
    if lowered[0] == "" and lowered[1:] in (["0", "1"], ["0", "1", "2"]):  # pandas, unnamed
        return _Columns(1, 2, 3 if len(cells) == 4 else None, header=True, most=len(cells))
    if lowered[:2] in _VERTICES:
        names = ", ".join(cells)
        raise refuse(path, f"this lists vertices ({names}); give the table of edges", first[0][0])
    if len(cells) == 3 and len(first) > 1:
        below = first[1][1]
        if cells[2] and not _is_number(cells[2]) and len(below) == 3 and _is_number(below[2]):
            return _Columns(header=True)
    return _Columns()


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _edge(path: Path, number: int, cells: list[str], columns: _Columns, separator: str) -> Edge:
    near, far = _cell(cells, columns.near), _cell(cells, columns.far)
    if columns.header and any(cells[columns.most :]):
        raise refuse(
            path, f"{len(cells)} columns under a header of {columns.most}; quote a name that holds "
            f"{separator!r}", number,
        )  # fmt: skip
    if not columns.header and not 2 <= len(cells) <= columns.most:
        raise refuse(
            path,
            f"{len(cells)} columns; give two vertices and, if you like, a weight, or a header such "
            "as source,target,weight",
            number,
        )
    if not near or not far:
        raise refuse(path, "an end of the edge is empty; give two vertices", number)
    weight = _cell(cells, columns.weight)
    if weight.startswith("{"):
        weight = _braced_weight(path, number, weight)
    if separator == ";":
        weight = weight.replace(",", ".")
    direction = _cell(cells, columns.direction).lower()
    if direction not in _DIRECTED:
        raise refuse(path, f"Type is {direction!r}; write Directed or Undirected", number)
    return Edge(near, far, number, weight, _DIRECTED[direction])


def _cell(cells: Sequence[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _braced_weight(path: Path, number: int, text: str) -> str:
    try:
        told = ast.literal_eval(text)
        return str(told.get("weight", ""))
    except (ValueError, SyntaxError, AttributeError, MemoryError, RecursionError, TypeError):
        raise refuse(path, f"{text[:40]!r} is no edge's attributes; mend them", number) from None


def _tell_lonely(listing: Listing) -> None:
    """A header in words that nobody knows would be an edge that leads nowhere."""
    first = listing.edges[0]
    mine = {first.near, first.far}
    if not any(edge.near in mine or edge.far in mine for edge in listing.edges[1:]):
        listing.doubts.append(
            f"line {first.where} is taken as the edge {first}, whose ends stand nowhere else; if "
            "it is a header, write source,target"
        )
