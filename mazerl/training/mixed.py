"""RL and imitation of demonstrations in one training, in place of one after the other.

    group        a demonstration stands among a group's walks, as if the policy had made it; the
                 advantage is computed over all (`grpo.GRPOTask.demonstrations`)
    joint        loss = RL's + λ · imitation's, each of its own batch
    alternating  every k-th update's loss is λ · imitation's alone, the others' RL's alone

Joint and alternating are of any two methods, so that imitation may have a `sft.Fault`. The kinds
are those of LUFFY, SRFT and ReLIFT (as arXiv 2604.23747 names them), bare: no shaping of the
demonstration's ratio, no weights by entropy, no choice of hard questions.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, World
from mazerl.training.method import Batch, Method, Metrics
from mazerl.walk.rollouts import Walks


class Demonstrations(NamedTuple):
    """Walks that arrive, in the order of their goals."""

    walks: Walks
    goals: Array  # [G] vertices, sorted
    begin: Array  # [G+1] walks of goal g are begin[g] … begin[g+1] - 1


def demonstrations_of(world: World, walks: Walks, limit: int) -> Demonstrations:
    """Walks to be put among groups, whose own walks have a limit.

    Raises:
        MazerlError: a walk did not arrive within the limit, or a goal has none.
    """
    length, goal = np.asarray(walks.length), np.asarray(walks.goal)
    late = ~np.asarray(walks.reached) | (length > limit)
    if late.any():
        raise MazerlError(
            f"{late.sum()} of {len(late)} demonstrations do not arrive within {limit} steps; "
            "leave them out, or raise the limit"
        )
    goals = np.sort(np.asarray(world.goals))
    missing = np.setdiff1d(goals, goal)
    if len(missing):
        raise MazerlError(
            f"{len(missing)} of {len(goals)} goals have no demonstration (vertex {missing[0]} "
            "first), so that their groups would be without; give at least one to each"
        )
    order = np.argsort(goal, kind="stable")
    kept = Walks(*(np.asarray(field)[order] for field in walks))
    kept = kept._replace(arc=_wide(kept.arc, limit + 1), port=_wide(kept.port, limit))
    return Demonstrations(kept, goals, np.searchsorted(kept.goal, [*goals, goals[-1] + 1]))


def _wide(steps: np.ndarray, width: int) -> np.ndarray:
    return np.pad(steps, ((0, 0), (0, max(width - steps.shape[1], 0))), "edge")[:, :width]


def put_among(walks: Walks, shown: Demonstrations | None, group: int, key: Array) -> Walks:
    """Groups of `group` walks, each with a drawn demonstration of its goal behind, if there are."""
    if shown is None:
        return walks
    goal = walks.goal[::group]
    at = jnp.searchsorted(jnp.asarray(shown.goals), goal)
    first, count = jnp.asarray(shown.begin)[at], jnp.diff(jnp.asarray(shown.begin))[at]
    drawn = first + jax.random.randint(key, goal.shape, 0, count)

    def behind(own: Array, other: Array) -> Array:
        groups = own.reshape(-1, group, *own.shape[1:])
        both = jnp.concatenate([groups, jnp.asarray(other)[drawn][:, None].astype(own.dtype)], 1)
        return both.reshape(-1, *own.shape[1:])

    return Walks(*(behind(own, other) for own, other in zip(walks, shown.walks, strict=True)))


class MixedTask(NamedTuple):
    """What is traced in both."""

    rl: Any  # task of the one method
    beside: Any  # and of what stands beside it
    weight: float = 1.0  # λ


class _Shared(NamedTuple):
    rl: Any
    beside: Any
    weights: Array  # [2] of the losses


def mixed(rl: Method, imitation: Method, every: int = 0) -> Method:
    """Two methods of one world and policy in one training. Task: a `MixedTask`.

    `every` is 0 for both losses in each update; else each update so many is imitation's alone:
    walks are taken in it for the record alone, and not counted in its steps.

    Raises:
        MazerlError: `every` is 1 or below 0, or one of the two takes several steps an update.
    """
    if every and require_whole("every", every) < 2:
        raise MazerlError("every is 1, which leaves RL no update; give 0 (joint), or at least 2")
    for method in (rl, imitation):
        if method.epochs != 1 or method.minibatches != 1:
            raise MazerlError(
                f"{method.epochs} epochs of {method.minibatches} minibatches cannot be mixed with "
                "another method; let both be 1"
            )
    bare = (replace(method, world=None, microbatches=1) for method in (rl, imitation))
    return replace(_mixed(*bare, every), world=rl.world)


@lru_cache
def _mixed(rl: Method, imitation: Method, every: int) -> Method:
    def begin(world: World, task: MixedTask, key: Array) -> Any:
        return jnp.int32(0), rl.begin(world, task.rl, key)

    def walk(world: World, task: MixedTask, params: Any, state: Any, key: Array) -> Any:
        update, own = state
        walked, own = rl.walk(world, task.rl, params, own, key)
        return (update, walked), (update + 1, own)

    def collect(
        world: World, task: MixedTask, params: Any, walked: Any, key: Array, share: Array
    ) -> Batch:
        update, walks = walked
        own = rl.collect(world, task.rl, params, walks, key, share)
        shown = imitation.collect(world, task.beside, params, walks, key, share)
        weights, metrics = jnp.stack([jnp.float32(1.0), jnp.float32(task.weight)]), own.metrics
        if every:
            turn = update % every == every - 1
            weights *= jnp.stack([~turn, turn])
            metrics = metrics | {"steps": metrics["steps"] * ~turn}
        shared = _Shared(own.shared, shown.shared, weights)
        return Batch((own.samples, shown.samples), shared, metrics | shown.metrics)

    def loss(world: World, params: Any, batch: Batch) -> tuple[Array, Metrics]:
        (own, shown), shared = batch.samples, batch.shared
        reward, told = rl.loss(world, params, Batch(own, shared.rl, {}))
        copied, _ = imitation.loss(world, params, Batch(shown, shared.beside, {}))
        # The KL of the one is that of walks which an update of the other does not learn from.
        told = told | {"beside": copied}
        return shared.weights[0] * reward + shared.weights[1] * copied, told

    return Method(collect, loss, begin=begin, walk=walk)
