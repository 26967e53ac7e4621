"""GraphML, as networkx, igraph, Gephi and yEd write it.

Read by its events: networkx's own reader drops defaults of edges, merges parallel edges of one id,
and refuses or mistakes edges whose direction differs from the graph's.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from mazerl.errors import MazerlError
from mazerl.topology.reading.listing import Edge, Listing, add_edge, refuse

_KNOWN = ("weight", "start", "goal", "goals", "chance", "name", "label")

_LABELS = ("NodeLabel", "Label.Text")
"""Elements that hold a vertex's name: of yEd, and of yEd Live."""

# Every element looks for those that it is in; groups of groups are a few dozen.
_DEEPEST = 1000

_ROLES = ("node", "edge", "graph", "all", "graphml", "port", "endpoint", "hyperedge")


@dataclass(frozen=True)
class _Key:
    """A declared attribute."""

    name: str  # "" for yEd's drawings
    role: str  # node, edge, graph, all …
    default: str | None = None


@dataclass
class _Open:
    """An element that is not closed yet."""

    tag: str
    given: dict[str, str]
    told: dict[str, Any] = field(default_factory=dict)  # its data
    line: int = 0
    arrows: tuple[str | None, str | None] | None = None  # that yEd draws at an edge's ends


def read_graphml(path: Path, content: bytes) -> Listing:
    """The listing of a GraphML file.

    yEd calls every graph directed; an edge of its is directed if one end alone has an arrow.

    Raises:
        MazerlError: it is no GraphML, has several graphs or hyperedges, or says a thing twice.
    """
    reader = _Reader(path)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda tag, given: reader.begin(
        _local(tag), {_local(name): value for name, value in given.items()},
        parser.CurrentLineNumber,
    )  # fmt: skip
    parser.EndElementHandler = lambda tag: reader.end(_local(tag))
    parser.CharacterDataHandler = reader.texts.append
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, MazerlError):
            raise
        remedy = "save it as UTF-8" if "encoding" in str(error) else "mend it or rename it"
        raise refuse(path, f"this is not GraphML ({error}); {remedy}") from None
    if reader.graphs == 0:
        raise refuse(path, "this is not GraphML (it has no <graph>); mend it or rename it")
    return reader.listing


def _local(name: str) -> str:
    """A name without its namespace, which not every tool declares."""
    return name.rsplit(" ", 1)[-1].rsplit(":", 1)[-1]


