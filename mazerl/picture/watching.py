"""A page that plays walks step by step: one file, nothing to load, for any browser."""

import json
from importlib.resources import files
from typing import Any

import jax
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Maze, arrival_vertex
from mazerl.measure.behaviour import walk_log_probabilities
from mazerl.picture.layout import MOST_VERTICES, bends, kinds, positions
from mazerl.picture.watching_trees import TERMS, Asked, tree_of
from mazerl.policy.contract import Policy
from mazerl.policy.scoring import is_decided, legal_ports
from mazerl.topology import Graph
from mazerl.walk.rollouts import rollout

_KINDS = {"start": "start", "start, by chance": "start", "goal": "goal", "dead end": "dead"}
_DIGITS = 4


def watch_page(
    graph: Graph, maze: Maze, policy: Policy, params: Any, title: str, key: jax.Array, walks: int,
    limit: int, tree: Asked | None = None,
) -> str:  # fmt: skip
    """HTML that plays walks, with the policy's probabilities at every step.

    Args:
        graph: what the maze was compiled from, for names and positions.
        maze: the maze.
        policy: who walks; it must have a whole-sequence form.
        params: its parameters.
        title: of the page.
        key: for the walks.
        walks: how many to choose from.
        limit: time limit in steps.
        tree: instead of walks of their own, the leaves of a tree that is grown so.

    Raises:
        MazerlError: more vertices than a page can show, a policy without that form, or a tree that
            cannot be grown.
    """
    if maze.num_vertices > MOST_VERTICES:
        raise MazerlError(
            f"a page shows at most {MOST_VERTICES} vertices, and this maze has "
            f"{maze.num_vertices}; draw it with `mazerl draw`"
        )
    if policy.score is None:
        raise MazerlError("this policy has no whole-sequence form; watch the one that it wraps")
    leaves: list[dict[str, Any]] = [{}] * walks
    if tree is None:
        walked = rollout(policy, params, maze, key, walks, limit)
    else:
        walked, leaves = tree_of(policy, params, maze, key, walks, limit, tree)
    arcs = walked.arc[:, :-1]
    log_p = walk_log_probabilities(policy, maze, params, arcs)
    chosen = np.exp(np.asarray(log_p, np.float64))
    legal, own = np.asarray(legal_ports(maze, arcs)), np.asarray(is_decided(maze, arcs))
    vertex, degree = np.asarray(arrival_vertex(maze)), np.asarray(maze.degree)

    def probabilities(b: int, t: int) -> list[float]:
        if own[b, t]:
            return np.round(chosen[b, t][legal[b, t]], _DIGITS).tolist()
        ports = int(degree[vertex[arcs[b, t]]])
        return [round(1 / ports, _DIGITS)] * ports

    told = [
        {
            "goal": int(walked.goal[b]),
            "reached": bool(walked.reached[b]),
            "arcs": np.asarray(walked.arc[b, 1 : length + 1]).tolist(),
            "probabilities": [probabilities(b, t) for t in range(length)],
            **leaves[b],
        }
        for b, length in enumerate(np.asarray(walked.length).tolist())
    ]
    data = {
        "title": title,
        "names": [str(name) for name in graph],
        "kind": [_KINDS.get(kind, "vertex") for kind in kinds(maze)],
        "place": np.round(positions(maze, graph), 3).tolist(),
        "bend": np.round(bends(maze), 3).tolist(),
        "head": np.asarray(maze.head).tolist(),
        "reverse": np.asarray(maze.reverse).tolist(),
        "first_arc": np.asarray(maze.first_arc).tolist(),
        "chance": np.asarray(maze.chance).tolist(),
        "start": int(maze.start),
        "terms": list(TERMS) if tree else None,
        "walks": told,
    }
    page = files("mazerl.picture").joinpath("watch.html").read_text(encoding="utf-8")
    # Inside a script element only "<" can end it or open a comment.
    return page.replace("/*DATA*/", json.dumps(data).replace("<", "\\u003c"))
