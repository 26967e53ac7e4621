"""The policy contract, and tabular policies with one row of port logits per arrival arc.

A policy is a pair of a pure function and a flag; its parameters are a pytree apart from it.
`bind(maze, params)` runs once per rollout (inside jit) and returns a `Walker`: what one walker
remembers at the start, and its step. Steps are written for one walker and vmapped by rollouts.

A tabular policy's parameters are one flat vector of logits [R]: the rows of all arrival arcs one
after the other, each as long as its vertex has ports, none at chance vertices. Nothing is padded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze, World

Memory = Any


class Walker(NamedTuple):
    """One walker's step, with the parameters bound."""

    memory: Memory  # pytree at the start of an episode
    # (memory, arrival arc []) → (logits over ports [D], memory); illegal ports are masked later
    logits: Callable[[Memory, Array], tuple[Array, Memory]]
    # (memory, arrival arc [], random bits [] uint32) → (port [], memory): a faster draw from the
    # same distribution, where there is one
    draw: Callable[[Memory, Array, Array], tuple[Array, Memory]] | None = None


class Scores(NamedTuple):
    """What a policy says of every step of sequences, in one pass."""

    logits: Array  # [B, T, D] over ports; illegal ones are masked by whoever reads them
    value: Array  # [B, T] expected return; 0 from policies without a value head


@dataclass(frozen=True)
class Policy:
    """How to walk, twice: step by step, and a whole sequence at once. The two agree (tested).

    In either form arc A means that a walk begins, and everything before it is forgotten.
    """

    bind: Callable[[World, Any], Walker]
    # How many of the last arrival arcs a layer or row reads; None where there is no bound.
    context: int | None = 1
    # (maze, params, arrival arcs [B, T]) → Scores; None where a policy cannot be trained
    score: Callable[[World, Any, Array], Scores] | None = None
    # Imitation is not told which ports exist; walks are kept to legal ones all the same.
    learns_legality: bool = False

    @property
    def markov(self) -> bool:
        """Whether the arrival arc says all, so that `mazerl.exact.markov` can solve it exactly."""
        return self.context == 1


class Rows(NamedTuple):
    """Where the rows of a tabular policy lie in its flat vector, on the host."""

    start: np.ndarray  # [A+M+1] the row of arrival arc e is start[e] … start[e+1] - 1
    arrival: np.ndarray  # [R] arrival arc that an entry belongs to; from A on, walks begin
    arc: np.ndarray  # [R] arc that an entry takes

    @property
    def size(self) -> int:
        """R."""
        return len(self.arc)


def rows_of(maze: World) -> Rows:
    """Lay out one row per arrival arc at whose head the policy moves (arc A: the walk begins)."""
    vertex = np.append(np.asarray(maze.head), maze.start)
    degree, first_arc = np.asarray(maze.degree), np.asarray(maze.first_arc)
    length = np.where(np.asarray(maze.chance)[vertex], 0, degree[vertex]).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(length)])
    arrival = np.repeat(np.arange(len(vertex)), length)
    port = np.arange(start[-1]) - start[arrival]
    return Rows(start, arrival, first_arc[vertex[arrival]] + port)


def multiply_high(bits: Array, factor: Array) -> Array:
    """The high 32 bits of a 64-bit product of uint32: an unbiased port without 64-bit integers."""
    half = jnp.uint32(0xFFFF)
    low, high = bits & half, bits >> 16
    factor = factor.astype(jnp.uint32)
    factor_low, factor_high = factor & half, factor >> 16
    middle = high * factor_low + (low * factor_low >> 16)
    carry = low * factor_high + (middle & half)
    return (high * factor_high + (middle >> 16) + (carry >> 16)).astype(jnp.int32)


def unit_interval(bits: Array) -> Array:
    """Random bits uint32 → float32 uniform on {0, 2⁻²⁴, …, 1 - 2⁻²⁴}."""
    return (bits >> 8).astype(jnp.float32) * jnp.float32(2**-24)