class _Reader:
    """Elements as they begin and end → the listing."""

    def __init__(self, path: Path) -> None:
        self.path, self.listing = path, Listing("GraphML")
        self.keys: dict[str, _Key] = {}
        self.stack: list[_Open] = []
        self.texts: list[str] = []
        self.graphs = 0
        self.dropped: Counter[str] = Counter()

    def entity(self, *_: Any) -> None:
        raise refuse(self.path, "it declares entities; write their texts out")

    def begin(self, tag: str, given: dict[str, str], line: int) -> None:
        if not self.stack and tag != "graphml":
            raise refuse(self.path, f"this is not GraphML (it is <{tag}>); mend it or rename it")
        if tag == "hyperedge":
            raise refuse(self.path, "a <hyperedge>; draw edges of two ends", line)
        if len(self.stack) > _DEEPEST:
            raise refuse(self.path, "it is nested too deeply; mend it", line)
        self._label()  # yEd writes a label's place inside it, behind its text
        self.texts.clear()
        if tag == "graph":
            self._begin_graph(given, line)
        elif tag == "Arrows":
            holder = self._holder("edge")
            if holder:
                holder.arrows = given.get("source"), given.get("target")
        elif tag == "port":
            self.dropped["ports"] += 1
        self.stack.append(_Open(tag, given, line=line))

    def _begin_graph(self, given: dict[str, str], line: int) -> None:
        holder = self._holder("node")
        if holder:
            self.listing.groups.add(holder.given.get("id"))
        else:
            self.graphs += 1
        if self.graphs > 1:
            raise refuse(self.path, "a second <graph>; keep one", line)
        if given.get("edgedefault") not in ("directed", "undirected"):
            raise refuse(self.path, '<graph> lacks edgedefault; write "undirected"', line)

    def _label(self) -> None:
        """Of several labels the first is the name."""
        if self.stack and self.stack[-1].tag in _LABELS:
            text, holder = " ".join("".join(self.texts).split()), self._holder("node")
            if text and holder:
                holder.told.setdefault("label", text)

    def end(self, tag: str) -> None:
        self._label()
        text = "".join(self.texts).strip()
        self.texts.clear()
        opened = self.stack.pop()
        if tag == "data":
            self._end_data(opened, text)
        elif tag == "default" and self.stack:
            self.stack[-1].told["default"] = text
        else:
            ends = {
                "key": self._end_key, "node": self._end_node, "edge": self._end_edge,
                "graph": self._end_graph, "graphml": self._end_file,
            }  # fmt: skip
            if tag in ends:
                ends[tag](opened)

    def _end_key(self, opened: _Open) -> None:
        given = opened.given
        drawn = "yfiles.type" in given and "attr.name" not in given
        name = "" if drawn else given.get("attr.name", given.get("id", "")).lower()
        role = given.get("for", "all")
        if role not in _ROLES:
            raise refuse(self.path, f"a <key> for {role!r}; give one of {_ROLES}", opened.line)
        self.keys[given.get("id", "")] = _Key(name, role, opened.told.get("default"))
        if "yfiles.type" in given:
            self.listing.kind = "GraphML of yEd"

    def _end_graph(self, opened: _Open) -> None:
        if not self._holder("node"):
            self.listing.attributes.update(self._with_defaults("graph", opened.told))

    def _end_file(self, opened: _Open) -> None:
        del opened
        if self.dropped:
            told = ", ".join(f"{what} ({n})" for what, n in self.dropped.items())
            self.listing.said.append(f"dropped: {told}")

    def _holder(self, tag: str) -> _Open | None:
        return next((opened for opened in reversed(self.stack) if opened.tag == tag), None)

    def _end_data(self, opened: _Open, text: str) -> None:
        key = self.keys.get(opened.given.get("key", ""))
        if key is None:
            raise refuse(
                self.path,
                f"data of the key {opened.given.get('key')!r}, which no <key> before it declares",
                opened.line,
            )
        holder = self.stack[-1] if self.stack else opened
        if key.role not in (holder.tag, "all"):
            raise refuse(
                self.path, f"a <{holder.tag}> has data of the key {opened.given['key']!r}, which "
                f"is declared for {key.role!r}", opened.line,
            )  # fmt: skip
        if key.name and holder.tag in ("node", "edge", "graph"):
            holder.told[key.name] = text
            if key.name not in _KNOWN:
                self.dropped[key.name] += 1

    def _with_defaults(self, role: str, told: dict[str, Any]) -> dict[str, Any]:
        defaults = {
            key.name: key.default
            for key in self.keys.values()
            if key.name and key.default is not None and key.role in (role, "all")
        }
        return defaults | told

    def _end_node(self, opened: _Open) -> None:
        name = opened.given.get("id")
        if name is None:
            raise refuse(self.path, "a <node> without an id", opened.line)
        if name in self.listing.vertices:
            raise refuse(self.path, f"vertex {name!r} is declared twice; list it once", opened.line)
        self.listing.vertices[name] = self._with_defaults("node", opened.told)

    def _end_edge(self, opened: _Open) -> None:
        given, told = opened.given, self._with_defaults("edge", opened.told)
        if "source" not in given or "target" not in given:
            raise refuse(self.path, "an <edge> without source and target", opened.line)
        graph = self._holder("graph")
        default = graph.given["edgedefault"] if graph else "undirected"
        directed = given.get("directed", "true" if default == "directed" else "false").lower()
        if directed not in ("true", "false", "1", "0"):
            raise refuse(self.path, f"directed is {directed!r}; write true or false", opened.line)
        one_way = directed in ("true", "1")
        if opened.arrows:
            one_way = sum(end not in (None, "none") for end in opened.arrows) == 1
        near, far = given["source"], given["target"]
        edge = Edge(near, far, opened.line, told.get("weight"), one_way)
        add_edge(self.listing, self.path, edge)
