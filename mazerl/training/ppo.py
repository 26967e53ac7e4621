"""PPO with a verifiable reward, for tabular policies and transformers alike.

    walkers go on across updates; a walk ends at its goal or at the time limit, then begins anew
    for each update:
        steps      = walk `horizon` steps with `walkers` walkers
        advantage  = GAE(γ, λ), the value standing in for what a time-out cut off, or nothing
        value      = averages the advantages in, at each goal and arrival (`critic`)
        for each of `epochs` passes over `minibatches` parts, with advantages normalised:
            loss = -min(r A, clip(r) A) - entropy · H(π)
            stop this update if KL(old ‖ new) exceeds `kl_stop`
        the entropy bonus falls linearly to zero over the run

Only the policy's own moves count; steps at chance vertices teach the value alone. Walkers whose
policy remembers more than its arrival arc begin anew with every update, because what they remember
is of the old parameters. Schulman et al. 2017.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.maze.told import Told
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.rows import rows_of
from mazerl.policy.scoring import is_decided, judge
from mazerl.policy.tabular import TABULAR
from mazerl.training.collapse import monitor
from mazerl.training.critic import (
    AtLimit,
    Sees,
    average_in,
    first_values,
    places,
    timed_places,
)
from mazerl.training.method import Batch, Method, Metrics, Training
from mazerl.training.objectives import Moves, generalized_advantages, policy_terms
from mazerl.training.parallel import split_walkers
from mazerl.walk.env import Reward, State, reset
from mazerl.walk.rollouts import Steps, continue_walks

TRAINING = Training(
    steps=800, optimizer="adam", rate=0.01, record_every=10, max_norm=0.5, kl_stop=0.02
)
"""For tabular policies, with the default `Sizes` and `PPOTask`; claims P1 measure them."""

TRANSFORMER_TRAINING = replace(TRAINING, steps=400, rate=3e-4)
"""For transformers, with `TRANSFORMER_SIZES` and `TRANSFORMER_TASK`."""


@dataclass(frozen=True)
class Sizes:
    """What is static in PPO: shapes and counts."""

    walkers: int = 64
    horizon: int = 512
    epochs: int = 2
    minibatches: int = 16
    critic: Sees = "goal"  # what the critic sees that the policy does not
    at_limit: AtLimit = "bootstrap"  # whether a walk that is cut off goes on, or has ended
    clock: int = 0  # last steps before the limit that the critic tells apart


class PPOTask(NamedTuple):
    """What is traced in PPO, so that it can be swept without compiling again."""

    reward: Reward = Reward(1.0, 1e-3)
    gamma: float = 1.0
    lam: float = 0.95
    clip: float = 0.2
    entropy: float = 0.01
    limit: int = 10_000  # steps after which a walk is cut off
    inertia: float = 300.0  # samples that what the critic knows counts for


TRANSFORMER_TASK = PPOTask(entropy=0.02)
"""For transformers: shared weights make them certain sooner than free rows."""

TURNING_TASK = PPOTask(entropy=0.05)
"""For transformers over turns, which decide with the same few inputs everywhere."""

TRANSFORMER_SIZES = Sizes(walkers=128)
"""For transformers, whose states all move with the noise of each."""


class _Samples(NamedTuple):
    """One token a row where the arrival arc says all, else one walker's whole horizon."""

    arc: Array  # [N, T] arrival arc
    moves: Moves  # [N, T]
    advantage: Array  # [N, T] normalised


class _Shared(NamedTuple):
    clip: Array
    entropy: Array


class _Carried(NamedTuple):
    walkers: State  # [B]
    values: Array  # [G, A+M] of the critic


class _Walked(NamedTuple):
    steps: Steps
    advantage: Array  # [T, B]


def tabular_start(maze: World) -> Array:
    """The base model, the uniform walk."""
    return np.zeros(rows_of(maze).size)


def ppo(maze: World, policy: Policy = TABULAR, sizes: Sizes | None = None) -> Method:
    """PPO on a maze. Parameters: the policy's. Task: a `PPOTask`.

    Raises:
        MazerlError: a size below 1, minibatches that do not divide the samples, a treatment of the
            limit that is not known, mazes that are told in a prompt, or a policy that cannot be
            trained.
    """
    sizes = sizes or Sizes()
    for name in ("walkers", "horizon", "epochs", "minibatches"):
        require_whole(name, getattr(sizes, name))
    require_whole("clock", sizes.clock, 0)
    if sizes.at_limit not in get_args(AtLimit):
        known = ", ".join(get_args(AtLimit))
        raise MazerlError(f"at_limit is {sizes.at_limit!r}; give {known}")
    samples = sizes.walkers * (sizes.horizon if policy.markov else 1)
    if samples % sizes.minibatches:
        unit = "samples" if policy.markov else "walkers"
        raise MazerlError(
            f"{sizes.minibatches} minibatches do not divide {samples} {unit}; give a divisor"
        )
    if isinstance(maze, Told):
        raise MazerlError(
            "PPO learns from walks that go on, and a prompt is read once; train it by GRPO"
        )
    require_trainable(policy)
    return replace(_ppo(policy, sizes), world=maze)


