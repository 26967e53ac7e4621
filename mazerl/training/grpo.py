"""GRPO with a verifiable reward: walks are compared with others that had the same goal.

    for each update:
        walks     = `groups` × `group` whole walks; those of a group share a drawn goal; or
                    `draws` times as many, of which so many groups are kept (`filters`)
        reward    = arrival - penalty · steps of the whole walk
        advantage = (reward - mean of the group) / its standard deviation, or another of the family
        for each of `epochs` passes over `minibatches` parts:
            loss  = -mean over the policy's own moves of min(r A, clip(r) A) - entropy · H(π)

Where the task has demonstrations, one of the goal takes the place of a group's last walk (`mixed`).
Where it has a reference and β, k(π, reference) · β is added to the loss or taken from the
reward (`reference`). The mean is over moves, or walk by walk, or the sum over the time limit
(`objectives.Normalize`).

There is no value function. A group whose walks all succeed or all fail says nothing about success:
with N walks and success probability p that happens with probability p^N + (1-p)^N.
Shao et al. 2024.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, get_args

import jax.numpy as jnp

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.scoring import is_decided, judge
from mazerl.policy.tabular import TABULAR
from mazerl.training.advantages import Outcomes, advantage_of
from mazerl.training.filters import Keep, check_filter, choose_groups, were_drawn
from mazerl.training.method import Batch, Method, Metrics, Training
from mazerl.training.mixed import Demonstrations, put_among
from mazerl.training.objectives import (
    Moves,
    Normalize,
    collapse_probability,
    move_weights,
    policy_terms,
)
from mazerl.training.parallel import split_walkers
from mazerl.training.reference import Estimator, Place, divergence
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks, rollout

TRAINING = Training(
    steps=400, optimizer="adam", rate=0.01, record_every=10, max_norm=0.5, kl_stop=0.05
)


@dataclass(frozen=True)
class Groups:
    """What is static in GRPO: shapes, counts and which of the family it is."""

    groups: int = 16
    group: int = 16  # walks that share a goal, at least 2
    limit: int = 256  # steps after which a walk has failed
    epochs: int = 1
    minibatches: int = 1
    advantage: str = "spread"  # of `advantages.ADVANTAGES`
    pass_k: int = 4  # tries of pass@k, for the advantages that are of it
    normalize: Normalize = "tokens"
    kl: Estimator = "k3"  # of the distance to a reference, where the task has one
    kl_in: Place = "loss"
    keep: Keep = "all"  # which groups are learned from
    draws: int = 1  # groups drawn for each that is


class GRPOTask(NamedTuple):
    """What is traced in GRPO."""

    reward: Reward = Reward(1.0, 1e-3)
    clip: float = 0.2
    clip_high: float | None = None  # as `clip`
    entropy: float = 0.0
    beta: float = 0.0  # what a nat of distance to the reference costs, where there is one
    reference: Any = None  # parameters
    demonstrations: Demonstrations | None = None  # one a group, counted as of its walks


class _Samples(NamedTuple):
    """Whole walks."""

    arc: Array  # [N, T]
    moves: Moves  # [N, T]
    advantage: Array  # [N] of the walk
    reference: Array  # [N, T] log-probabilities of the moves; [N, 0] without a reference


class _Shared(NamedTuple):
    clip: Array
    clip_high: Array
    entropy: Array
    beta: Array


def grpo(maze: World, policy: Policy = TABULAR, sizes: Groups | None = None) -> Method:
    """GRPO on a maze. Parameters: the policy's. Task: a `GRPOTask`.

    Raises:
        MazerlError: a size below 1, a group of one walk, minibatches that do not divide the walks,
            an unknown advantage, normalisation, KL or filter, draws without one, or a policy that
            cannot be trained.
    """
    sizes = sizes or Groups()
    for name in ("groups", "group", "limit", "epochs", "minibatches"):
        require_whole(name, getattr(sizes, name))
    advantage_of(sizes.advantage, sizes.group, sizes.pass_k)
    check_filter(sizes.keep, sizes.draws)
    for told, name, known in (
        ("normalisation", sizes.normalize, Normalize),
        ("estimator of the KL", sizes.kl, Estimator),
        ("place of the KL", sizes.kl_in, Place),
    ):
        if name not in get_args(known):
            raise MazerlError(f"unknown {told} {name!r}; known: {', '.join(get_args(known))}")
    walks = sizes.groups * sizes.group
    if walks % sizes.minibatches:
        raise MazerlError(
            f"{sizes.minibatches} minibatches do not divide {walks} walks; give a divisor"
        )
    require_trainable(policy)
    return replace(_grpo(policy, sizes), world=maze)


@lru_cache
def _grpo(policy: Policy, sizes: Groups) -> Method:
    """GRPO, but for the maze."""
    walks = sizes.groups * sizes.group
    advantages = advantage_of(sizes.advantage, sizes.group, sizes.pass_k)

    def walk(maze: World, task: GRPOTask, params: Any, state: Any, key: Array) -> tuple[Walks, Any]:
        own = _own_walks(task, sizes)
        drawn = sizes.groups * own * sizes.draws
        return split_walkers(rollout(policy, params, maze, key, drawn, sizes.limit, own)), state

    def collect(
        maze: World, task: GRPOTask, params: Any, seen: Walks, key: Array, share: Array
    ) -> Batch:
        own, passes = _own_walks(task, sizes), jnp.ones(sizes.groups, bool)
        walked, seen = seen, put_among(seen, task.demonstrations, own, key)
        told = _seen(walked, own, _drawn(seen, sizes))
        if sizes.keep != "all":
            seen, passes = _filtered(seen, task.reward, sizes)
            told["kept"] = passes.sum() / (sizes.groups * sizes.draws)
        arc = seen.arc[:, :-1]
        judged = judge(policy, maze, params, arc, seen.port)
        real = jnp.arange(sizes.limit)[None, :] < seen.length[:, None]
        real &= jnp.repeat(passes, sizes.group)[:, None]
        own = (real & is_decided(maze, arc)).astype(jnp.float32)
        reward = _rewards(seen, task.reward)
        reference = jnp.zeros((walks, 0))
        if task.reference is not None:
            reference = judge(policy, maze, task.reference, arc, seen.port).log_probability
            if sizes.kl_in == "reward":
                far = divergence(sizes.kl, judged.log_probability, reference)
                reward -= task.beta * jnp.sum(own * far, 1)
        by_group = (sizes.groups, sizes.group)
        advantage = advantages(Outcomes(reward.reshape(by_group), seen.reached.reshape(by_group)))
        collected = _Samples(
            arc=arc,
            moves=Moves(seen.port, judged.log_probability, own),
            advantage=advantage.reshape(-1),
            reference=reference,
        )
        high = task.clip if task.clip_high is None else task.clip_high
        shared = _Shared(task.clip, high, task.entropy * (1 - share), task.beta)
        return Batch(collected, shared, told | {"reward": reward.mean()})

    def loss(maze: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        samples, shared = batch.samples, batch.shared
        now = judge(policy, maze, params, samples.arc, samples.moves.port)
        advantage = jnp.broadcast_to(samples.advantage[:, None], samples.arc.shape)
        weight = None
        if sizes.normalize != "tokens":
            weight = move_weights(samples.moves.decided, sizes.normalize)
        terms = policy_terms(now, samples.moves, advantage, shared.clip, shared.clip_high, weight)
        told = {"entropy": terms.entropy, "kl": terms.kl}
        loss = -terms.gain - shared.entropy * terms.entropy
        if samples.reference.shape[1] and sizes.kl_in == "loss":
            far = divergence(sizes.kl, now.log_probability, samples.reference)
            each = move_weights(samples.moves.decided, sizes.normalize)
            told["kl_reference"] = jnp.sum(each * far)
            loss += shared.beta * told["kl_reference"]
        return loss, told

    return Method(collect, loss, walk=walk, epochs=sizes.epochs, minibatches=sizes.minibatches)


def _own_walks(task: GRPOTask, sizes: Groups) -> int:
    """Of a group."""
    return sizes.group - (task.demonstrations is not None)


def _rewards(walks: Walks, reward: Reward) -> Array:
    """Of whole walks."""
    return reward.arrival * walks.reached - reward.penalty * walks.length


def _filtered(walks: Walks, reward: Reward, sizes: Groups) -> tuple[Walks, Array]:
    """The walks of the groups that are learned from, and whether each group is [groups]."""
    by_group = (-1, sizes.group)
    seen = Outcomes(_rewards(walks, reward).reshape(by_group), walks.reached.reshape(by_group))
    chosen, passes = choose_groups(seen, sizes.keep, sizes.groups)
    walk = (chosen[:, None] * sizes.group + jnp.arange(sizes.group)[None]).reshape(-1)
    return Walks(*(field[walk] for field in walks)), passes


def _drawn(walks: Walks, sizes: Groups) -> Array:
    """Which groups a filter that stops when it has enough would have walked."""
    reached = walks.reached.reshape(-1, sizes.group)
    return were_drawn(Outcomes(reached, reached), sizes.keep, sizes.groups)


def _seen(walks: Walks, group: int, drawn: Array) -> Metrics:
    """Of all walks that were drawn; the reward is of those that are learned from."""
    by_group = (-1, group)
    reached, length = walks.reached.reshape(by_group), walks.length.reshape(by_group)
    successes, success = reached.sum(1), walks.reached.mean()
    return {
        "success": success,
        "length": walks.length.mean(),
        "steps": jnp.sum(length.sum(1) * drawn).astype(jnp.float32),
        "collapsed": jnp.mean((successes == 0) | (successes == group)),
        "predicted_collapsed": collapse_probability(success, group),
    }
