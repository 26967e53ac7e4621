"""PPO with a verifiable reward, for tabular policies and transformers alike.

    walkers go on across updates; a walk ends at its goal or at the time limit, then begins anew
    for each update:
        steps      = walk `horizon` steps with `walkers` walkers
        advantage  = GAE(γ, λ), the value standing in for what a time-out cut off, then normalised
        for each of `epochs` passes over `minibatches` parts:
            loss = -min(r A, clip(r) A) + value_cost · (V - return)² - entropy · H(π)
            stop this update if KL(old ‖ new) exceeds `kl_stop`
        the entropy bonus falls linearly to zero over the run

Only the policy's own moves count; steps at chance vertices train the value alone. Walkers whose
policy remembers more than its arrival arc begin anew with every update, because what they remember
is of the old parameters. Schulman et al. 2017.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.rows import rows_of
from mazerl.policy.scoring import is_decided, judge
from mazerl.policy.tabular import TABULAR_CRITIC, ActorCritic
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
"""For transformers, with `TRANSFORMER_TASK`."""


@dataclass(frozen=True)
class Sizes:
    """What is static in PPO: shapes and counts."""

    walkers: int = 64
    horizon: int = 512
    epochs: int = 2
    minibatches: int = 16


class PPOTask(NamedTuple):
    """What is traced in PPO, so that it can be swept without compiling again."""

    reward: Reward = Reward(1.0, 1e-3)
    gamma: float = 0.998
    lam: float = 0.99
    clip: float = 0.2
    value_cost: float = 0.5
    entropy: float = 0.01
    limit: int = 1000  # steps after which a walk is cut off and its rest is bootstrapped


TRANSFORMER_TASK = PPOTask(entropy=0.02)
"""For transformers: shared weights make them certain sooner than free rows."""


class _Samples(NamedTuple):
    """One token a row where the arrival arc says all, else one walker's whole horizon."""

    arc: Array  # [N, T] arrival arc
    moves: Moves  # [N, T]
    advantage: Array  # [N, T] normalised
    target: Array  # [N, T] return that the value should predict
    taken: Array  # [N, T] 1 where a step was taken


class _Shared(NamedTuple):
    clip: Array
    value_cost: Array
    entropy: Array


def tabular_start(maze: World) -> ActorCritic:
    """The base model, the uniform walk, with values of zero."""
    return ActorCritic(np.zeros(rows_of(maze).size), np.zeros(maze.num_arrivals))


def ppo(maze: World, policy: Policy = TABULAR_CRITIC, sizes: Sizes | None = None) -> Method:
    """PPO on a maze. Parameters: the policy's. Task: a `PPOTask`.

    Raises:
        MazerlError: a size below 1, minibatches that do not divide the samples, or a policy that
            cannot be trained.
    """
    sizes = sizes or Sizes()
    for name, value in vars(sizes).items():
        require_whole(name, value)
    samples = sizes.walkers * (sizes.horizon if policy.markov else 1)
    if samples % sizes.minibatches:
        unit = "samples" if policy.markov else "walkers"
        raise MazerlError(
            f"{sizes.minibatches} minibatches do not divide {samples} {unit}; give a divisor"
        )
    require_trainable(policy)
    return replace(_ppo(policy, sizes), world=maze)


@lru_cache
def _ppo(policy: Policy, sizes: Sizes) -> Method:
    """PPO, but for the maze."""

    def begin(maze: World, task: PPOTask, key: Array) -> State:
        del task
        return split_walkers(reset(maze, key, (sizes.walkers,)))

    def walk(
        maze: World, task: PPOTask, params: Any, state: State, key: Array
    ) -> tuple[Steps, State]:
        if not policy.markov:
            state = reset(maze, jax.random.fold_in(key, _RESET_KEY), (sizes.walkers,))
        state = split_walkers(state)
        return continue_walks(policy, params, maze, state, key, sizes.horizon, task.limit)

    def collect(
        maze: World, task: PPOTask, params: Any, steps: Steps, key: Array, share: Array
    ) -> Batch:
        del key
        # The last arrival is valued only; its port is none.
        port = jnp.concatenate([steps.port, jnp.zeros_like(steps.port[:1])])
        judged = jax.tree.map(jnp.transpose, judge(policy, maze, params, steps.arc.T, port.T))
        # What follows is [T, B] like the steps, until it is turned into samples.
        arc, value = steps.arc[:-1], judged.value
        reward = task.reward.arrival * steps.terminated - task.reward.penalty
        advantage = generalized_advantages(
            reward, value, steps.terminated, steps.closing, task.gamma, task.lam
        )
        taken = (~steps.closing).astype(advantage.dtype)
        own = taken * is_decided(maze, arc)
        columns = _Samples(
            arc=arc,
            moves=Moves(steps.port, judged.log_probability[:-1], own),
            advantage=_normalised(advantage, own),
            target=advantage + value[:-1],
            taken=taken,
        )
        length = 1 if policy.markov else sizes.horizon
        collected = jax.tree.map(lambda x: x.T.reshape(-1, length), columns)
        shared = _Shared(task.clip, task.value_cost, task.entropy * (1 - share))
        return Batch(collected, shared, _seen(steps, task.limit, maze.num_arrivals))

    def loss(maze: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        samples, shared = batch.samples, batch.shared
        now = judge(policy, maze, params, samples.arc, samples.moves.port)
        terms = policy_terms(now, samples.moves, samples.advantage, shared.clip)
        misses = samples.taken * (now.value - samples.target) ** 2
        error = jnp.sum(misses) / jnp.sum(samples.taken)
        gain = terms.gain + shared.entropy * terms.entropy
        told = {"entropy": terms.entropy, "kl": terms.kl, "value_error": error}
        return shared.value_cost * error - gain, told

    return Method(collect, loss, begin, walk, sizes.epochs, sizes.minibatches, warning=collapse)


# Named sub-key beside those of the walks' steps, which count up from 0.
_RESET_KEY = 0xFFFFFFFD


def _normalised(advantage: Array, own: Array) -> Array:
    """Mean 0 and spread 1 over the policy's own moves."""
    mean = jnp.sum(own * advantage) / jnp.sum(own)
    spread = jnp.sqrt(jnp.sum(own * (advantage - mean) ** 2) / jnp.sum(own))
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


# A collapse is told when this many late arrivals were due and less than a tenth of them came.
_DUE = 10.0


def collapse(metrics: dict[str, np.ndarray], every: int) -> str | None:
    """Say so if walks that are not lucky at once no longer arrive: the policy goes in circles.

    The share of walks that succeed hides this, because a policy that knows one way forward is often
    lucky. So the walks that have lasted half the time limit are watched: how many of them arrive,
    beside how many would have at the rate of the first tenth of the records.
    """
    steps, arrivals = metrics["late_steps"], metrics["late_arrivals"]
    window = max(1, len(steps) // 10)
    rate = arrivals[:window].sum() / max(steps[:window].sum(), 1)
    due, came = rate * steps[-window:].mean(), arrivals[-window:].mean()
    if due * window * every < _DUE or came > due / 10:
        return None
    distinct = 100 * metrics["distinct"]
    return (
        f"PPO has collapsed: of walks that last, {came:.2g} arrive an update, not {due:.2g} as at "
        f"first, with {distinct[-window:].mean():.2g} distinct arcs in 100 steps; walk more steps "
        "an update, lower the rate, or raise gamma, lam or the entropy bonus"
    )
