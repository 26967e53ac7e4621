"""Builders: parameters → `networkx.MultiGraph`, and the registry that the command line reads."""

from mazerl.topology.corridors import asymmetric_corridor, corridor
from mazerl.topology.files import file
from mazerl.topology.lattices import grid, ladder, rooms
from mazerl.topology.passages import caves, hops, subdivide
from mazerl.topology.random_graphs import erdos_renyi, random_regular
from mazerl.topology.registry import (
    TOPOLOGIES,
    Builder,
    Graph,
    build,
    find_topology,
    known_topologies,
    register,
    shuffled,
)
from mazerl.topology.trees import path_star, tree

__all__ = [
    "TOPOLOGIES",
    "Builder",
    "Graph",
    "asymmetric_corridor",
    "build",
    "caves",
    "corridor",
    "erdos_renyi",
    "file",
    "find_topology",
    "grid",
    "hops",
    "known_topologies",
    "ladder",
    "path_star",
    "random_regular",
    "register",
    "rooms",
    "shuffled",
    "subdivide",
    "tree",
]
