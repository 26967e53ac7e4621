"""A second implementation of the absorbing chain: dictionaries of fractions over the nx graph."""

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from mazerl import Maze
from mazerl.policy.rows import rows_of

State = Hashable
Chain = dict[State, dict[State, Fraction]]


def hitting_times(
    chain: Mapping[State, Mapping[State, Fraction]], goal: set[State]
) -> dict[State, Fraction]:
    """Expected steps to the goal from every state."""
    return _solve(chain, goal, {s: Fraction(1) for s in chain})


def chances(
    chain: Mapping[State, Mapping[State, Fraction]], goal: set[State], other: set[State]
) -> dict[State, Fraction]:
    """P(get to the goal before others) from every state outside both."""
    into = {s: sum((out.get(g, Fraction(0)) for g in goal), Fraction(0))
            for s, out in chain.items()}  # fmt: skip
    return _solve(chain, goal | other, into)


def _solve(
    chain: Mapping[State, Mapping[State, Fraction]],
    ends: set[State],
    gains: Mapping[State, Fraction],
) -> dict[State, Fraction]:
    """Expected sum of gains until one of the ends, by Gaussian elimination on fractions."""
    rows = {s: dict(out) for s, out in chain.items() if s not in ends}
    constant = {s: gains[s] for s in rows}
    order = list(rows)
    for n, s in enumerate(order):
        stay = 1 - rows[s].pop(s, Fraction(0))
        rows[s] = {t: p / stay for t, p in rows[s].items() if t not in ends}
        constant[s] /= stay
        for u in order[n + 1 :]:
            through = rows[u].pop(s, Fraction(0))
            if through:
                constant[u] += through * constant[s]
                for t, p in rows[s].items():
                    rows[u][t] = rows[u].get(t, Fraction(0)) + through * p
    sums: dict[State, Fraction] = {}
    for s in reversed(order):
        sums[s] = constant[s] + sum((p * sums[t] for t, p in rows[s].items()), Fraction(0))
    return sums


def arrival_law(
    chain: Mapping[State, Mapping[State, Fraction]], start: State, goal: set[Any], limit: int
) -> list[Fraction]:
    """P(τ = t) for t = 0 … limit."""
    law, mass = [Fraction(0)], {start: Fraction(1)}
    for _ in range(limit):
        after: dict[State, Fraction] = {}
        for state, m in mass.items():
            for target, p in chain[state].items():
                after[target] = after.get(target, Fraction(0)) + m * p
        law.append(sum((after.pop(g, Fraction(0)) for g in goal), Fraction(0)))
        mass = after
    return law


def chain_of(maze: Maze, probabilities: list[Fraction]) -> Chain:
    """The chain on arrival arcs 0 … A of tabular rows, chance vertices uniform."""
    rows = rows_of(maze)
    vertex = np.append(np.asarray(maze.head), maze.start)
    chain: Chain = {}
    for arrival in range(maze.num_arcs + 1):
        v = int(vertex[arrival])
        out = range(int(maze.first_arc[v]), int(maze.first_arc[v] + maze.degree[v]))
        begin = int(rows.start[arrival])
        chain[arrival] = {
            arc: Fraction(1, int(maze.degree[v])) if maze.chance[v] else probabilities[begin + port]
            for port, arc in enumerate(out)
        }
    return chain


def arcs_into(maze: Maze, goal: int) -> set[Any]:
    return set(np.flatnonzero(np.asarray(maze.head) == goal).tolist())


def random_rows(maze: Maze, rng: np.random.Generator) -> list[Fraction]:
    """Random rows with small whole-number weights, all positive."""
    rows = rows_of(maze)
    weight = [Fraction(int(w)) for w in rng.integers(1, 9, rows.size)]
    total: dict[int, Fraction] = {}
    for arrival, w in zip(rows.arrival.tolist(), weight, strict=True):
        total[arrival] = total.get(arrival, Fraction(0)) + w
    return [w / total[a] for a, w in zip(rows.arrival.tolist(), weight, strict=True)]
