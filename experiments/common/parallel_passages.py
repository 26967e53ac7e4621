"""Forks in series joined by parallel passages, and policies learned there, many seeds at once.

Walks are simulated by their numbers. Of N walks Bin(N, p) succeed; those that do, and those that do
not, are then split at every arrival by multinomials whose chances are the policy's given how the
walk will end (Doob's transform). Row entries are taken as often, by the same law, as if each walk
had been drawn alone; the work does not depend on N. With expectations in the place of draws the
update is the exact gradient.
"""

from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx
import numpy as np

from mazerl import compile_maze
from mazerl.maze import Maze
from mazerl.measure.outcome_weights import ByCount, by_count
from mazerl.policy.preferences import row_peaks, row_sums
from mazerl.policy.rows import rows_of
from mazerl.training.advantages import advantage_of


def parallel_passages(lengths: tuple[int, ...], forks: int, ends: tuple[int, int]) -> Maze:
    """Forks in a row, each joined with the next by passages of these lengths in edges.

    Args:
        lengths: of the passages after every fork.
        forks: how many; after the last one's passages is the goal.
        ends: dead ends of one edge at the first fork, and at each of the others.
    """
    graph: nx.MultiGraph[int] = nx.MultiGraph(start=0, goals=[forks])
    graph.add_nodes_from(range(forks + 1))
    for fork in range(forks):
        for length in lengths:
            inside = range(len(graph), len(graph) + length - 1)
            nx.add_path(graph, [fork, *inside, fork + 1])
        for _ in range(ends[fork > 0]):
            graph.add_edge(fork, len(graph))
    return compile_maze(graph)


class Chain(NamedTuple):
    """A maze's moves, padded to D a row."""

    maze: Maze
    arrival: np.ndarray  # [R]
    entry: np.ndarray  # [A+1, D] row entry of each move; R where there is none
    arc: np.ndarray  # [A+1, D] that it takes
    there: np.ndarray  # [A+1] bool: the arrival is the goal's
    limit: int


def chain_of(maze: Maze, limit: int) -> Chain:
    """Lay out a maze with one goal and without chance."""
    rows = rows_of(maze)
    degree = np.diff(rows.start)[: maze.num_arcs + 1]
    port = np.arange(degree.max())
    entry = np.where(port < degree[:, None], rows.start[:-1, None] + port, rows.size)
    arc = np.append(rows.arc, 0)[entry]
    there = np.append(np.asarray(maze.head) == int(maze.goals[0]), False)
    return Chain(maze, rows.arrival, entry, arc, there, limit)


class Taken(NamedTuple):
    """What walks of S policies took."""

    success: np.ndarray  # [S] P(arrive within the limit), exact
    reached: np.ndarray  # [S] walks that did
    moves: np.ndarray  # [S, 2, R] by entry, of walks that fail and of those that arrive


def take(chain: Chain, p: np.ndarray, walks: float, draw: np.random.Generator | None) -> Taken:
    """Moves of so many walks of each policy [S, R], drawn, or expected if there is no `draw`."""
    seeds, arrivals = len(p), len(chain.entry)
    padded = np.append(p, np.zeros((seeds, 1)), 1)[:, chain.entry]  # [S, A+1, D]
    value, ahead = np.tile(chain.there.astype(float), (seeds, 1)), []
    for _ in range(chain.limit):
        ahead.append(value[:, chain.arc])
        value = np.where(chain.there, 1.0, (padded * ahead[-1]).sum(-1))
    success = np.minimum(value[:, -1], 1.0)
    reached = success * walks if draw is None else draw.binomial(round(walks), success)
    here = np.zeros((seeds, 2, arrivals), reached.dtype)
    here[:, :, -1] = np.stack([walks - reached, reached], 1)
    count = np.zeros((seeds, 2, *chain.entry.shape))
    place = (2 * np.arange(seeds)[:, None] + np.arange(2))[..., None, None] * arrivals + chain.arc
    for worth in reversed(ahead):
        right = padded * worth
        chance = np.stack([padded - right, right], 1)
        total = chance.sum(-1, keepdims=True)
        # Where a walk cannot end so, none is there.
        chance = np.divide(chance, total, out=np.zeros_like(chance), where=total > 0)
        moved = here[..., None] * chance if draw is None else draw.multinomial(here, chance)
        count += moved
        flat = np.bincount(place.ravel(), moved.ravel(), seeds * 2 * arrivals)
        here = flat.reshape(seeds, 2, arrivals).astype(reached.dtype) * ~chain.there
    by_entry = np.zeros((seeds, 2, p.shape[1] + 1))
    by_entry[..., chain.entry.ravel()] = count.reshape(seeds, 2, -1)
    return Taken(success, reached, by_entry[..., :-1])


