"""A maze's chain under an edge-state policy, and its elimination, planned once for all policies.

The walk is an absorbing chain whose states are arrival arcs; arcs into one chance vertex share a
state, because what follows them is the same. Goals share the elimination of all states but theirs,
then are split in halves recursively, so that G goals cost O(log G) times one, not G times.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.exact.elimination import eliminate, hitting_times_below, visits_below
from mazerl.exact.plans import Plan, plan_elimination
from mazerl.maze import Array, Maze
from mazerl.policy.rows import rows_of

# Goals whose results by state are held at once.
GOAL_BLOCK = 32


class Moves(NamedTuple):
    """Every possible transition: the R entries of policy rows, then those of chance vertices."""

    source: np.ndarray  # [M] state
    target: np.ndarray  # [M] state
    arc: np.ndarray  # [M] arc taken
    by_chance: np.ndarray  # [M-R] probabilities that no policy changes
    state_of: np.ndarray  # [A+1] state after each arrival; the last is where the walk begins
    num_states: int


class Tree(NamedTuple):
    """Elimination down to some goals and the start, and on to each half of those goals."""

    plan: Plan
    start: int  # position of the start among the kept states
    goal_of: np.ndarray  # [k] number, among this tree's goals, of a kept state's goal; -1 for none
    num_goals: int
    halves: "tuple[Tree, ...]"


class ChainPlan(NamedTuple):
    """How to solve a maze's chain, made once for all policies by `plan_chain`."""

    moves: Moves
    entry: np.ndarray  # [M] entry of the sparse chain that a move adds to; E for a self-loop
    num_entries: int
    tree: Tree


def plan_chain(maze: Maze) -> ChainPlan:
    """Plan the exact solution of a maze; reuse it when solving for many policies."""
    return plan_moves(maze, arrival_moves(maze), np.asarray(maze.head))


