"""The bounds on H by cheapest ways and by visits, on random graphs under random policies.

`python -m tests.support.random_bounds 10000` looks at many more cases than the tests do.
"""

import sys
from collections import Counter

import networkx as nx
import numpy as np

from mazerl import Maze, compile_maze
from mazerl.exact.chain import plan_chain
from mazerl.exact.markov import hitting_times
from mazerl.exact.quasi_potential import bounds, deepest_traps
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.topology import Graph

_POLICIES = 20  # a graph
_TOLERANCE = 1e-9  # nats


def random_graph(rng: np.random.Generator) -> Graph:
    """Up to 10 vertices, a tree and up to 8 edges more, some of them parallel."""
    size = int(rng.integers(2, 11))
    graph: Graph = nx.MultiGraph(start=0)
    graph.add_nodes_from(range(size))
    graph.add_edges_from((v, int(rng.integers(v))) for v in range(1, size))
    for _ in range(rng.integers(9)):
        near, far = (int(v) for v in rng.integers(size, size=2))
        if near != far:
            graph.add_edge(near, far)
    graph.graph["goals"] = [int(v) for v in rng.permutation(np.arange(1, size))[:2]]
    if rng.random() < 0.5:
        graph.nodes[0]["chance"] = True
    return graph


def random_policy(maze: Maze, rng: np.random.Generator) -> np.ndarray:
    """Rows from nearly even to nearly certain; in one of four some ports are never taken."""
    logits = rng.normal(size=rows_of(maze).size) * 10 ** rng.uniform(-1, 1.2)
    if rng.random() < 0.25:
        logits[rng.random(len(logits)) < 0.1] = -1e4
    return row_probabilities(maze, logits)


def count(cases: int, seed: int = 0) -> Counter[str]:
    """How many of so many cases keep each bound, and how many pass what is no bound."""
    rng, told = np.random.default_rng(seed), Counter[str]()
    for case in range(cases):
        if case % _POLICIES == 0:
            maze = compile_maze(random_graph(rng))
            plan = plan_chain(maze)
        p = random_policy(maze, rng)
        log_time = np.log(hitting_times(maze, p, plan))
        lumped, apart = bounds(maze, p), bounds(maze, p, lumped=False)
        told["cases"] += 1
        told["below n exp V"] += bool((log_time <= lumped.log_time + _TOLERANCE).all())
        told["below n exp V, lanes apart"] += bool((log_time <= apart.log_time + _TOLERANCE).all())
        # Controls: without n, and the converse.
        told["above exp V"] += bool((log_time > lumped.nats + _TOLERANCE).any())
        told["below exp V"] += bool((log_time < lumped.nats - _TOLERANCE).any())
        if case % _POLICIES == 0 and np.isfinite(log_time).all():
            visits = deepest_traps(maze, p, plan).log_visits
            below = log_time <= visits + np.log(lumped.states) + _TOLERANCE
            told["cases of traps"] += 1
            told["between N and n N"] += bool((below & (visits <= log_time + _TOLERANCE)).all())
    return told


if __name__ == "__main__":
    print(dict(count(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
