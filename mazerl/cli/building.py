"""The graphs that a command names: one, or several of a topology that is drawn."""

import inspect
from collections.abc import Mapping
from typing import Any

from mazerl.errors import MazerlError, require_whole
from mazerl.topology import Graph, build, find_topology


def graphs_of(topology: str, parameters: Mapping[str, Any], mazes: int) -> list[Graph]:
    """So many graphs, from the second on with the next graph_seed.

    Raises:
        MazerlError: the topology has no graph_seed, so that all would be the same.
    """
    require_whole("--mazes", mazes)
    seeded = "graph_seed" in inspect.signature(find_topology(topology)).parameters
    if mazes > 1 and not seeded:
        raise MazerlError(
            f"topology {topology!r} has no graph_seed, so that --mazes {mazes} would all be "
            "the same one; give --mazes 1, or a topology that is drawn"
        )
    if mazes == 1:
        return [build(topology, **parameters)]
    first = parameters["graph_seed"]
    return [build(topology, **{**parameters, "graph_seed": first + n}) for n in range(mazes)]
