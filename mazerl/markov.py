"""Exact chain algebra on any maze, under any policy that is Markov in the arrival arc.

The walk is an absorbing chain whose states are arrival arcs; arcs into one chance vertex share a
state, because what follows them is the same. Policies come in as row probabilities [R], laid out by
`mazerl.policy.rows_of` (`row_probabilities` makes them from logits, `extract_rows` from any Markov
policy). All times are in steps from the start. Nothing is subtracted, so results keep a relative
accuracy near machine precision even at 1e50; a goal that may never be reached has time +inf.

Goals share the elimination of all states but theirs, then are split in halves recursively, so that
G goals cost O(log G) times one, not G times.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from mazerl.elimination import (
    Plan,
    eliminate,
    hitting_times_below,
    plan_elimination,
    visits_below,
)
from mazerl.env import Reward
from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, Maze
from mazerl.policy import rows_of

# Goals whose results by state are held at once.
_BLOCK = 32


class _Moves(NamedTuple):
    """Every possible transition: the R entries of policy rows, then those of chance vertices."""

    source: np.ndarray  # [M] state
    target: np.ndarray  # [M] state
    arc: np.ndarray  # [M] arc taken
    by_chance: np.ndarray  # [M-R] probabilities that no policy changes
    state_of: np.ndarray  # [A+1] state after each arrival arc; [A] is where the walk begins
    num_states: int


class _Tree(NamedTuple):
    """Elimination down to some goals and the start, and on to each half of those goals."""

    plan: Plan
    start: int  # position of the start among the kept states
    goal_of: np.ndarray  # [k] number, among this tree's goals, of a kept state's goal; -1 for none
    num_goals: int
    halves: "tuple[_Tree, ...]"


class ChainPlan(NamedTuple):
    """How to solve a maze's chain, made once for all policies by `plan_chain`."""

    moves: _Moves
    entry: np.ndarray  # [M] entry of the sparse chain that a move adds to; E for a self-loop
    num_entries: int
    tree: _Tree


