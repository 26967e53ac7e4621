"""Random mazes and walks as text, and the environment beside the verifier.

`python -m tests.support.text_fuzz round_trips 10000` and `… moves 1000000` run many more than the
tests do.
"""

import json
import string
import sys
import time
import unicodedata
from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from mazerl.bridges.moves import move
from mazerl.bridges.text import (
    RENDERINGS,
    SCRIPTS,
    Place,
    Rendering,
    Task,
    judge,
    names_of,
    place_of_graph,
    read_walk,
)
from mazerl.maze import fingerprint
from mazerl.policy.sampling import seeded_key
from mazerl.topology import Graph
from mazerl.walk.env import Reward, State

SIGNS = [
    *"abzAZ09_-#,.;:()\"'\\/<>= \t\n→αжعक山가é😀",
    "e\u0301",
    "\u200d",
    "\u202e",
    "\x00",
    "door",
]
"""What names are made of where they are to be hard to read."""


def random_graph(draw: np.random.Generator) -> Graph:
    """Connected, with parallel passages, chance rooms and several goals."""
    count = int(draw.integers(2, 14))
    if draw.random() < 0.5:
        names = names_of(count, SCRIPTS[int(draw.integers(len(SCRIPTS)))], int(draw.integers(1000)))
    else:
        hard = {"".join(draw.choice(SIGNS, int(draw.integers(0, 5)))) for _ in range(2 * count)}
        unlike = {unicodedata.normalize("NFC", name): name for name in sorted(hard)}
        names = [*unlike.values(), *(f"room {n}" for n in range(count))][:count]
    graph: Graph = nx.MultiGraph()
    graph.add_nodes_from(draw.permutation(np.asarray(names, object)).tolist())
    rooms = list(graph)
    for n in range(1, count):
        graph.add_edge(rooms[n], rooms[int(draw.integers(n))])
    for _ in range(int(draw.integers(0, count))):
        one, other = draw.choice(count, 2, replace=False)
        graph.add_edges_from([(rooms[one], rooms[other])] * int(draw.integers(1, 4)))
    picked = draw.permutation(count)[: int(draw.integers(2, min(count, 4) + 1))]
    graph.graph |= {"start": rooms[picked[0]], "goals": [rooms[n] for n in picked[1:]]}
    for room in rooms:
        if draw.random() < 0.1:
            graph.nodes[room]["chance"] = True
    return graph


def random_ports(place: Place, steps: int, draw: np.random.Generator) -> list[int]:
    """A walk of so many steps, by the maze's arrays."""
    maze, vertex, ports = place.maze, int(place.maze.start), []
    for _ in range(steps):
        ports.append(int(draw.integers(maze.degree[vertex])))
        vertex = int(maze.head[maze.first_arc[vertex] + ports[-1]])
    return ports


def round_trips(number: int, seed: int) -> Counter[str]:
    """Write and read so many mazes, each with a walk, in every rendering.

    Raises:
        AssertionError: maze, names or walk came back as another.
    """
    draw, told = np.random.default_rng(seed), Counter[str]()
    for n in range(number):
        graph = random_graph(draw)
        place = place_of_graph(graph)
        ports = random_ports(place, int(draw.integers(0, 30)), draw)
        for name, rendering in RENDERINGS.items():
            text = rendering.write_maze(place)
            again = rendering.read_maze(text)
            assert fingerprint(again.maze) == fingerprint(place.maze), (seed, n, name, text)
            assert again.names == tuple(graph), (seed, n, name, text)
            walk = rendering.write_walk(place, ports)
            assert read_walk(again, walk, rendering) == ports, (seed, n, name, text, walk)
            told[name] += 1
    return told


@jax.jit
def follow(maze: Any, state: State, ports: Any, bits: Any) -> tuple[Any, Any]:
    """Arrival arcs [T, B] and whether the goal was reached by then [T, B]."""

    def body(state: State, given: tuple[Any, Any]) -> tuple[State, tuple[Any, Any]]:
        after, _ = move(maze, state, *given)
        return after, (after.arc, after.reached)

    return jax.lax.scan(body, state, (ports, bits))[1]


def moves(number: int, seed: int, walks: int = 256, limit: int = 60) -> Counter[str]:
    """Random moves, one in fifty through a wall, by the environment and by the verifier.

    Raises:
        AssertionError: they do not agree on a move, an arrival, or what it is worth.
    """
    draw, told = np.random.default_rng(seed), Counter[str]()
    while told["moves"] < number:
        place = place_of_graph(random_graph(draw))
        place = place.asked(place.goals[0])
        rendering = list(RENDERINGS.values())[told["mazes"] % len(RENDERINGS)]
        told["mazes"] += 1
        told.update(_compare(place, rendering, walks, limit, draw))
    return told


