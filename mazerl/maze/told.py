"""Mazes that are told in a prompt, and walked by saying names.

The prompt of a maze is the list of its edges, each as the names of its two ends, in an order of its
own, and the name of the goal. A move is to say a name: port p of every vertex is name p. Who says
the name of a neighbour is there; who says any other is lost, at a vertex of each maze's own that
has no way out. So nothing but the prompt tells a policy which moves there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze.side_by_side import Mazes
from mazerl.maze.world import Array, Maze


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Told(Mazes):
    """M mazes of n vertices and E edges, a goal each; D names are known in all.

    The vertices of maze m are m·(n+1) + 0 … n-1, and m·(n+1) + n where its walks are lost; D arcs
    leave each, in the order of the names.
    """

    edges: Array  # [M, E, 2] names of the ends of each edge, as told
    told_goal: Array  # [M] name of the goal, as told
    name: Array  # [V] what each vertex is called; D where a walk is lost
    turns: Array  # [R, 2] ranges of mazes that walks draw from in turn: first, how many

    def goal_ranges(self) -> tuple[Array, Array]:
        """Walk b draws a maze of range b mod R, one goal each."""
        return self.turns[:, 0], self.turns[:, 1]

    def in_turn(self) -> "Told":
        """The same mazes, but walk b is in maze b mod M instead of drawing one."""
        number = np.arange(self.num_mazes, dtype=np.int32)
        return replace(self, turns=np.stack([number, np.ones_like(number)], 1))

    @property
    def own_vertices(self) -> int:
        """n + 1 of each maze."""
        return self.num_vertices // self.num_mazes

    @property
    def own_arcs(self) -> int:
        """(n + 1)·D of each maze."""
        return self.num_arcs // self.num_mazes


def tell(
    mazes: Sequence[Maze], names: np.ndarray, order: np.ndarray, num_names: int | None = None
) -> Told:
    """Name the vertices of mazes and tell their edges in an order.

    Args:
        mazes: M of as many vertices and edges, without chance or parallel edges, a goal each.
        names: [M, n] the names of each maze's vertices, all different.
        order: [M, E] which of the edges of the graph, sorted by their ends, is told when.
        num_names: D, by default as many as are used.

    Raises:
        MazerlError: mazes that differ in size, have chance, parallel edges or several goals; names
            that are not different or unknown; an order that leaves edges out.
    """
    if not mazes:
        raise MazerlError("no maze to tell; give at least one")
    number, vertices = len(mazes), mazes[0].num_vertices
    total = int(np.max(names)) + 1 if num_names is None else require_whole("num_names", num_names)
    _check(mazes, names, order, total)
    head = np.stack([maze.head for maze in mazes])
    tail = np.stack([np.asarray(maze.head)[np.asarray(maze.reverse)] for maze in mazes])
    rows, lost = np.arange(number)[:, None], vertices
    # Where each name leads from each vertex, in the maze's own numbers.
    leads = np.full((number, vertices + 1, total), lost, np.int64)
    leads[rows, tail, names[rows, head]] = head
    if (leads < lost).sum() != head.size:
        raise MazerlError("a maze has parallel edges, which names cannot tell apart; take one out")
    own = (vertices + 1) * total
    arcs = np.arange(number * own).reshape(leads.shape)
    back = np.array(arcs)
    back[rows, tail, names[rows, head]] = rows * own + head * total + names[rows, tail]
    outward = tail < head
    ends = np.stack([tail[outward], head[outward]], 1).reshape(number, -1, 2)
    goal = np.array([int(maze.goals[0]) for maze in mazes])
    begin = (vertices + 1) * np.arange(number + 1)
    called = np.full((number, vertices + 1), total)
    called[:, :vertices] = names

    def small(x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x, np.int32)

    return Told(
        head=small((leads + begin[:-1, None, None]).reshape(-1)),
        reverse=small(back.reshape(-1)),
        first_arc=small(arcs[:, :, 0].reshape(-1)),
        degree=np.full(number * (vertices + 1), total, np.int32),
        chance=np.zeros(number * (vertices + 1), bool),
        start=small([int(maze.start) for maze in mazes] + begin[:-1]),
        goals=small(goal + begin[:-1]),
        ports=np.arange(total, dtype=np.int32),
        first_goal=np.arange(number, dtype=np.int32),
        goal_count=np.ones(number, np.int32),
        vertex_begin=small(begin),
        arc_begin=small(own * np.arange(number + 1)),
        edges=small(names[rows[..., None], ends][rows, order]),
        told_goal=small(names[np.arange(number), goal]),
        name=small(called.reshape(-1)),
        turns=np.array([[0, number]], np.int32),
    )


def _check(mazes: Sequence[Maze], names: np.ndarray, order: np.ndarray, total: int) -> None:
    """Raise a `MazerlError` for what cannot be told."""
    sizes = {(maze.num_vertices, maze.num_arcs // 2) for maze in mazes}
    if len(sizes) > 1:
        raise MazerlError(
            f"mazes of {len(sizes)} sizes cannot be told side by side; give mazes of as many "
            "vertices and edges"
        )
    ((vertices, edges),) = sizes
    for maze in mazes:
        if maze.num_goals != 1 or np.asarray(maze.chance).any():
            raise MazerlError("a maze that is told has one goal and no chance; give such mazes")
    for told, given, shape in (
        ("names", names, (len(mazes), vertices)),
        ("order", order, (len(mazes), edges)),
    ):
        if np.shape(given) != shape:
            raise MazerlError(f"{told} have shape {np.shape(given)}; these mazes need {shape}")
    used = np.sort(names, 1)
    if (used[:, 0] < 0).any() or (used[:, -1] >= total).any() or (np.diff(used, axis=1) < 1).any():
        raise MazerlError(f"names are not different or not from 0 to {total - 1}; give others")
    if (np.sort(order, 1) != np.arange(edges)).any():
        raise MazerlError(f"an order is none of all {edges} edges; give each edge once")
