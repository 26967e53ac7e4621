"""Random graphs: expanders, where no dead end is deep."""

import networkx as nx

from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.topology.lattices import farthest_goals
from mazerl.topology.registry import Graph, register


@register
def random_regular(
    vertices: int = 32, degree: int = 3, goals: int = 4, graph_seed: int = 0
) -> Graph:
    """A random graph in which all vertices have one degree: its largest component.

    Args:
        vertices: number of vertices; vertices · degree is even.
        degree: edges of each vertex, at least 2 and less than `vertices`.
        goals: number of goals: the vertices farthest from the start.
        graph_seed: the same seed gives the same graph.

    Returns:
        A connected graph, most often of all the vertices; it starts at its first.
    """
    require_whole("vertices", vertices)
    if require_whole("degree", degree) < 2 or degree >= vertices or vertices * degree % 2:
        raise MazerlError(
            f"no graph of {vertices} vertices has degree {degree}; give 2 or more, less than the "
            "vertices, and an even product"
        )
    return _giant(
        nx.random_regular_graph(degree, vertices, seed=require_seed("graph_seed", graph_seed)),
        goals,
    )


@register
def erdos_renyi(
    vertices: int = 64, mean_degree: float = 3.0, goals: int = 4, graph_seed: int = 0
) -> Graph:
    """The giant component of a graph in which every edge is there with the same chance.

    Args:
        vertices: number of vertices before the others are dropped, at least 2.
        mean_degree: expected edges of a vertex, above 0; there is a giant component above 1.
        goals: number of goals: the vertices farthest from the start.
        graph_seed: the same seed gives the same graph.

    Returns:
        A connected graph; it starts at its first vertex.
    """
    if require_whole("vertices", vertices) < 2 or not 0 < mean_degree <= vertices - 1:
        raise MazerlError(
            f"{vertices} vertices cannot have a mean degree of {mean_degree}; give 2 or more "
            "vertices, and a degree above 0 and below their number"
        )
    chance = mean_degree / (vertices - 1)
    return _giant(
        nx.fast_gnp_random_graph(vertices, chance, seed=require_seed("graph_seed", graph_seed)),
        goals,
    )


def _giant(graph: "nx.Graph[int]", goals: int) -> Graph:
    components = [sorted(component) for component in nx.connected_components(graph)]
    largest = max(components, key=len)
    component: Graph = nx.MultiGraph()
    component.add_nodes_from(largest)
    component.add_edges_from(graph.subgraph(largest).edges)
    return farthest_goals(component, largest[0], goals)
