"""PPO with a verifiable reward, for policies that are Markov in the arrival arc.

    walkers go on across updates; a walk ends at its goal or at the time limit, then begins anew
    for each update:
        steps      = walk `horizon` steps with `walkers` walkers
        advantage  = GAE(γ, λ), the value standing in for what a time-out cut off, then normalised
        for each of `epochs` passes over `minibatches` parts:
            loss = -min(r A, clip(r) A) + value_cost · (V - return)² - entropy · H(π)
        the entropy bonus falls linearly to zero over the run

Only the policy's own moves count; steps at chance vertices train the value alone. Schulman et al.
2017.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.env import Reward, State, continue_walks, reset
from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, Maze
from mazerl.objectives import clipped_surrogate, generalized_advantages
from mazerl.policy import TABULAR, Policy, arrival_vertex, rows_of
from mazerl.train.loop import Batch, Method, Training

TRAINING = Training(steps=600, optimizer="adam", rate=0.02, record_every=10, max_norm=0.5)
"""Measured on corridor(4, 4, 3): within 0.7% of the optimum for every seed tried. Not a default for
every size: on corridor(6, 6, 4), where a random walk takes longer than the time limit, it collapses
(H grows without bound); 128 × 256 walkers and steps at rate 0.01 recover there, slowly."""


@dataclass(frozen=True)
class Sizes:
    """What is static in PPO: shapes and counts."""

    walkers: int = 64
    horizon: int = 128
    epochs: int = 4
    minibatches: int = 4


class PPOTask(NamedTuple):
    """What is traced in PPO, so that it can be swept without compiling again."""

    reward: Reward = Reward(1.0, 1e-3)
    gamma: float = 0.99
    lam: float = 0.99
    clip: float = 0.2
    value_cost: float = 0.5
    entropy: float = 0.03
    limit: int = 1000  # steps after which a walk is cut off and its rest is bootstrapped


class PPOParams(NamedTuple):
    """The policy's parameters and one value per arrival arc."""

    policy: Any
    value: Array  # [A+1]


class _Samples(NamedTuple):
    arc: Array  # [N] arrival arc
    port: Array  # [N]
    log_probability: Array  # [N] of the port, when it was taken
    advantage: Array  # [N] normalised
    target: Array  # [N] return that the value should predict
    decided: Array  # [N] 1 where the policy moved, 0 where chance did


class _Shared(NamedTuple):
    clip: Array
    value_cost: Array
    entropy: Array


def tabular_start(maze: Maze) -> PPOParams:
    """The base model, the uniform walk, with values of zero."""
    return PPOParams(np.zeros(rows_of(maze).size), np.zeros(maze.num_arcs + 1))


def ppo(maze: Maze, policy: Policy = TABULAR, sizes: Sizes | None = None) -> Method:
    """PPO on a maze. Parameters: `PPOParams`. Task: a `PPOTask`.

    Raises:
        MazerlError: a size below 1, minibatches that do not divide the samples, or a policy that
            remembers more than its arrival arc.
    """
    sizes = sizes or Sizes()
    for name, value in vars(sizes).items():
        require_whole(name, value)
    samples = sizes.walkers * sizes.horizon
    if samples % sizes.minibatches:
        raise MazerlError(
            f"{sizes.minibatches} minibatches do not divide {samples} samples; give a divisor"
        )
    if not policy.markov:
        raise MazerlError("this policy remembers more than the arrival arc; PPO here needs Markov")
    vertex = np.append(np.asarray(maze.head), maze.start)
    decided = ~np.asarray(maze.chance)[vertex]

    def log_probabilities(params: Any, arc: Array) -> Array:
        """Of every port [N, D]; -inf where there is none."""
        walker = policy.bind(maze, params)
        logits = jax.vmap(lambda a: walker.logits(walker.memory, a)[0])(arc)
        degree = jnp.asarray(maze.degree)[arrival_vertex(maze)][arc]
        legal = jnp.asarray(maze.ports)[None, :] < degree[:, None]
        return jax.nn.log_softmax(jnp.where(legal, logits, -jnp.inf))

    def begin(task: PPOTask, key: Array) -> State:
        del task
        return reset(maze, key, (sizes.walkers,))

    def collect(
        task: PPOTask, params: PPOParams, state: State, key: Array, share: Array
    ) -> tuple[Batch, State]:
        steps, state = continue_walks(
            policy, params.policy, maze, state, key, sizes.horizon, task.limit
        )
        reward = task.reward.arrival * steps.terminated - task.reward.penalty
        value, next_value = params.value[steps.arc], params.value[steps.next_arc]
        advantage = generalized_advantages(
            reward, value, next_value, steps.terminated, steps.truncated, task.gamma, task.lam
        )
        flat = jax.tree.map(lambda x: x.reshape(-1), (steps.arc, steps.port, advantage, value))
        arc, port, advantage, value = flat
        own = jnp.asarray(decided)[arc].astype(advantage.dtype)
        mean = jnp.sum(own * advantage) / jnp.sum(own)
        spread = jnp.sqrt(jnp.sum(own * (advantage - mean) ** 2) / jnp.sum(own))
        taken = _take(log_probabilities(params.policy, arc), port)
        collected = _Samples(
            arc=arc,
            port=port,
            log_probability=jnp.where(own > 0, taken, 0.0),
            advantage=(advantage - mean) / (spread + 1e-8),
            target=advantage + value,
            decided=own,
        )
        shared = _Shared(task.clip, task.value_cost, task.entropy * (1 - share))
        return Batch(collected, shared), state

    def loss(params: PPOParams, batch: Batch) -> Array:
        samples, shared = batch
        log_p = log_probabilities(params.policy, samples.arc)
        finite = jnp.where(jnp.isfinite(log_p), log_p, 0.0)
        entropy = -jnp.sum(jnp.exp(log_p) * finite, -1)
        taken = jnp.where(samples.decided > 0, _take(finite, samples.port), 0.0)
        surrogate = clipped_surrogate(
            taken - samples.log_probability, samples.advantage, shared.clip
        )
        gain = samples.decided * (surrogate + shared.entropy * entropy)
        error = (params.value[samples.arc] - samples.target) ** 2
        return -jnp.sum(gain) / jnp.sum(samples.decided) + shared.value_cost * jnp.mean(error)

    return Method(collect, loss, begin, sizes.epochs, sizes.minibatches)


def _take(log_p: Array, port: Array) -> Array:
    return jnp.take_along_axis(log_p, port[:, None], axis=1, mode="clip")[:, 0]