def plan_moves(maze: Maze, moves: Moves, vertex: np.ndarray) -> ChainPlan:
    """Plan the exact solution of any chain of moves on a maze.

    Args:
        maze: it has the goals.
        moves: the chain, whose last arrival is where the walk begins.
        vertex: where each other arrival is [A].
    """
    n, proper = moves.num_states, moves.source != moves.target
    keys, inverse = np.unique(moves.source[proper] * n + moves.target[proper], return_inverse=True)
    entry = np.full(len(moves.source), len(keys))
    entry[proper] = inverse
    goals = np.asarray(maze.goals)
    goal_of = np.full(n, -1)
    number = np.full(maze.num_vertices, -1)
    number[goals] = np.arange(len(goals))
    goal_of[moves.state_of[:-1]] = number[vertex]
    tree = _plan_tree(keys // n, keys % n, int(moves.state_of[-1]), goal_of, len(goals))
    return ChainPlan(moves, entry, len(keys), tree)


def arrival_moves(maze: Maze) -> Moves:
    """The moves of a policy that is Markov in the arrival arc, and chance's."""
    rows = rows_of(maze)
    head, first_arc = np.asarray(maze.head), np.asarray(maze.first_arc)
    degree, chance = np.asarray(maze.degree), np.asarray(maze.chance)
    vertex = np.append(head, maze.start)
    # Arrival arcs that need a state of their own keep their order; chance vertices follow.
    own = ~chance[vertex]
    state_of = np.cumsum(own) - 1
    chance_state = np.full(maze.num_vertices, -1)
    chance_vertices = np.flatnonzero(chance)
    chance_state[chance_vertices] = own.sum() + np.arange(len(chance_vertices))
    state_of = np.where(own, state_of, chance_state[vertex])
    drawn = degree[chance_vertices]
    drawn_vertex = np.repeat(chance_vertices, drawn)
    port = np.arange(drawn.sum()) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    arc = np.concatenate([rows.arc, first_arc[drawn_vertex] + port])
    return Moves(
        source=np.concatenate([state_of[rows.arrival], chance_state[drawn_vertex]]),
        target=state_of[arc],
        arc=arc,
        by_chance=1.0 / degree[drawn_vertex],
        state_of=state_of,
        num_states=int(own.sum()) + len(chance_vertices),
    )


def _plan_tree(
    source: np.ndarray, target: np.ndarray, start: int, goal_of: np.ndarray, num_goals: int
) -> Tree:
    keep = goal_of >= 0
    keep[start] = True
    plan = plan_elimination(source, target, keep)
    kept_goal = goal_of[plan.kept]
    kept_start = int(np.searchsorted(plan.kept, start))
    halves: tuple[Tree, ...] = ()
    if num_goals > 1:
        middle = num_goals // 2
        first = np.where(kept_goal < middle, kept_goal, -1)
        second = np.where(kept_goal >= middle, kept_goal - middle, -1)
        halves = tuple(
            _plan_tree(plan.kept_from, plan.kept_to, kept_start, goals, count)
            for goals, count in ((first, middle), (second, num_goals - middle))
        )
    return Tree(plan, kept_start, kept_goal, num_goals, halves)


def move_probabilities(plan: ChainPlan, probabilities: Array) -> Array:
    """Probabilities [M] of all moves, given those of the policy's rows [R]."""
    xp = jnp if isinstance(probabilities, jax.Array) else np
    return xp.concatenate([probabilities, plan.moves.by_chance])


def _entries(plan: ChainPlan, probabilities: Array) -> Array:
    p = move_probabilities(plan, probabilities)
    if isinstance(p, jax.Array):
        return jax.ops.segment_sum(p, plan.entry, plan.num_entries + 1)[:-1]
    return np.bincount(plan.entry, p, plan.num_entries + 1)[:-1]


def times_from_start(plan: ChainPlan, probabilities: Array) -> Array:
    """Expected steps from the start to each goal [G]; traceable and differentiable."""
    entries = _entries(plan, probabilities)
    return _from_start(plan.tree, entries, np.ones(plan.moves.num_states))


def _from_start(tree: Tree, probability: Array, time: Array) -> Array:
    """Hitting times [g] of the tree's goals."""
    xp = jnp if isinstance(probability, jax.Array) else np
    done = eliminate(tree.plan, probability, time)
    left, kept_time = done.probability[tree.plan.kept_entry], done.time[tree.plan.kept]
    if tree.halves:
        return xp.concatenate([_from_start(half, left, kept_time) for half in tree.halves])
    arrives = left[tree.plan.kept_from == tree.start].sum()
    with np.errstate(divide="ignore"):
        return (kept_time[tree.start] / arrives)[None]


def goal_blocks(plan: ChainPlan, p: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Hitting times and expected visits from the start, both [N, g], for blocks of goals."""
    yield from _blocks(plan.tree, _entries(plan, p), np.ones(plan.moves.num_states))


def _blocks(
    tree: Tree, probability: np.ndarray, time: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    done = eliminate(tree.plan, probability, time)
    left, kept_time = done.probability[tree.plan.kept_entry], done.time[tree.plan.kept]
    parts: Iterator[tuple[np.ndarray, np.ndarray]]
    if tree.halves:
        parts = (part for half in tree.halves for part in _blocks(half, left, kept_time))
        if tree.num_goals <= GOAL_BLOCK:
            all_times, all_visits = zip(*parts, strict=True)
            parts = iter([(np.concatenate(all_times, 1), np.concatenate(all_visits, 1))])
    else:
        at_start = np.arange(len(tree.plan.kept))[:, None] == tree.start
        arrives = left[tree.plan.kept_from == tree.start].sum()
        with np.errstate(divide="ignore"):
            time_left, visits_left = kept_time[tree.start] / arrives, 1.0 / arrives
        parts = iter([(np.where(at_start, time_left, 0.0), np.where(at_start, visits_left, 0.0))])
    for times, visits in parts:
        yield (
            hitting_times_below(tree.plan, done, times),
            visits_below(tree.plan, done, visits),
        )
