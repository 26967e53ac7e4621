"""Exact answers about policies over turns: hitting times, and all within a time limit.

What such a policy does next depends on the last few tokens. A walk with them in mind is a Markov
chain, whose states are an arrival arc and the tokens that the policy reads there; its elimination
is that of any maze's chain. Even with one token the arrival arc alone is not enough: the token has
the turn that was made there, which the arc before it decides.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from mazerl.errors import MazerlError, require_limit
from mazerl.exact.chain import ChainPlan, Moves, plan_moves, times_from_start
from mazerl.maze import Array, Maze, World
from mazerl.policy.transformer import Decoder, make_network, score_sequence
from mazerl.policy.turns import Compass, compass_of, num_tokens, require_ports, token_of

_MOST_STATES = 200_000
_NOTHING = -1  # before a walk begins


class TurnMoves(NamedTuple):
    """Every transition of N states, on one maze or M side by side: R of the policy, then chance's.

    The first M states are where walks begin.
    """

    source: np.ndarray  # [E] state; of the policy's own moves ascending
    target: np.ndarray  # [E] state
    turn: np.ndarray  # [R] that a move makes
    by_chance: np.ndarray  # [E-R] probabilities that no policy changes
    arc: np.ndarray  # [N] arrival arc of a state
    home: np.ndarray  # [N] number of a state's maze
    read: np.ndarray  # [K, window] distinct tokens that the policy reads; -1 before a walk begins
    seen: np.ndarray  # [N] number in `read` of what is read in a state
    config: Decoder
    max_degree: int


class TurnChain(NamedTuple):
    """A maze's chain for all policies over turns that read as much."""

    plan: ChainPlan
    moves: TurnMoves


def turn_moves(maze: World, config: Decoder, max_degree: int = 8) -> TurnMoves:
    """What a walk of `turning(config, max_degree)` can do, whatever its parameters.

    Raises:
        MazerlError: a vertex has more ports than `max_degree`, or the policy remembers so much
            that there are too many states.
    """
    require_ports(maze, max_degree)
    compass = Compass(*(np.asarray(column).tolist() for column in jax.jit(compass_of)(maze)))
    # A layer reads `context` tokens of the layer below.
    window = config.layers * (config.context - 1) + 1
    states, home, moves = _reach(maze, compass, window, max_degree)
    source, target, turn, drawn = (np.array(column) for column in zip(*moves, strict=True))
    own, chance = np.flatnonzero(~drawn), np.flatnonzero(drawn)
    order = np.concatenate([own, chance])
    degree = np.bincount(source, minlength=len(states))
    tokens = np.array([state[1:] for state in states])
    read, seen = np.unique(tokens, axis=0, return_inverse=True)
    return TurnMoves(
        source=source[order],
        target=target[order],
        turn=turn[own],
        by_chance=1.0 / degree[source[chance]],
        arc=np.array([state[0] for state in states]),
        home=np.array(home),
        read=read,
        seen=seen.reshape(-1),
        config=config,
        max_degree=max_degree,
    )


def plan_turns(maze: Maze, config: Decoder, max_degree: int = 8) -> TurnChain:
    """Plan the exact hitting times of a maze for all parameters of `turning(config, max_degree)`.

    Raises:
        MazerlError: as of `turn_moves`.
    """
    moves = turn_moves(maze, config, max_degree)
    states = len(moves.arc)
    plan = plan_moves(
        maze,
        Moves(
            source=moves.source,
            target=moves.target,
            arc=moves.arc[moves.target],
            by_chance=moves.by_chance,
            state_of=np.append(np.arange(1, states), 0),
            num_states=states,
        ),
        np.asarray(maze.head)[moves.arc[1:]],
    )
    return TurnChain(plan, moves)


_State = tuple[int, ...]  # arrival arc, then the tokens that are read there
_Move = tuple[int, int, int, bool]  # source, target, turn, drawn by chance


def _reach(
    maze: World, compass: Compass, window: int, max_degree: int
) -> tuple[list[_State], list[int], list[_Move]]:
    """States that walks can get into, their mazes, and moves in order of their source."""

    def token(turn: int, arc: int) -> int:
        return token_of(turn, min(compass.degree[arc], max_degree), max_degree)

    home = list(range(maze.num_mazes))
    begins = [maze.num_arcs + number for number in home]
    states: list[_State] = [
        (arc, *(_NOTHING,) * (window - 1), token(max_degree, arc)) for arc in begins
    ]
    number = {state: n for n, state in enumerate(states)}
    moves: list[_Move] = []
    for state in states:
        here, degree, drawn = state[0], compass.degree[state[0]], compass.chance[state[0]]
        for port in range(degree):
            turn = (port - compass.back[here]) % degree
            arc = compass.first_arc[here] + port
            after = (arc, *state[2:], token(max_degree if drawn else turn, arc))
            if after not in number:
                number[after] = len(states)
                states.append(after)
                home.append(home[number[state]])
            moves.append((number[state], number[after], turn, drawn))
        if len(states) > _MOST_STATES * maze.num_mazes:
            raise MazerlError(
                f"a policy that reads {window} turns has over {_MOST_STATES} states on this maze; "
                "estimate its hitting time from walks"
            )
    return states, home, moves