def draw_port(logits: Array, degree: Array, bits: Array) -> Array:
    """Draw a port from softmax(logits [D]) over the first `degree` ports by inversion."""
    legal = jnp.arange(logits.shape[-1]) < degree
    weight = jnp.where(legal, jnp.exp(logits - jnp.max(logits, where=legal, initial=-jnp.inf)), 0)
    cumulative = jnp.cumsum(weight.astype(jnp.float32))
    threshold = unit_interval(bits) * cumulative[-1]
    # A zero-weight port is never drawn: its cumulative equals its predecessor's.
    port = jnp.sum(cumulative <= threshold).astype(jnp.int32)
    return jnp.minimum(port, degree - 1)


def arrival_vertex(maze: World) -> Array:
    """The vertex that each arrival arc leads to [A+M]; a start where the walk begins."""
    return jnp.append(maze.head, maze.start)


def _bind_uniform(maze: World, params: Any) -> Walker:
    del params
    arrival_degree = jnp.asarray(maze.degree)[arrival_vertex(maze)]
    logits = jnp.zeros(maze.num_ports)
    return Walker(
        memory=(),
        logits=lambda memory, arc: (logits, memory),
        draw=lambda memory, arc, bits: (multiply_high(bits, arrival_degree[arc]), memory),
    )


def _bind_tabular(maze: World, logits: Array) -> Walker:
    vertex = arrival_vertex(maze)
    length = jnp.where(jnp.asarray(maze.chance)[vertex], 0, jnp.asarray(maze.degree)[vertex])
    start = jnp.cumsum(length) - length
    ports = jnp.asarray(maze.ports)

    def row(memory: Memory, arc: Array) -> tuple[Array, Memory]:
        # Entries past the end of a short row belong to other rows; they are masked as illegal.
        return jnp.take(logits, start[arc] + ports, mode="clip"), memory

    return Walker(memory=(), logits=row)


def _score_tabular(maze: World, logits: Array, arcs: Array) -> Scores:
    row = _bind_tabular(maze, logits).logits
    flat = jax.vmap(lambda arc: row((), arc)[0])(arcs.reshape(-1))
    return Scores(flat.reshape(*arcs.shape, -1), jnp.zeros(arcs.shape))


class ActorCritic(NamedTuple):
    """Parameters of `TABULAR_CRITIC`: a tabular policy and one value per arrival arc."""

    policy: Array  # [R]
    value: Array  # [A+M]


def _score_critic(maze: World, params: ActorCritic, arcs: Array) -> Scores:
    return Scores(_score_tabular(maze, params.policy, arcs).logits, params.value[arcs])


UNIFORM = Policy(_bind_uniform)
"""The uniform random walk, the base model; its parameters are ignored."""

TABULAR = Policy(_bind_tabular, score=_score_tabular)
"""One free row per arrival arc; the parameters are the flat logits [R] that `rows_of` lays out."""

TABULAR_CRITIC = Policy(
    lambda maze, params: _bind_tabular(maze, params.policy), score=_score_critic
)
"""`TABULAR` with values; the parameters are an `ActorCritic`."""


def legal_ports(maze: World, arcs: Array) -> Array:
    """Which ports exist after each arrival arc [..., D] bool."""
    degree = jnp.asarray(maze.degree)[arrival_vertex(maze)][arcs]
    ports = jnp.asarray(maze.ports).reshape((1,) * degree.ndim + (-1,))
    return ports < degree[..., None]


def port_log_probabilities(maze: World, logits: Array, arcs: Array) -> Array:
    """Log-probabilities [..., D] after arrival arcs [...]; -inf at ports that do not exist."""
    return jax.nn.log_softmax(jnp.where(legal_ports(maze, arcs), logits, -jnp.inf))


def move_log_probability(log_p: Array, port: Array, decided: Array | float) -> Array:
    """Of ports taken [...], given log_p [..., D]; 0 where the policy did not move."""
    port = jnp.minimum(port, log_p.shape[-1] - 1)  # chance may have more ports
    taken = jnp.take_along_axis(log_p, port[..., None], axis=-1)[..., 0]
    return jnp.where(decided > 0, taken, 0.0)


def require_trainable(policy: Policy) -> Callable[[World, Any, Array], Scores]:
    """The policy's whole-sequence form; a `MazerlError` if it has none."""
    if policy.score is None:
        raise MazerlError("this policy has no whole-sequence form; train the one that it wraps")
    return policy.score


