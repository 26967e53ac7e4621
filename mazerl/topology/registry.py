"""What a topology is, and how a name becomes one.

A builder is a plain function with keyword parameters. It returns a `MultiGraph` with
`graph["start"]`, `graph["goals"]` and, where the environment moves, vertices marked `chance=True`.
"""

import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from mazerl.errors import MazerlError, first_line, require_seed, where_raised
from mazerl.loading import load_function
from mazerl.store.sources import GRAPH_FILES

# networkx is generic for type checkers only.
if TYPE_CHECKING:
    Graph = nx.MultiGraph[Any]
else:
    Graph = nx.MultiGraph

Builder = Callable[..., Graph]

TOPOLOGIES: dict[str, Builder] = {}

# Installed packages name their builders under this group of entry points.
_ENTRY_POINTS = "mazerl.topologies"


def register(builder: Builder) -> Builder:
    """Make a builder a topology everywhere, under its function name. Usable as a decorator."""
    name = builder.__name__
    known = TOPOLOGIES.get(name, builder)
    # A file that is loaded twice brings the same code twice.
    if known is not builder and getattr(known, "__code__", 0) != getattr(builder, "__code__", 1):
        raise MazerlError(f"topology {name!r} is registered already; rename one of the builders")
    TOPOLOGIES[name] = builder
    return builder


def known_topologies() -> dict[str, Builder]:
    """Builders by name: the package's own, those registered, those of installed packages.

    Raises:
        MazerlError: an installed package's builder cannot be loaded, or takes a name in use.
    """
    found = dict(TOPOLOGIES)
    for entry in entry_points(group=_ENTRY_POINTS):
        where = f"topology {entry.name!r} of entry point {entry.value!r}"
        try:
            builder = entry.load()
        except Exception as error:
            raise MazerlError(
                f"{where}: {first_line(error)}; mend or remove its package"
            ) from error
        if found.get(entry.name, builder) is not builder:
            raise MazerlError(f"{where} takes a name in use; rename it")
        found[entry.name] = builder
    return found


def find_topology(name: str) -> Builder:
    """The builder of a name, or of `FILE.py:FUNCTION`.

    Raises:
        MazerlError: there is none (the message lists the known names), or the file raises.
    """
    if ".py:" in name:
        return load_function("topology", name)
    if name in TOPOLOGIES:
        return TOPOLOGIES[name]
    known = known_topologies()
    if name not in known and Path(name).suffix.lower() in GRAPH_FILES:
        raise MazerlError(f"unknown topology {name!r}; give `file {name}` for a graph's file")
    if name not in known:
        raise MazerlError(
            f"unknown topology {name!r}; known: {', '.join(sorted(known))}, or FILE.py:FUNCTION"
        )
    return known[name]


def build(name: str, /, **parameters: Any) -> Graph:
    """Build a topology by its name, or by `FILE.py:FUNCTION`.

    Raises:
        MazerlError: there is no such topology, a parameter is unknown or missing, the builder
            refuses a value, raises or returns no graph.
    """
    builder = find_topology(name)
    signature = inspect.signature(builder)
    places = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    places = [place for place in places if place in parameters]
    keywords = {key: value for key, value in parameters.items() if key not in places}
    try:
        bound = signature.bind(*(parameters[place] for place in places), **keywords)
    except TypeError as error:
        raise MazerlError(f"topology {name!r}: {error}; see `mazerl topologies`") from error
    try:
        with _no_garbage_collection():
            graph = builder(*bound.args, **bound.kwargs)
    except MazerlError:
        raise
    except Exception as error:
        raise MazerlError(f"topology {name!r}: {where_raised(error)}; mend the builder") from error
    if not isinstance(graph, nx.Graph):
        kind = type(graph).__name__
        raise MazerlError(f"topology {name!r} returned {kind}; return a networkx.MultiGraph")
    return graph


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the cycle collector: a million edges are a million dicts, and no garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def shuffled(graph: Graph, seed: int) -> Graph:
    """The same graph with its vertices and edges listed in random order.

    Compiling numbers vertices, arcs and ports in the order of the list. In most builders' order,
    ports that lead onward come first; after this a port's number says nothing.
    """
    generator = np.random.default_rng(require_seed("seed", seed))
    mixed: Graph = nx.MultiGraph(**graph.graph)
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges(data=True))
    mixed.add_nodes_from(nodes[i] for i in generator.permutation(len(nodes)))
    mixed.add_edges_from(edges[i] for i in generator.permutation(len(edges)))
    return mixed