def turning_times(chain: TurnChain, params: Any) -> np.ndarray:
    """Expected steps to each goal [G]; +inf where it may never be reached."""
    return np.asarray(times_from_start(chain.plan, turn_probabilities(chain.moves, params)))


def turn_probabilities(moves: TurnMoves, params: Any) -> np.ndarray:
    """Probabilities of the policy's own moves [R]."""
    with jax.enable_x64(True):
        read = _logits(moves.config, moves.max_degree, params, moves.read)
    row = moves.source[: len(moves.turn)]
    logits = np.asarray(read, np.float64)[moves.seen[row], moves.turn]
    begin = np.flatnonzero(np.diff(row, prepend=-1))
    spread = np.diff(np.append(begin, len(row)))
    weight = np.exp(logits - np.repeat(np.maximum.reduceat(logits, begin), spread))
    probability: np.ndarray = weight / np.repeat(np.add.reduceat(weight, begin), spread)
    return probability


class TurnsWithin(NamedTuple):
    """What walks within a time limit come to, goal by goal in the order of the world's."""

    law: np.ndarray  # [G, T+1] P(τ = t)
    scores: np.ndarray  # [G, C] E[Σ over the walk's own moves of their scores; τ ≤ T]


def turns_within(
    maze: World, moves: TurnMoves, params: Any, limit: int, scores: np.ndarray | None = None
) -> TurnsWithin:
    """Walks of at most `limit` steps, exactly: when they arrive, and what those that do have made.

    Args:
        maze: one, or several side by side.
        moves: of `turn_moves` on it.
        params: of `turning`.
        limit: T.
        scores: [R, C] of the policy's own moves; none by default.

    Raises:
        MazerlError: the limit is no whole number from 1 to 2³¹ - 1.
    """
    require_limit("the time limit", limit)
    p = turn_probabilities(moves, params)
    scores = np.zeros((len(p), 0)) if scores is None else scores
    n = len(moves.arc)

    def sparse(weight: np.ndarray) -> csr_array:
        size = len(weight)
        places = (moves.target[:size], moves.source[:size])
        return csr_array((weight, places), shape=(n, n))

    onward = sparse(np.concatenate([p, moves.by_chance]))
    scored = [sparse(p * column) for column in scores.T]
    first, count = (np.asarray(column) for column in maze.goal_ranges())
    # Each column walks to the goal of one number in every maze.
    column = np.arange(count.max())
    goal = np.where(column < count[:, None], first[:, None] + column, -1)[moves.home]
    head = np.append(np.asarray(maze.head), np.full(maze.num_mazes, -1))[moves.arc]
    there = (goal >= 0) & (np.asarray(maze.goals)[goal] == head[:, None])
    goals, arrived = maze.num_goals, goal[there]
    mass = np.zeros((n, len(column)))
    mass[: maze.num_mazes] = goal[: maze.num_mazes] >= 0
    sums = [np.zeros_like(mass) for _ in scored]
    law, total = np.zeros((goals, limit + 1)), np.zeros((goals, len(scored)))
    for t in range(1, limit + 1):
        sums = [onward @ each + by @ mass for each, by in zip(sums, scored, strict=True)]
        mass = onward @ mass
        law[:, t] = np.bincount(arrived, mass[there], goals)
        mass[there] = 0.0
        for c, each in enumerate(sums):
            total[:, c] += np.bincount(arrived, each[there], goals)
            each[there] = 0.0
    return TurnsWithin(law, total)


@partial(jax.jit, static_argnums=(0, 1))
def _logits(config: Decoder, max_degree: int, params: Any, read: Array) -> Array:
    """Logits over turns [N, max_degree] after the last of each tokens [N, window]."""
    model = make_network(config, num_tokens(max_degree), max_degree, params)
    # A walk begins where what precedes is nothing.
    before = jnp.pad(read[:, :-1], ((0, 0), (1, 0)), constant_values=0)
    begins = (read != _NOTHING) & (before == _NOTHING)
    sequence = partial(score_sequence, model, config.context)
    return jax.vmap(sequence)(model.embedding(jnp.maximum(read, 0)), begins)[:, -1]