class Judged(NamedTuple):
    """What a policy says of moves made, of any one shape [...]."""

    log_probability: Array  # of the port; 0 where the policy did not move
    entropy: Array  # of the distribution over ports, nats
    value: Array


def judge(policy: Policy, maze: World, params: Any, arcs: Array, ports: Array) -> Judged:
    """Judge moves: ports [B, T] taken after arrival arcs [B, T].

    Where the arrival arc says all and there are more moves than arcs, every arc is scored once.

    Raises:
        MazerlError: the policy has no whole-sequence form.
    """
    score = require_trainable(policy)
    once = policy.markov and maze.num_arrivals <= arcs.size
    scored = jnp.arange(maze.num_arrivals)[None] if once else arcs
    logits, value = score(maze, params, scored)
    log_p = port_log_probabilities(maze, logits, scored)
    finite = jnp.where(jnp.isfinite(log_p), log_p, 0.0)
    entropy = -jnp.sum(jnp.exp(log_p) * finite, -1)
    if once:
        # One scalar a move is gathered instead of a row.
        width = maze.num_ports
        entry = arcs * width + jnp.minimum(ports, width - 1)
        taken, entropy, value = finite.reshape(-1)[entry], entropy[0][arcs], value[0][arcs]
    else:
        taken = move_log_probability(finite, ports, 1.0)
    return Judged(jnp.where(is_decided(maze, arcs), taken, 0.0), entropy, value)


def is_decided(maze: World, arcs: Array) -> Array:
    """Whether the policy moves after each arrival arc, rather than chance."""
    return ~jnp.asarray(maze.chance)[arrival_vertex(maze)][arcs]


def row_log_softmax(logits: Array, arrival: Array, num_rows: int) -> Array:
    """Log-probabilities [R] of ragged rows; `arrival` [R] must be sorted."""
    peak = jax.ops.segment_max(logits, arrival, num_rows, indices_are_sorted=True)
    shifted = logits - jax.lax.stop_gradient(peak)[arrival]
    total = jax.ops.segment_sum(jnp.exp(shifted), arrival, num_rows, indices_are_sorted=True)
    return shifted - jnp.log(total)[arrival]


def row_probabilities(maze: Maze, logits: Array) -> np.ndarray:
    """Tabular logits [R] → probabilities [R] in float64.

    A logit of -inf is probability 0; a row's +inf logits share all of it.
    """
    rows = rows_of(maze)
    logits = np.asarray(logits, np.float64)
    if logits.shape != (rows.size,):
        raise MazerlError(f"logits have shape {logits.shape}; this maze needs ({rows.size},)")
    begin = rows.start[:-1][np.diff(rows.start) > 0]
    spread = np.diff(np.append(begin, rows.size))
    peak = np.repeat(np.maximum.reduceat(logits, begin), spread)
    certain = np.where(logits == np.inf, 0.0, -np.inf)
    with np.errstate(invalid="ignore"):
        weight = np.exp(np.where(peak == np.inf, certain, logits - peak))
    return weight / np.repeat(np.add.reduceat(weight, begin), spread)


@partial(jax.jit, static_argnums=0)
def _logits_by_arc(policy: Policy, maze: Maze, params: Any) -> Array:
    """Logits [A+1, D] of a Markov policy."""
    walker = policy.bind(maze, params)
    arcs = jnp.arange(maze.num_arcs + 1)
    return jax.vmap(lambda arc: walker.logits(walker.memory, arc)[0])(arcs)


def extract_rows(policy: Policy, maze: Maze, params: Any) -> np.ndarray:
    """Probabilities [R] of a Markov policy, in float64 where its parameters are.

    Raises:
        MazerlError: the policy remembers more than the arrival arc.
    """
    if not policy.markov:
        raise MazerlError(
            "this policy remembers more than the arrival arc; estimate its hitting time from walks"
        )
    rows = rows_of(maze)
    with jax.enable_x64(True):
        padded = _logits_by_arc(policy, maze, params)
        port = np.arange(rows.size) - rows.start[rows.arrival]
        logits = np.asarray(padded)[rows.arrival, port]
    return row_probabilities(maze, logits)