@dataclass(frozen=True)
class Rule:
    """How to learn; the update is in units of the gradient of success."""

    rate: float
    updates: int
    walks: int = 0  # an update, one group; 0: the exact gradient
    advantage: str = "leave_one_out"  # of `training.advantages`
    optimizer: str = "sgd"  # or adam
    epsilon: float = 1e-8  # Adam's
    beta: float = 0.0  # what a nat of distance from the start costs (k2 in the loss)
    entropy: float = 0.0  # what a nat of a move's entropy is worth


def learn(
    chain: Chain, start: np.ndarray, rule: Rule, records: int, seed: int,
    demonstrated: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Logits [records+1, S, R] from the start's [S, R] on, at even times.

    Args:
        chain: what is walked on.
        start: logits, and what a KL is to.
        rule: how.
        records: divides the updates.
        seed: of the walks.
        demonstrated: moves [R] of a demonstration by entry: cross-entropy on it instead of success.
    """
    draw = np.random.default_rng(seed) if rule.walks else None
    worth = None if draw is None else _worth(rule.advantage, rule.walks)
    logits, base = start, _log_shares(chain, start)
    mean, square = np.zeros_like(start), np.zeros_like(start)
    told = [start]
    for update in range(1, rule.updates + 1):
        log_p = _log_shares(chain, logits)
        if demonstrated is None:
            step = _ascent(chain, log_p, base, rule, worth, draw)
        else:
            step = _by_logits(chain, np.exp(log_p), demonstrated[None])
        if rule.optimizer == "adam":
            mean, square = 0.9 * mean + 0.1 * step, 0.999 * square + 0.001 * step**2
            size = np.sqrt(square / (1 - 0.999**update)) + rule.epsilon
            step = mean / (1 - 0.9**update) / size
        logits = logits + rule.rate * step
        if update % (rule.updates // records) == 0:
            told.append(logits)
    return np.stack(told)


def _ascent(
    chain: Chain, log_p: np.ndarray, base: np.ndarray, rule: Rule, worth: ByCount | None,
    draw: np.random.Generator | None,
) -> np.ndarray:  # fmt: skip
    p, walks = np.exp(log_p), rule.walks or 1
    taken = take(chain, p, walks, draw)
    if worth is None:
        advantage = np.stack([-taken.success, 1 - taken.success], 1)
    else:
        advantage = np.stack([worth.failure[taken.reached], worth.success[taken.reached]], 1)
    weight = np.einsum("so,sor->sr", advantage, taken.moves)
    if rule.beta:
        weight = weight - rule.beta * taken.moves.sum(1) * (log_p - base)
    if rule.entropy:
        # The entropy of a row counts as often as it is visited, whatever was taken.
        visits = row_sums(chain.maze, taken.moves.sum(1))[:, chain.arrival]
        weight = weight - rule.entropy * visits * p * log_p
    return _by_logits(chain, p, weight) / walks


def _by_logits(chain: Chain, p: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Σ of weights [S, R] of entries times the derivatives of their log-probabilities."""
    return np.asarray(weight - p * row_sums(chain.maze, weight)[:, chain.arrival])


def _log_shares(chain: Chain, logits: np.ndarray) -> np.ndarray:
    shifted = logits - row_peaks(chain.maze, logits)[:, chain.arrival]
    return np.asarray(shifted - np.log(row_sums(chain.maze, np.exp(shifted)))[:, chain.arrival])


def _worth(advantage: str, walks: int) -> ByCount:
    if advantage != "leave_one_out":
        return by_count(advantage_of(advantage, walks), walks)
    # As the table would have it, which takes walks squared.
    count = np.arange(walks + 1)
    return ByCount(success=(walks - count) / (walks - 1), failure=-count / (walks - 1))
