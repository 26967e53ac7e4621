"""Exact hitting times of policies over turns.

What such a policy does next depends on the last few tokens. A walk with them in mind is a Markov
chain, whose states are an arrival arc and the tokens that the policy reads there; its elimination
is that of any maze's chain.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.exact.chain import ChainPlan, Moves, plan_moves, times_from_start
from mazerl.maze import Array, Maze
from mazerl.policy.transformer import Decoder, make_network, score_sequence
from mazerl.policy.turns import Compass, compass_of, num_tokens, require_ports, token_of

_MOST_STATES = 200_000
_NOTHING = -1  # before a walk begins


class TurnChain(NamedTuple):
    """A maze's chain for all policies over turns that read as much."""

    plan: ChainPlan
    read: np.ndarray  # [N, window] distinct tokens that the policy reads; -1 before a walk begins
    seen: np.ndarray  # [R] number in `read` that an entry follows
    turn: np.ndarray  # [R] turn that an entry makes
    row: np.ndarray  # [R] state that an entry leaves; ascending
    config: Decoder
    max_degree: int


def plan_turns(maze: Maze, config: Decoder, max_degree: int = 8) -> TurnChain:
    """Plan the exact solution of a maze for all parameters of `turning(config, max_degree)`.

    Raises:
        MazerlError: a vertex has more ports than `max_degree`, or the policy remembers so much
            that there are too many states.
    """
    require_ports(maze, max_degree)
    compass = Compass(*(np.asarray(column).tolist() for column in jax.jit(compass_of)(maze)))
    # A layer reads `context` tokens of the layer below.
    window = config.layers * (config.context - 1) + 1
    states, moves = _reach(maze, compass, window, max_degree)
    source, target, arc, turn, drawn = (np.array(column) for column in zip(*moves, strict=True))
    own, chance = np.flatnonzero(~drawn), np.flatnonzero(drawn)
    arcs, tokens = np.array([s[0] for s in states]), np.array([s[1:] for s in states])
    order = np.concatenate([own, chance])
    degree = np.bincount(source, minlength=len(states))
    plan = plan_moves(
        maze,
        Moves(
            source=source[order],
            target=target[order],
            arc=arc[order],
            by_chance=1.0 / degree[source[chance]],
            state_of=np.append(np.arange(1, len(states)), 0),
            num_states=len(states),
        ),
        np.array(compass.vertex)[arcs[1:]],
    )
    read, number = np.unique(tokens, axis=0, return_inverse=True)
    return TurnChain(
        plan, read, number.reshape(-1)[source[own]], turn[own], source[own], config, max_degree
    )


_State = tuple[int, ...]  # arrival arc, then the tokens that are read there
_Move = tuple[int, int, int, int, bool]  # source, target, arc, turn, drawn by chance


def _reach(
    maze: Maze, compass: Compass, window: int, max_degree: int
) -> tuple[list[_State], list[_Move]]:
    """States that a walk can get into, from the first one on; moves in order of their source."""
    start = maze.num_arcs

    def token(turn: int, arc: int) -> int:
        return token_of(turn, min(compass.degree[arc], max_degree), max_degree)

    first = (start, *(_NOTHING,) * (window - 1), token(max_degree, start))
    states, number = [first], {first: 0}
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
            moves.append((number[state], number[after], arc, turn, drawn))
        if len(states) > _MOST_STATES:
            raise MazerlError(
                f"a policy that reads {window} turns has over {_MOST_STATES} states on this maze; "
                "estimate its hitting time from walks"
            )
    return states, moves


def turning_times(chain: TurnChain, params: Any) -> np.ndarray:
    """Expected steps to each goal [G]; +inf where it may never be reached."""
    with jax.enable_x64(True):
        read = _logits(chain.config, chain.max_degree, params, chain.read)
    logits = np.asarray(read, np.float64)[chain.seen, chain.turn]
    begin = np.flatnonzero(np.diff(chain.row, prepend=-1))
    spread = np.diff(np.append(begin, len(chain.row)))
    weight = np.exp(logits - np.repeat(np.maximum.reduceat(logits, begin), spread))
    probability = weight / np.repeat(np.add.reduceat(weight, begin), spread)
    return np.asarray(times_from_start(chain.plan, probability))


@partial(jax.jit, static_argnums=(0, 1))
def _logits(config: Decoder, max_degree: int, params: Any, read: Array) -> Array:
    """Logits over turns [N, max_degree] after the last of each tokens [N, window]."""
    model = make_network(config, num_tokens(max_degree), max_degree, params)
    # A walk begins where what precedes is nothing.
    before = jnp.pad(read[:, :-1], ((0, 0), (1, 0)), constant_values=0)
    begins = (read != _NOTHING) & (before == _NOTHING)
    sequence = partial(score_sequence, model, config.context)
    return jax.vmap(sequence)(model.embedding(jnp.maximum(read, 0)), begins)[:, -1]
