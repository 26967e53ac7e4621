"""The mazes on which a law of traps is formed, and those that it is tried on.

Parameters are pairs, so that a cell can hold them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.common.networks import numbered
from mazerl import Maze, MazerlError
from mazerl.policy.rows import rows_of
from mazerl.training.sft import Corpus, corpus
from mazerl.walk.corpora import golden_walks

Parameters = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Named:
    """A topology, what sets its size, and what the maze is for."""

    topology: str
    parameters: Parameters
    role: str  # "formed", "held out" or "larger"


def _named(role: str, topology: str, *sizes: dict[str, Any]) -> tuple[Named, ...]:
    return tuple(Named(topology, tuple(size.items()), role) for size in sizes)


def _corridors(*sizes: tuple[int, int, int]) -> tuple[dict[str, Any], ...]:
    return tuple({"width": W, "depth": K, "lanes": L} for W, K, L in sizes)


def _grids(*sizes: tuple[int, float, int]) -> tuple[dict[str, Any], ...]:
    return tuple({"height": n, "width": n, "loops": x, "graph_seed": s} for n, x, s in sizes)


def _stars(*sizes: tuple[int, int]) -> tuple[dict[str, Any], ...]:
    return tuple({"arms": arms, "length": length} for arms, length in sizes)


def _trees(*sizes: tuple[int, int]) -> tuple[dict[str, Any], ...]:
    return tuple({"branching": branching, "depth": depth} for branching, depth in sizes)


FORMED = (
    *_named("formed", "corridor", *_corridors((3, 1, 3), (3, 2, 3), (3, 3, 3), (3, 4, 3)),
            *_corridors((4, 3, 1), (4, 3, 2))),
    *_named("formed", "path_star", *_stars((3, 2), (3, 4), (4, 6), (3, 8))),
    *_named("formed", "tree", *_trees((2, 2), (2, 3), (2, 4), (3, 3))),
    *_named("formed", "grid", *_grids((4, 0.0, 2), (5, 0.0, 0), (5, 0.2, 0), (6, 0.5, 1))),
    *_named("formed", "ladder", {"length": 4}, {"length": 8}),
)  # fmt: skip
HELD_OUT = (
    *_named("held out", "asymmetric_corridor", {"depths": (1, 3, 5), "lanes": (3,)},
            {"depths": (2, 3, 4), "lanes": (2, 3, 4)}, {"depths": (4, 4), "lanes": (1, 5)}),
    *_named("held out", "caves",
            *({"junctions": j, "passage": p, "loops": x, "parallel": x, "graph_seed": 7000 + n}
              for n, (j, p, x) in enumerate(
                  ((3, 1, 0.0), (4, 2, 0.0), (4, 4, 0.0), (5, 2, 0.5), (6, 1, 0.5))))),
    *_named("held out", "rooms", {"rooms": 3, "size": 4}, {"rooms": 6, "size": 4},
            {"rooms": 4, "size": 6}),
    *_named("held out", "random_regular",
            *({"vertices": n, "graph_seed": 7000} for n in (16, 32, 64))),
    *_named("held out", "erdos_renyi",
            *({"vertices": n, "mean_degree": d, "graph_seed": 7000}
              for n, d in ((24, 2.0), (48, 2.0), (48, 3.0)))),
    *_named("held out", "hops", {"forks": 3, "length": 3}, {"forks": 6, "length": 2}),
)  # fmt: skip
LARGER = (
    *_named("larger", "corridor", *_corridors((3, 6, 3), (6, 4, 2), (4, 5, 1))),
    *_named("larger", "path_star", *_stars((3, 12), (8, 6))),
    *_named("larger", "grid", *_grids((8, 0.0, 7000), (8, 0.2, 7001), (8, 0.5, 7002))),
    *_named("larger", "ladder", {"length": 16}),
)  # fmt: skip


def maze_of(named: Named, seed: int) -> Maze:
    """The maze, its ports numbered at random by a seed."""
    return numbered(named.topology, dict(named.parameters), "shuffled", seed)


def told(parameters: Any) -> str:
    """width=3 depth=4 lanes=3; of pairs, as records keep them or not."""
    return " ".join(
        f"{name}={'+'.join(map(str, x)) if isinstance(x, list | tuple) else x}"
        for name, x in parameters
    )


# What all of these mazes fit into: arcs, vertices, goals, ports, steps of a golden path.
_ARCS, _VERTICES, _GOALS, _PORTS, _STEPS = 256, 320, 64, 12, 64


def filled(maze: Maze) -> Maze:
    """The maze with arcs that no walk gets to, so that one compiled program serves all mazes.

    An arc that fills up leads from a vertex of its own to itself. Goals are repeated in turn, so
    that walks that draw them, as those of pretraining do, may draw some a little more often.

    Raises:
        MazerlError: the maze is too large.
    """
    arcs, vertices = maze.num_arcs, maze.num_vertices
    more = _ARCS - arcs
    idle = _VERTICES - vertices - more
    if min(more, idle, _GOALS - maze.num_goals, _PORTS - maze.num_ports) < 0:
        raise MazerlError(f"a maze of {arcs} arcs does not fit into {_ARCS}; take a smaller one")
    alone, number = vertices + np.arange(more), arcs + np.arange(more)

    def whole(*parts: Any) -> np.ndarray:
        return np.concatenate([np.asarray(part) for part in parts]).astype(np.int32)

    return replace(
        maze,
        head=whole(maze.head, alone),
        reverse=whole(maze.reverse, number),
        first_arc=whole(maze.first_arc, number, np.full(idle, _ARCS)),
        degree=whole(maze.degree, np.ones(more), np.zeros(idle)),
        chance=np.append(np.asarray(maze.chance), np.zeros(more + idle, bool)),
        goals=np.resize(np.asarray(maze.goals), _GOALS).astype(np.int32),
        ports=np.arange(_PORTS, dtype=np.int32),
    )


def real_rows(maze: Maze, full: Maze) -> np.ndarray:
    """Which entries of the filled maze's rows are the maze's own [R of full] bool."""
    arrival = rows_of(full).arrival
    return (arrival < maze.num_arcs) | (arrival == full.num_arcs)


def golden_corpus(maze: Maze, full: Maze, walks: int, seed: int) -> Corpus:
    """Golden paths of the maze as walks on the filled one.

    Raises:
        MazerlError: a path is too long.
    """
    shown = corpus(maze, golden_walks(maze, walks, seed))
    more = _STEPS - shown.arc.shape[1]
    if more < 0:
        raise MazerlError(f"a golden path has more than {_STEPS} steps; take a smaller maze")
    arc = np.where(shown.arc == maze.num_arcs, full.num_arcs, shown.arc)
    wide = ((0, 0), (0, more))
    return Corpus(
        np.pad(arc, wide, mode="edge").astype(np.int32),
        np.pad(shown.port, wide, mode="edge"),
        np.pad(shown.decided, wide),
    )
