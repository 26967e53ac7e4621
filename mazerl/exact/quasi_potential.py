"""Why a walk takes long: its cheapest ways to the goal, and its deepest trap.

A move of probability p costs -log p nats. V(e → g) is the cost of the cheapest way from arrival e
to goal g (the quasi-potential of Freidlin & Wentzell 1984, ch. 6, for a finite chain). From each
of n states the goal is reached within n steps with probability exp(-V) or more, hence

    H ≤ n · exp(max V)

over the states that the walk can get into. The converse is false: the cheapest way is one of many.
What holds on both sides is about visits. With N(e) the expected number of visits to e,

    max N ≤ H ≤ n · max N,        log N(e) = Φ(e) - fall(e),

where Φ(e) = -log P(reach the goal before returning to e) is the free energy of the trap whose
bottom is e, and fall(e) = -log P(get to e before the goal).

Parallel arcs are lumped: an arrival is told by where the walk was and where it is, whatever lane
it took; a chance vertex is one state.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra

from mazerl.errors import MazerlError
from mazerl.exact.chain import ChainPlan, arrival_moves, goal_blocks, plan_chain, plan_moves
from mazerl.exact.markov import hitting_times
from mazerl.maze import Maze
from mazerl.policy.rows import require_rows


class Bounds(NamedTuple):
    """What the cheapest ways say of the time to each goal."""

    nats: np.ndarray  # [G] largest V among the states that the walk can get into
    arrival: np.ndarray  # [G] an arrival arc that has it; A where the walk begins
    states: np.ndarray  # [G] n, lumped

    @property
    def log_time(self) -> np.ndarray:
        """Upper bounds on log H of each goal [G]."""
        return np.log(self.states) + self.nats


class Traps(NamedTuple):
    """The state that the walk to each goal visits most often, lumped."""

    bottom: np.ndarray  # [G] an arrival arc into it; A where the walk begins
    energy: np.ndarray  # [G] Φ, nats
    fall: np.ndarray  # [G] nats

    @property
    def log_visits(self) -> np.ndarray:
        """log N of the bottom [G]: log H is between this and log n more."""
        return self.energy - self.fall


def lumps_of(maze: Maze) -> np.ndarray:
    """A number for each arrival [A+1], the same for parallel arcs and for arcs into chance."""
    head, chance = np.asarray(maze.head), np.asarray(maze.chance)
    tail = np.append(head[np.asarray(maze.reverse)], maze.num_vertices)
    vertex = np.append(head, maze.start)
    # What follows an arrival at a chance vertex is the same wherever it is from.
    tail = np.where(chance[vertex], maze.num_vertices + 1, tail)
    lump: np.ndarray = np.unique(tail * maze.num_vertices + vertex, return_inverse=True)[1]
    return lump


def cheapest_ways(maze: Maze, probabilities: np.ndarray, lumped: bool = True) -> np.ndarray:
    """V from each arrival to each goal [G, A+1], nats; inf where there is no way.

    Dijkstra's algorithm, O(R log R) a goal. With parallel arcs lumped, a step costs what it costs
    after the dearest of the arrivals that are lumped and that the walk can get into.

    Args:
        maze: the maze.
        probabilities: a policy's rows [R].
        lumped: False: each lane is a way of its own.

    Raises:
        MazerlError: the probabilities are not of this maze.
    """
    ways = _find_ways(maze, probabilities, lumped)
    return np.stack([_nats(ways, goal)[ways.state] for goal in _by_goal(maze, ways)])


def bounds(maze: Maze, probabilities: np.ndarray, lumped: bool = True) -> Bounds:
    """The largest V, and n, for each goal; arguments and errors as of `cheapest_ways`."""
    ways = _find_ways(maze, probabilities, lumped)
    found = []
    for goal in _by_goal(maze, ways):
        nats, reached = _nats(ways, goal), _reached(ways, goal)
        farthest = reached[nats[reached].argmax()]
        found.append((nats[farthest], int((ways.state == farthest).argmax()), len(reached)))
    nats, arrival, states = (np.array(column) for column in zip(*found, strict=True))
    return Bounds(nats, arrival, states)


class _Ways(NamedTuple):
    """A chain as two graphs on its n states."""

    state: np.ndarray  # [A+1] after each arrival
    possible: csr_array  # [n, n] an edge for each move that is made with any probability
    nats: csr_array  # [n, n] cost of the moves into each state, by where they come from


def _find_ways(maze: Maze, probabilities: np.ndarray, lumped: bool) -> _Ways:
    moves = arrival_moves(maze)
    probability = np.concatenate([require_rows(maze, probabilities), moves.by_chance])
    lump = np.arange(moves.num_states)
    if lumped:
        lump[moves.state_of] = lumps_of(maze)
    size = int(lump.max()) + 1
    made = probability > 0
    source, target = moves.source[made], moves.target[made]
    each = _matrix(np.ones(len(source)), source, target, moves.num_states)
    begin = int(moves.state_of[-1])
    reached = np.zeros(moves.num_states, bool)
    reached[breadth_first_order(each, begin, return_predecessors=False)] = True
    made &= reached[moves.source]
    source, target = moves.source[made], lump[moves.target[made]]
    # Parallel arcs together, then the dearest of the arrivals.
    key, entry = np.unique(source * size + target, return_inverse=True)
    taken = np.bincount(entry, probability[made])
    source, target = key // size, key % size
    key, entry, arrivals = np.unique(
        lump[source] * size + target, return_inverse=True, return_counts=True
    )
    least = np.full(len(key), np.inf)
    np.minimum.at(least, entry, taken)
    source, target = key // size, key % size
    whole = arrivals == np.bincount(lump[reached], minlength=size)[source]
    # Roundings lift a sum of probabilities above 1.
    cost = np.maximum(-np.log(least[whole]), 0.0)
    return _Ways(
        lump[moves.state_of],
        _matrix(np.ones(len(key)), source, target, size),
        _matrix(cost, target[whole], source[whole], size),
    )


def _matrix(data: np.ndarray, row: np.ndarray, column: np.ndarray, size: int) -> csr_array:
    return csr_array((data, (row, column)), shape=(size, size))


def _by_goal(maze: Maze, ways: _Ways) -> Iterator[np.ndarray]:
    """The states at each goal."""
    head = np.asarray(maze.head)
    return (np.unique(ways.state[:-1][head == goal]) for goal in np.asarray(maze.goals))


def _nats(ways: _Ways, goal: np.ndarray) -> np.ndarray:
    """V from each state [n] to a goal."""
    found: np.ndarray = dijkstra(ways.nats, indices=goal, min_only=True)
    return found


def _reached(ways: _Ways, goal: np.ndarray) -> np.ndarray:
    """The states that a walk gets into before a goal."""
    onward = ways.possible
    # The walk ends at the goal, whose moves lead to itself while it is asked.
    ends = np.concatenate([np.arange(*onward.indptr[state : state + 2]) for state in goal])
    kept = onward.indices[ends]
    onward.indices[ends] = np.repeat(goal, np.diff(onward.indptr)[goal])
    order = breadth_first_order(onward, int(ways.state[-1]), return_predecessors=False)
    onward.indices[ends] = kept
    return order[~np.isin(order, goal)]


def deepest_traps(maze: Maze, probabilities: np.ndarray, plan: ChainPlan | None = None) -> Traps:
    """The lumped state that the walk to each goal visits most often, by exact elimination.

    Φ is the log of the visits of a walk that begins there. Where the lanes are not alike, that is
    -log of the chance to leave in the mean over visits. Each bottom takes one elimination more.

    Raises:
        MazerlError: the probabilities are not of this maze, or some walk never arrives.
    """
    p = require_rows(maze, probabilities)
    plan = plan or plan_chain(maze)
    if not np.isfinite(hitting_times(maze, p, plan)).all():
        raise MazerlError(
            "some walk never reaches its goal, so that its trap has no bottom; give every port a "
            "positive probability"
        )
    lump, goals, moves = lumps_of(maze), np.asarray(maze.goals), plan.moves
    lump_of = np.empty(moves.num_states, np.int64)
    lump_of[moves.state_of] = lump
    together = csr_array((np.ones(len(lump_of)), (lump_of, np.arange(len(lump_of)))))
    visits = _lumped_visits(plan, p, together)
    # Of bottoms that are alike, the first.
    bottom = (visits >= visits.max(0) * (1 - 1e-9)).argmax(0)
    log_visits, energy = np.log(visits.max(0)), np.zeros(len(goals))
    arrival = np.unique(lump, return_index=True)[1][bottom]
    for begin in np.unique(arrival):
        mine = arrival == begin
        state_of = np.append(moves.state_of[:-1], moves.state_of[begin])
        some = replace(maze, goals=goals[mine])
        inside = plan_moves(some, moves._replace(state_of=state_of), np.asarray(maze.head))
        energy[mine] = np.log(_lumped_visits(inside, p, together)[lump[begin]])
    return Traps(arrival, energy, energy - log_visits)


def _lumped_visits(plan: ChainPlan, p: np.ndarray, together: csr_array) -> np.ndarray:
    """Expected visits to lumped states until each goal [L, G]; 0 at goals."""
    return np.concatenate([together @ visits for _, visits in goal_blocks(plan, p)], axis=1)
