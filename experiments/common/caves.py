"""Caves for studies of edits: a maze, a base model, problems, and what exact RL makes of them."""

from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from mazerl import build, compile_maze
from mazerl.maze import Array, Maze
from mazerl.maze.paths import shortest_paths
from mazerl.policy.bases import opinionated_rows, turn_at_junctions
from mazerl.policy.extraction import row_logits, row_probabilities
from mazerl.policy.patched import ways_out
from mazerl.policy.preferences import greedy_rows, row_sums
from mazerl.policy.rows import rows_of
from mazerl.training import Training, train
from mazerl.training.success import success_ascent

TURNING = 0.02
KINDS = ("plain", "confident", "decorative", "calibrated")

_SURE = 0.96  # of the wrong port at a confidently wrong fork
_SETTLED = 0.65  # share of vertices at which a calibrated base is settled
_RIGHT = 0.9  # of the right port where a calibrated base is settled


class Caves(NamedTuple):
    """A maze with X goals that the policy sees, and a base model [X, R] of it."""

    maze: Maze
    base: np.ndarray  # [X, R]
    limit: int  # 1.5 times the way to the farthest of all goals
    marked: np.ndarray  # [A+1] bool: the places that the kind is about


def caves_of(
    kind: str, passage: int, turns: str, junctions: int, most: int, problems: int, seed: int
) -> Caves:
    """Draw caves, base and problems by one seed.

    Kinds: *plain*; *confident*, where at the first fork the base is nearly sure of a port that
    leads to no goal; *decorative*, where every passage has a fork whose arms are worth the same,
    and the base takes either alike; *calibrated*, where the base knows the way at most
    vertices and has faint opinions at the others. Turns are at "junctions" or "anywhere", which is
    a property of the base's support: a Maze has no forced ports.
    """
    whole = compile_maze(
        build("caves", junctions=junctions, most=most, passage=passage, graph_seed=seed,
              decorative=float(kind == "decorative"))
    )  # fmt: skip
    distance = shortest_paths(whole).distance
    limit = round(1.5 * max(distance[int(goal)] for goal in whole.goals))
    spread = 0.3 if kind == "calibrated" else 1.0
    rows, marked = (
        opinionated_rows(whole, TURNING, spread, seed),
        np.zeros(whole.num_arrivals, bool),
    )
    draw, goals = np.random.default_rng(seed), np.asarray(whole.goals)
    if kind == "confident":
        rows, marked, goals = _confident(whole, rows)
    elif kind == "decorative":
        rows, marked = _decorated(whole, rows)
    goals = np.sort(draw.choice(goals, min(problems, len(goals)), replace=False))
    maze = replace(whole, goals=goals)
    base = np.tile(rows, (len(goals), 1))
    if kind == "calibrated":
        base, marked = _calibrated(maze, base, draw)
    return Caves(
        maze, turn_at_junctions(maze, base) if turns == "junctions" else base, limit, marked
    )


def teachers(world: Caves, reach: tuple[float, ...], rate: float, steps: int) -> list[np.ndarray]:
    """Rows [X, R] of exact ascent on mean p, each when it first has so much; the last if never."""
    method = success_ascent(world.maze, world.limit, "success")
    training = Training(steps, "adam", rate, record_every=1)
    run = train(method, (), row_logits(world.base), training, jax.random.key(0), keep_history=True)
    # Told of each update is the success before it.
    success = np.asarray(run.metrics["success"])
    told = []
    for share in reach:
        first = int((success >= share).argmax()) if (success >= share).any() else steps
        told.append(np.stack([row_probabilities(world.maze, each) for each in run.history[first]]))
    return told


def random_teacher(world: Caves, seed: int) -> np.ndarray:
    """Rows [X, R] whose preferences among what the base does not rule out are drawn at random."""
    draw = np.random.default_rng([seed, 1])
    weight = np.where(world.base > 0, draw.random(world.base.shape), 0.0)
    return weight / row_sums(world.maze, weight)[:, rows_of(world.maze).arrival]


def _vertex(maze: Maze) -> np.ndarray:
    return np.append(np.asarray(maze.head), maze.start)


def _confident(maze: Maze, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At the start nearly sure of its first choice; marked is the start; goals are elsewhere."""
    layout, start = rows_of(maze), int(maze.start)
    begins = layout.arrival == maze.num_arcs
    wrong = int(layout.arc[begins][rows[begins].argmax()])
    # Those who come back from there choose as before.
    at_start = (_vertex(maze) == start) & (np.append(np.asarray(maze.reverse), -1) != wrong)
    here, sure = at_start[layout.arrival], layout.arc == wrong
    rest = np.where(sure, 0.0, rows)
    rest *= (1 - _SURE) / row_sums(maze, rest)[layout.arrival]
    # On a tree that the first arc of the way there leads into.
    without = _distances(maze, np.asarray([start]), wrong)[0]
    goals = np.asarray(maze.goals)
    return (
        np.where(here, np.where(sure, _SURE, rest), rows),
        at_start,
        goals[np.isfinite(without[goals])],
    )


def _decorated(maze: Maze, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Alike ahead at both ends of every ring; marked are arrivals from without, never back."""
    degree, head = np.asarray(maze.degree), np.asarray(maze.head)
    first, layout = np.asarray(maze.first_arc), rows_of(maze)
    ends, inner = np.zeros(maze.num_vertices, bool), np.zeros(maze.num_arcs, bool)
    for v in np.flatnonzero(degree == 3):
        beyond: dict[int, list[int]] = {}
        for arc in range(first[v], first[v] + 3):
            middle = int(head[arc])
            for onward in range(first[middle], first[middle] + degree[middle]):
                if degree[middle] == 2 and head[onward] != v:
                    beyond.setdefault(int(head[onward]), []).append(arc)
        for arcs in beyond.values():
            if len(arcs) == 2:
                ends[v] = inner[arcs] = True
    vertex, reverse = _vertex(maze), np.append(np.asarray(maze.reverse), 0)
    came_by = np.append(np.asarray(maze.reverse), -1)[layout.arrival] == layout.arc
    marked = ends[vertex] & ~inner[reverse]
    marked[-1] = False
    even = np.where(came_by, TURNING, (1 - TURNING) / 2)
    even = np.where(marked[layout.arrival], np.where(came_by, 0.0, 0.5), even)
    return np.where(ends[vertex][layout.arrival], even, rows), marked


def _calibrated(
    maze: Maze, base: np.ndarray, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Right with _RIGHT at some of the vertices, which are marked."""
    layout, settled = rows_of(maze), draw.random(maze.num_vertices) < _SETTLED
    marked = settled[_vertex(maze)] & (ways_out(maze) > 1)
    left = _distances(maze, np.asarray(maze.goals))[:, np.asarray(maze.head)[layout.arc]]
    right = greedy_rows(maze, np.exp(-left) / row_sums(maze, np.exp(-left))[:, layout.arrival])
    knowing = _RIGHT * right + (1 - _RIGHT) * base
    return np.where(marked[layout.arrival], knowing, base), marked


def _distances(maze: Maze, sources: np.ndarray, without: int | None = None) -> Array:
    """Steps from vertices to all others [sources, V], `without` an edge; inf where none leads."""
    head, reverse = np.asarray(maze.head), np.asarray(maze.reverse)
    kept = np.ones(maze.num_arcs, bool)
    if without is not None:
        kept[[without, reverse[without]]] = False
    size = maze.num_vertices
    edges = csr_array((kept.astype(float), (head[reverse], head)), shape=(size, size))
    edges.eliminate_zeros()
    return shortest_path(edges, unweighted=True, indices=sources)
