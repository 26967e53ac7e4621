"""What tests of the text bridge share."""

import networkx as nx
import pytest

from mazerl.bridges.text import Place, place_of_graph
from mazerl.topology import Graph


@pytest.fixture(scope="module")
def town() -> Place:
    """A street of three, the last two of which are joined twice, and a dead end at the first."""
    graph: Graph = nx.MultiGraph(start="a", goals=["c"])
    graph.add_edges_from([("a", "b"), ("a", "é d"), ("b", "c"), ("b", "c")])
    return place_of_graph(graph)