def plan_chain(maze: Maze) -> ChainPlan:
    """Plan the exact solution of a maze; reuse it when solving for many policies."""
    moves = _moves(maze)
    n, proper = moves.num_states, moves.source != moves.target
    keys, inverse = np.unique(moves.source[proper] * n + moves.target[proper], return_inverse=True)
    entry = np.full(len(moves.source), len(keys))
    entry[proper] = inverse
    goals = np.asarray(maze.goals)
    head = np.asarray(maze.head)
    goal_of = np.full(n, -1)
    number = np.full(maze.num_vertices, -1)
    number[goals] = np.arange(len(goals))
    goal_of[moves.state_of[:-1]] = number[head]
    tree = _plan_tree(keys // n, keys % n, int(moves.state_of[-1]), goal_of, len(goals))
    return ChainPlan(moves, entry, len(keys), tree)


def hitting_times(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected steps from the start to each goal [G]; +inf where the goal may never be reached.

    Raises:
        MazerlError: the probabilities are not of this maze, or a time is finite but overflows.
    """
    plan = plan or plan_chain(maze)
    p = _checked(maze, probabilities)
    entries = _entries(plan, p)
    times = np.asarray(_from_start(plan.tree, entries, np.ones(plan.moves.num_states)))
    for goal in np.flatnonzero(np.isinf(times)):
        if _arrives_surely(maze, plan, p, int(np.asarray(maze.goals)[goal])):
            raise MazerlError(
                f"the time to goal vertex {maze.goals[goal]} is finite but beyond 1e308; "
                "use corridor.log_hitting_time, or a smaller maze"
            )
    return times


def mean_hitting_time(plan: ChainPlan, probabilities: Array) -> Array:
    """Expected steps H [] from the start to a goal drawn uniformly; jittable and differentiable.

    Trace it with float64 probabilities [R] under `jax.enable_x64(True)`.
    """
    entries = _entries(plan, probabilities)
    return _from_start(plan.tree, entries, np.ones(plan.moves.num_states)).mean()


def hitting_times_by_arc(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected steps to each goal after each arrival arc [G, A+1]; [:, A] is from the start."""
    plan = plan or plan_chain(maze)
    blocks = _goal_blocks(plan, _checked(maze, probabilities))
    return np.concatenate([times[plan.moves.state_of].T for times, _ in blocks])


def occupancy(maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None) -> np.ndarray:
    """Expected number of traversals of each arc until each goal [G, A]; a row sums to its time."""
    plan = plan or plan_chain(maze)
    p = _checked(maze, probabilities)
    moved = _move_probabilities(plan, p)
    flows = (
        moved * visit[plan.moves.source] for _, block in _goal_blocks(plan, p) for visit in block.T
    )
    return np.stack([np.bincount(plan.moves.arc, flow, maze.num_arcs) for flow in flows])


def entry_visits(
    maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None
) -> np.ndarray:
    """Expected number of times each row entry is taken in an episode [R], mean over goals."""
    plan = plan or plan_chain(maze)
    p = _checked(maze, probabilities)
    total = sum(visits.sum(1) for _, visits in _goal_blocks(plan, p))
    return total[plan.moves.source[: len(p)]] * p / maze.num_goals


def hit_probability(maze: Maze, probabilities: np.ndarray, limit: int) -> np.ndarray:
    """P(hit ≤ T) for T = 0 … limit, goal drawn uniformly: [limit+1]."""
    require_whole("the time limit", limit)
    plan = plan_chain(maze)
    moves, n = plan.moves, plan.moves.num_states
    p = _move_probabilities(plan, _checked(maze, probabilities))
    onward = csr_array((p, (moves.target, moves.source)), shape=(n, n))
    goals = np.asarray(maze.goals)
    arrived = np.zeros(limit + 1)
    for block in np.array_split(goals, -(-len(goals) // _BLOCK)):
        absorbing = np.zeros((n, len(block)), bool)
        absorbing[moves.state_of[:-1]] = np.asarray(maze.head)[:, None] == block
        mass = np.zeros((n, len(block)))
        mass[moves.state_of[-1]] = 1.0
        for t in range(1, limit + 1):
            mass = onward @ mass
            arrived[t] += mass.sum(where=absorbing)
            mass[absorbing] = 0.0
    return np.asarray(np.cumsum(arrived) / len(goals))


class Gradient(NamedTuple):
    """An exact policy gradient."""

    value: float  # expected reward per episode
    logits: np.ndarray  # [R] its derivative by every logit of the rows


def policy_gradient(
    maze: Maze, probabilities: np.ndarray, reward: Reward, plan: ChainPlan | None = None
) -> Gradient:
    """Exact gradient of the expected reward of an episode without time limit.

    ∂J/∂θ(e,p) = -penalty · mean over goals of N(e) π(p|e) (Q(e,p) - H(e)), with N(e) expected
    visits, H hitting times and Q(e,p) the time if port p is taken (the policy gradient theorem;
    Sutton et al. 2000, Thm 1). The arrival reward is constant, because every walk arrives.

    Raises:
        MazerlError: some walk never arrives, so the expected reward is -inf.
    """
    plan = plan or plan_chain(maze)
    p = _checked(maze, probabilities)
    moves, size = plan.moves, len(p)
    source, target = moves.source[:size], moves.target[:size]
    average = csr_array((p, (source, target)), shape=(moves.num_states, moves.num_states))
    total_time, gradient = 0.0, np.zeros(size)
    for times, visits in _goal_blocks(plan, p):
        total_time += float(times[moves.state_of[-1]].sum())
        if not np.isfinite(total_time):
            raise MazerlError(
                "some walk never reaches its goal, so the expected reward is -inf; "
                "give every port a positive probability"
            )
        with np.errstate(invalid="ignore"):  # states never visited may never arrive
            excess = times[target] - (average @ times)[source]
            gradient += p * np.where(visits[source] > 0, visits[source] * excess, 0.0).sum(1)
    value = reward.arrival - reward.penalty * total_time / maze.num_goals
    return Gradient(value, -reward.penalty * gradient / maze.num_goals)


def _moves(maze: Maze) -> _Moves:
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
    return _Moves(
        source=np.concatenate([state_of[rows.arrival], chance_state[drawn_vertex]]),
        target=state_of[arc],
        arc=arc,
        by_chance=1.0 / degree[drawn_vertex],
        state_of=state_of,
        num_states=int(own.sum()) + len(chance_vertices),
    )


def _plan_tree(
    source: np.ndarray, target: np.ndarray, start: int, goal_of: np.ndarray, num_goals: int
) -> _Tree:
    keep = goal_of >= 0
    keep[start] = True
    plan = plan_elimination(source, target, keep)
    kept_goal = goal_of[plan.kept]
    kept_start = int(np.searchsorted(plan.kept, start))
    halves: tuple[_Tree, ...] = ()
    if num_goals > 1:
        middle = num_goals // 2
        first = np.where(kept_goal < middle, kept_goal, -1)
        second = np.where(kept_goal >= middle, kept_goal - middle, -1)
        halves = tuple(
            _plan_tree(plan.kept_from, plan.kept_to, kept_start, goals, count)
            for goals, count in ((first, middle), (second, num_goals - middle))
        )
    return _Tree(plan, kept_start, kept_goal, num_goals, halves)


def _checked(maze: Maze, probabilities: np.ndarray) -> np.ndarray:
    p = np.asarray(probabilities, np.float64)
    rows = rows_of(maze)
    if p.shape != (rows.size,):
        raise MazerlError(f"probabilities have shape {p.shape}; this maze needs ({rows.size},)")
    total = np.bincount(rows.arrival, p, maze.num_arcs + 1)
    wrong = (np.diff(rows.start) > 0) & ~(np.abs(total - 1) < 1e-9)
    if wrong.any() or not (p >= 0).all():
        raise MazerlError(
            f"the row of arrival arc {int(wrong.argmax())} is not a probability distribution; "
            "make rows with row_probabilities or extract_rows"
        )
    return p


def _move_probabilities(plan: ChainPlan, probabilities: Array) -> Array:
    xp = jnp if isinstance(probabilities, jax.Array) else np
    return xp.concatenate([probabilities, plan.moves.by_chance])


def _entries(plan: ChainPlan, probabilities: Array) -> Array:
    p = _move_probabilities(plan, probabilities)
    if isinstance(p, jax.Array):
        return jax.ops.segment_sum(p, plan.entry, plan.num_entries + 1)[:-1]
    return np.bincount(plan.entry, p, plan.num_entries + 1)[:-1]


def _arrives_surely(maze: Maze, plan: ChainPlan, probabilities: np.ndarray, goal: int) -> bool:
    """Whether every state that the walk can get into before the goal still leads to it."""
    moves, n = plan.moves, plan.moves.num_states
    p = _move_probabilities(plan, probabilities)
    absorbing = np.zeros(n, bool)
    absorbing[moves.state_of[:-1]] = np.asarray(maze.head) == goal
    possible = (p > 0) & ~absorbing[moves.source]
    # One extra state gathers all ways into the goal.
    source = moves.source[possible]
    target = np.where(absorbing[moves.target], n, moves.target)[possible]
    onward = csr_array((np.ones(len(source)), (source, target)), shape=(n + 1, n + 1))
    start = int(moves.state_of[-1])
    visited = breadth_first_order(onward, start, return_predecessors=False)
    leads = breadth_first_order(onward.T.tocsr(), n, return_predecessors=False)
    return bool(np.isin(visited, leads).all())


def _from_start(tree: _Tree, probability: Array, time: Array) -> Array:
    """Hitting times [g] of the tree's goals."""
    xp = jnp if isinstance(probability, jax.Array) else np
    done = eliminate(tree.plan, probability, time)
    left, kept_time = done.probability[tree.plan.kept_entry], done.time[tree.plan.kept]
    if tree.halves:
        return xp.concatenate([_from_start(half, left, kept_time) for half in tree.halves])
    arrives = left[tree.plan.kept_from == tree.start].sum()
    with np.errstate(divide="ignore"):
        return (kept_time[tree.start] / arrives)[None]


def _goal_blocks(plan: ChainPlan, p: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Hitting times and expected visits from the start, both [N, g], for blocks of goals."""
    yield from _blocks(plan.tree, _entries(plan, p), np.ones(plan.moves.num_states))


def _blocks(
    tree: _Tree, probability: np.ndarray, time: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    done = eliminate(tree.plan, probability, time)
    left, kept_time = done.probability[tree.plan.kept_entry], done.time[tree.plan.kept]
    parts: Iterator[tuple[np.ndarray, np.ndarray]]
    if tree.halves:
        parts = (part for half in tree.halves for part in _blocks(half, left, kept_time))
        if tree.num_goals <= _BLOCK:
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
