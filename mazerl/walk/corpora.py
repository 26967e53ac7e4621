"""Where training sequences come from: golden paths, recorded walks, walks with their loops erased.

Exact trainers need only visit counts: how often, per episode, each row entry [R] is taken. Sampled
ones need the walks themselves.
"""

import numpy as np

from mazerl.errors import MazerlError, require_seed, require_whole
from mazerl.maze import Array, Maze, World
from mazerl.maze.paths import golden_flow, shortest_paths
from mazerl.policy.rows import rows_of
from mazerl.walk.rollouts import Walks


def golden_visits(maze: Maze) -> np.ndarray:
    """Expected visits [R] of golden paths: shortest from start to goal, uniform over equals.

    Mean over goals. Shortest paths are counted with exact integers, so any depth works. The work
    for a goal is in proportion to the arcs of its own shortest paths.
    """
    rows, paths = rows_of(maze), shortest_paths(maze)
    reverse, chance = np.asarray(maze.reverse).tolist(), np.asarray(maze.chance)
    total = np.zeros(rows.size)
    for goal in np.asarray(maze.goals).tolist():
        flow, through = golden_flow(paths, reverse, int(maze.start), goal)
        into: dict[int, list[tuple[int, float]]] = {int(maze.start): [(maze.num_arcs, 1.0)]}
        for arc, share in flow.items():
            into.setdefault(paths.head[arc], []).append((arc, share))
        for arc, share in flow.items():
            vertex = paths.head[reverse[arc]]
            if not chance[vertex]:
                # A golden path's next arc depends on its vertex alone, whatever the arrival arc.
                port = arc - paths.out[vertex].start
                for arrival, arrived in into[vertex]:
                    total[rows.start[arrival] + port] += arrived * share / through[vertex]
    return total / maze.num_goals


def golden_walks(maze: Maze, num_walks: int, seed: int) -> Walks:
    """Random golden paths: goals drawn uniformly, then uniform over the shortest paths to them."""
    require_whole("the number of walks", num_walks)
    generator, paths = np.random.default_rng(require_seed("seed", seed)), shortest_paths(maze)
    reverse, start = np.asarray(maze.reverse).tolist(), int(maze.start)
    goals = np.asarray(maze.goals)
    drawn = generator.integers(len(goals), size=num_walks)
    limit = max(paths.distance[goal] for goal in goals.tolist())
    arc = np.full((num_walks, limit + 1), maze.num_arcs, np.int32)
    port = np.zeros((num_walks, limit), np.int32)
    length = np.array([paths.distance[goal] for goal in goals.tolist()], np.int32)[drawn]
    for number in np.unique(drawn).tolist():
        flow, _ = golden_flow(paths, reverse, start, int(goals[number]))
        onward: dict[int, list[int]] = {}
        for taken in flow:
            onward.setdefault(paths.head[reverse[taken]], []).append(taken)
        for b in np.flatnonzero(drawn == number):
            vertex = start
            for t in range(length[b]):
                choices = onward[vertex]
                share = np.cumsum([flow[taken] for taken in choices])
                pick = min(np.searchsorted(share, generator.random() * share[-1]), len(share) - 1)
                arc[b, t + 1], port[b, t] = choices[pick], choices[pick] - paths.out[vertex].start
                vertex = paths.head[choices[pick]]
    arrived = np.ones(num_walks, bool)
    return Walks(arc, port, goals[drawn], length, arrived, ~arrived)


def mix_walks(most: Walks, some: Walks, share: float) -> Walks:
    """Walks of which the first `share` are from `some` and the others from `most`.

    As many as `most` has. Arrays are padded to the longer time.

    Raises:
        MazerlError: the share is not within 0 and 1, or `some` has too few walks.
    """
    total = len(most.length)
    if not 0 <= share <= 1:
        raise MazerlError(f"the share is {share}; give a number from 0 to 1")
    count = round(share * total)
    if count > len(some.length):
        raise MazerlError(f"{count} walks wanted of {len(some.length)}; give more or mix in less")
    limit = max(most.port.shape[1], some.port.shape[1])

    def join(first: Array, second: Array) -> np.ndarray:
        first, second = np.asarray(first)[:count], np.asarray(second)[count:]
        if first.ndim == 1:
            return np.concatenate([first, second])
        length = limit + first.shape[1] - some.port.shape[1]
        return np.concatenate([_padded(first, length), _padded(second, length)])

    return Walks(*(join(some_field, field) for some_field, field in zip(some, most, strict=True)))


def _padded(steps: np.ndarray, length: int) -> np.ndarray:
    return np.pad(steps, ((0, 0), (0, length - steps.shape[1])), mode="edge")


def arrived_only(walks: Walks) -> Walks:
    """The walks that reached their goals.

    Raises:
        MazerlError: none did.
    """
    kept = np.flatnonzero(np.asarray(walks.reached))
    if not len(kept):
        raise MazerlError("no walk reached its goal; raise the time limit or give a better teacher")
    return Walks(*(np.asarray(field)[kept] for field in walks))


def visits_of(maze: Maze, walks: Walks) -> np.ndarray:
    """Visits per episode [R] of recorded walks, the environment's own moves left out."""
    rows = rows_of(maze)
    arc, port = np.asarray(walks.arc), np.asarray(walks.port)
    real = np.arange(port.shape[1]) < np.asarray(walks.length)[:, None]
    arrival, taken = arc[:, :-1][real], port[real]
    vertex = np.append(np.asarray(maze.head), maze.start)[arrival]
    decided = ~np.asarray(maze.chance)[vertex]
    entry = rows.start[arrival[decided]] + taken[decided]
    return np.bincount(entry, minlength=rows.size) / len(arc)


def erase_loops(maze: World, walks: Walks) -> Walks:
    """Cut every loop out of recorded walks, in order of time: dead ends and turns disappear.

    A walk that reached its goal becomes a simple path from the start to it.
    """
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    first_arc, starts = np.asarray(maze.first_arc), np.atleast_1d(maze.start)
    source, length = np.asarray(walks.arc), np.asarray(walks.length)
    arc = np.broadcast_to(source[:, :1], source.shape).copy()
    port = np.zeros_like(np.asarray(walks.port))
    kept = np.zeros_like(length)
    for b in range(len(source)):
        path: list[int] = []
        start = int(starts[source[b, 0] - maze.num_arcs])
        position = {start: 0}  # how many arcs of the path lead to each of its vertices
        for taken in source[b, 1 : length[b] + 1].tolist():
            vertex = int(head[taken])
            path.append(taken)
            if vertex in position:
                for dropped in path[position[vertex] : -1]:
                    del position[int(head[dropped])]
                del path[position[vertex] :]
            else:
                position[vertex] = len(path)
        kept[b] = len(path)
        arc[b, 1 : len(path) + 1] = path
        port[b, : len(path)] = np.asarray(path) - first_arc[head[reverse[path]]]
    return walks._replace(arc=arc, port=port, length=kept)
