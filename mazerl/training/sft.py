"""SFT on recorded walks: golden paths, walks that backtrack, a teacher's walks, mixtures of them.

    corpus = walks to imitate; where they come from is all that tells the kinds of SFT apart
    for each update:
        batch  = `batch` walks drawn from the corpus
        tokens = the policy's own moves in the whole batch
        loss   = Σ over microbatches of Σ -log π(move | walk so far) / tokens

Dividing by the tokens of the whole batch, not of each microbatch, makes the gradient that of the
mean over tokens however unequal the walks' lengths are. `Fault` names two ways in which public
trainers had it wrong; they are there to be studied.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.scoring import (
    is_decided,
    legal_ports,
    move_log_probability,
    port_log_probabilities,
)
from mazerl.policy.tabular import UNIFORM
from mazerl.training.method import Batch, Method, Metrics, Training
from mazerl.training.parallel import split_walkers
from mazerl.walk.rollouts import Walks, rollout

TRAINING = Training(steps=1000, optimizer="adam", rate=1e-3, record_every=10, max_norm=1.0)


Fault = Literal["none", "mean of microbatch means", "first microbatch alone"]
"""What the gradient is of: all tokens of the batch alike; each microbatch's own mean, so that long
walks count less (arXiv 2604.23747, its second fault); tokens of the first microbatch, over all of
the batch (its first)."""


class Corpus(NamedTuple):
    """Walks to imitate, as tokens."""

    arc: Array  # [N, T] arrival arc
    port: Array  # [N, T]
    # [N, T] 1 where the demonstrator moved, a token's weight under a `Fault`; 0 where chance did,
    # and on padding
    decided: Array


def corpus(maze: World, walks: Walks) -> Corpus:
    """Walks as a corpus, cut after the longest.

    Raises:
        MazerlError: the demonstrator never moved in them.
    """
    length = np.asarray(walks.length)
    longest = int(length.max(initial=1))
    arc, port = np.asarray(walks.arc)[:, :longest], np.asarray(walks.port)[:, :longest]
    real = np.arange(longest) < length[:, None]
    decided = real & np.asarray(is_decided(maze, arc))
    if not decided.any():
        raise MazerlError("the walks hold no move of the policy's own; give longer ones")
    # Padding stands on the arc where the walk ended, so that it begins no new one.
    return Corpus(arc, port, decided.astype(np.float32))


def sft(
    maze: World, policy: Policy, batch: int = 64, microbatches: int = 1, fault: Fault = "none"
) -> Method:
    """Imitation of a corpus. Parameters: the policy's. Task: a `Corpus`.

    Raises:
        MazerlError: a size below 1, microbatches that do not divide the batch, a policy that
            cannot be trained, or an unknown fault.
    """
    _check(policy, batch, microbatches)
    if fault not in get_args(Fault):
        raise MazerlError(f"fault is {fault!r}; give one of {', '.join(get_args(Fault))}")
    return replace(_sft(policy, batch, microbatches, fault), world=maze)


@lru_cache
def _sft(policy: Policy, batch: int, microbatches: int, fault: Fault) -> Method:
    def collect(
        maze: World, task: Corpus, params: Any, walked: Any, key: Array, share: Array
    ) -> Batch:
        del maze, params, walked, share
        drawn = jax.random.randint(key, (batch,), 0, task.arc.shape[0])
        samples = split_walkers(jax.tree.map(lambda x: x[drawn], task))
        tokens, decided = jnp.sum(samples.decided), samples.decided
        if fault == "first microbatch alone":
            decided = decided * (jnp.arange(batch) < batch // microbatches)[:, None]
        elif fault == "mean of microbatch means":
            own = decided.reshape(microbatches, -1).sum(1)
            each = jnp.repeat(tokens / (microbatches * jnp.maximum(own, 1)), batch // microbatches)
            decided = decided * each[:, None]
        return Batch(samples._replace(decided=decided), tokens, {})

    return Method(
        collect, _loss(policy, fault == "mean of microbatch means"), microbatches=microbatches
    )


def pretraining(
    maze: World, policy: Policy, length: int, batch: int = 64, microbatches: int = 1
) -> Method:
    """Imitation of fresh uniform random walks of `length` steps. Task: ()."""
    _check(policy, batch, microbatches)
    return replace(_pretraining(policy, length, batch, microbatches), world=maze)


@lru_cache
def _pretraining(policy: Policy, length: int, batch: int, microbatches: int) -> Method:
    def walk(maze: World, task: Any, params: Any, state: Any, key: Array) -> tuple[Walks, Any]:
        del task, params
        return split_walkers(rollout(UNIFORM, (), maze, key, batch, length)), state

    def collect(
        maze: World, task: Any, params: Any, walks: Walks, key: Array, share: Array
    ) -> Batch:
        del task, params, key, share
        arc = walks.arc[:, :-1]
        real = jnp.arange(length)[None, :] < walks.length[:, None]
        decided = (real & is_decided(maze, arc)).astype(jnp.float32)
        return Batch(Corpus(arc, walks.port, decided), jnp.sum(decided), {})

    return Method(collect, _loss(policy), walk=walk, microbatches=microbatches)


def _check(policy: Policy, batch: int, microbatches: int) -> None:
    require_whole("the batch", batch)
    if batch % require_whole("the number of microbatches", microbatches):
        raise MazerlError(f"{microbatches} microbatches do not divide {batch} walks")
    require_trainable(policy)


def _loss(
    policy: Policy, weighted: bool = False
) -> Callable[[World, Any, Batch], tuple[Array, Metrics]]:
    score = require_trainable(policy)

    def loss(maze: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        corpus, tokens = batch.samples, jnp.maximum(batch.shared, 1)
        logits = score(maze, params, corpus.arc)
        free = jax.nn.log_softmax(logits)
        legal = port_log_probabilities(maze, logits, corpus.arc)
        log_p = free if policy.learns_legality else legal
        taken = move_log_probability(log_p, corpus.port, corpus.decided)
        taken = taken * corpus.decided if weighted else taken
        illegal = jnp.sum(jnp.where(legal_ports(maze, corpus.arc), 0.0, jnp.exp(free)), -1)
        told = {"illegal": jnp.sum(corpus.decided * illegal) / tokens}
        return -jnp.sum(taken) / tokens, told if policy.learns_legality else {}

    return loss