@lru_cache
def _ppo(policy: Policy, sizes: Sizes) -> Method:
    """PPO, but for the maze."""

    def begin(maze: World, task: PPOTask, key: Array) -> _Carried:
        del task
        walkers = split_walkers(reset(maze, key, (sizes.walkers,)))
        return _Carried(walkers, first_values(maze, sizes.critic, sizes.clock))

    def walk(
        maze: World, task: PPOTask, params: Any, carried: _Carried, key: Array
    ) -> tuple[_Walked, _Carried]:
        walkers, values = carried
        if not policy.markov:
            walkers = reset(maze, jax.random.fold_in(key, _RESET_KEY), (sizes.walkers,))
        walkers = split_walkers(walkers)
        steps, walkers = continue_walks(
            policy, params, maze, walkers, key, sizes.horizon, task.limit
        )
        left = task.limit - jnp.concatenate([steps.age, walkers.time[None]])
        if sizes.clock:
            place = timed_places(maze, values, steps.arc, steps.goal, left, sizes.clock)
        else:
            place = places(maze, values, steps.arc, steps.goal)
        value = values.reshape(-1)[place]
        if sizes.at_limit == "end":
            value = jnp.where(left > 0, value, 0.0)
        reward = task.reward.arrival * steps.terminated - task.reward.penalty
        advantage = generalized_advantages(
            reward, value, steps.terminated, steps.closing, task.gamma, task.lam
        )
        values = average_in(values, place[:-1], advantage, ~steps.closing, task.inertia)
        return _Walked(steps, advantage), _Carried(walkers, values)

    def collect(
        maze: World, task: PPOTask, params: Any, walked: _Walked, key: Array, share: Array
    ) -> Batch:
        del key
        steps, advantage = walked
        # [T, B] like the steps, until it is turned into samples.
        arc, taken = steps.arc[:-1], (~steps.closing).astype(advantage.dtype)
        judged = judge(policy, maze, params, arc.T, steps.port.T)
        own = taken * is_decided(maze, arc)
        columns = _Samples(
            arc=arc,
            moves=Moves(steps.port, judged.log_probability.T, own),
            advantage=_normalised(advantage, own),
        )
        length = 1 if policy.markov else sizes.horizon
        collected = jax.tree.map(lambda x: x.T.reshape(-1, length), columns)
        shared = _Shared(task.clip, task.entropy * (1 - share))
        error = jnp.sum(taken * advantage**2) / jnp.maximum(jnp.sum(taken), 1)
        told = _seen(steps, task.limit, maze.num_arrivals) | {"value_error": error}
        return Batch(collected, shared, told)

    def loss(maze: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        samples, shared = batch.samples, batch.shared
        now = judge(policy, maze, params, samples.arc, samples.moves.port)
        terms = policy_terms(now, samples.moves, samples.advantage, shared.clip)
        gain = terms.gain + shared.entropy * terms.entropy
        return -gain, {"entropy": terms.entropy, "kl": terms.kl}

    watch = partial(monitor, policy)
    return Method(
        collect, loss, begin, walk, sizes.epochs, sizes.minibatches, monitor=watch
    )  # fmt: skip


# Named sub-key beside those of the walks' steps, which count up from 0.
_RESET_KEY = 0xFFFFFFFD


def _normalised(advantage: Array, own: Array) -> Array:
    """Mean 0 and spread 1 over the policy's own moves."""
    moves = jnp.maximum(jnp.sum(own), 1)
    mean = jnp.sum(own * advantage) / moves
    spread = jnp.sqrt(jnp.sum(own * (advantage - mean) ** 2) / moves)
    return (advantage - mean) / (spread + 1e-8)


def _distinct(arc: Array, num_arrivals: int) -> Array:
    """How many different arcs [B] there are in each column of arc [T, B]."""
    if num_arrivals > arc.shape[0]:
        ordered = jnp.sort(arc, axis=0)
        return 1 + jnp.sum(ordered[1:] != ordered[:-1], axis=0)
    # Marking a table takes a fifth of the time of sorting, where it is small.
    walker = jnp.arange(arc.shape[1])[None]
    marked = jnp.zeros((arc.shape[1], num_arrivals), bool).at[walker, arc].set(True)
    return jnp.sum(marked, axis=1)


def _seen(steps: Steps, limit: Array, num_arrivals: int) -> Metrics:
    arrivals, cut_off = jnp.sum(steps.terminated), jnp.sum(steps.closing)
    distinct = _distinct(steps.arc[:-1], num_arrivals)
    late = (steps.age >= limit // 2) & ~steps.closing
    return {
        "arrivals": arrivals.astype(jnp.float32),
        "success": arrivals / jnp.maximum(arrivals + cut_off, 1),  # of the walks that ended
        "distinct": jnp.mean(distinct) / steps.port.shape[0],  # arcs a step; 0 is going in circles
        # Of walks older than half the time limit: in a collapse they never arrive.
        "late_steps": jnp.sum(late).astype(jnp.float32),
        "late_arrivals": jnp.sum(late & steps.terminated).astype(jnp.float32),
    }