def _compare(
    place: Place, rendering: Rendering, walks: int, limit: int, draw: np.random.Generator
) -> Counter[str]:
    maze, told = place.maze, Counter[str]()
    wild = draw.integers(0, 2**31, (limit, walks))
    wall = draw.random((limit, walks)) < 0.02
    key = seeded_key(int(draw.integers(2**31)))
    bits = np.asarray(jax.random.bits(key, (limit, walks), jnp.uint32))
    goals = np.full(walks, place.goals[0], np.int32)
    begin = State(
        np.full(walks, maze.num_arcs, np.int32), goals, np.zeros(walks, np.int32),
        np.zeros(walks, bool),
    )  # fmt: skip
    # What a port's number is depends on where the walk is: walk first, in plain NumPy, to ask.
    vertex, ports = np.full(walks, int(maze.start)), np.empty((limit, walks), np.int32)
    arcs = np.empty((limit, walks), np.int64)
    by_chance = bits.astype(np.uint64) * maze.degree.astype(np.uint64)[:, None, None]
    for t in range(limit):
        degree = maze.degree[vertex]
        asked = np.where(wall[t], degree, wild[t] % degree)
        ports[t] = asked
        moved = np.where(
            maze.chance[vertex], by_chance[vertex, t, np.arange(walks)] >> np.uint64(32), asked
        )
        arcs[t] = np.where(moved < degree, maze.first_arc[vertex] + moved, -1)
        vertex = np.where(moved < degree, maze.head[arcs[t]], vertex)
    seen, arrived = map(np.asarray, follow(maze, begin, ports, bits))
    for b in range(walks):
        _agree(place, rendering, arcs[:, b], seen[:, b], arrived[:, b], limit, told)
    return told


def _agree(
    place: Place, rendering: Rendering, arcs: np.ndarray, seen: np.ndarray, arrived: np.ndarray,
    limit: int, told: Counter[str],
) -> None:  # fmt: skip
    """One walk: `arcs` as asked, -1 through a wall, and what the environment made of it."""
    reward = Reward(2.0, 0.25)
    text = _as_text(place, rendering, arcs.tolist())
    verdict = judge(Task(place, rendering, limit), text, reward)
    first_wall = int(np.argmax(arcs < 0)) if (arcs < 0).any() else limit
    steps = int(np.argmax(arrived)) + 1 if arrived.any() else limit
    reached = bool(arrived.any()) and steps <= first_wall
    made = steps if reached else first_wall
    legal = [True] * made + [False] * (not reached and first_wall < limit)
    taken = seen[:made]
    back = place.maze.reverse[taken[:-1]] == taken[1:]
    firsts = np.append(np.asarray(place.maze.head), place.maze.start)
    tails = firsts[np.append(place.maze.num_arcs, taken[:-1])] if made else taken
    assert list(verdict.legal) == legal, text
    assert list(verdict.ports) == (taken - place.maze.first_arc[tails]).tolist(), text
    assert (verdict.reached, verdict.steps) == (reached, made), text
    assert verdict.backtracks == int(back.sum()), text
    expected = 2.0 - 0.25 * made if reached else -0.25 * limit
    assert verdict.reward == expected, text
    told["moves"] += len(legal)
    told["walls"] += legal.count(False)
    told["arrived"] += reached


def _as_text(place: Place, rendering: Rendering, arcs: list[int]) -> str:
    """A walk as the environment took it, written by a hand of its own."""
    maze, arrival, words = place.maze, place.maze.num_arcs, []
    head, reverse = [*maze.head.tolist(), int(maze.start)], maze.reverse.tolist()
    for arc in arcs:
        vertex = head[arrival]
        degree, first = int(maze.degree[vertex]), int(maze.first_arc[vertex])
        port = arc - first if arc >= 0 else degree
        back = reverse[arrival] - first if arrival < maze.num_arcs else 0
        if rendering.name == "rooms":
            words.append(f"door {port + 1}")
        elif rendering.name == "letters":
            words.append(string.ascii_lowercase[port])
        elif rendering.name == "turns":
            turn = (port - back) % degree if arc >= 0 else degree
            words.append((string.digits + string.ascii_lowercase)[turn])
        else:
            leads = [head[a] for a in range(first, first + degree)]
            same = leads[: port + 1].count(leads[port]) if arc >= 0 else degree + 1
            name = place.names[leads[port] if arc >= 0 else leads[0]]
            words.append(f"{json.dumps(name)}#{same}")
        arrival = arc if arc >= 0 else arrival
    if rendering.name == "edges":
        words.insert(0, json.dumps(place.names[place.start]))
    return {"rooms": ", ", "edges": " "}.get(rendering.name, "").join(words)


if __name__ == "__main__":
    begun, task, count = time.monotonic(), sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    print(dict(moves(count, seed, 4096) if task == "moves" else round_trips(count, seed)))
    print(f"{time.monotonic() - begun:.0f} s")
