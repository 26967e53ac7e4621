"""The jitted update that all trainers share.

walked, state = method.walk(world, task, params, state, sub-key of this update)
batch = method.collect(world, task, params, walked, sub-key, share done)
for each of `epochs` passes over the batch, for each of its `minibatches` parts:
    gradient = Σ over `microbatches` parts of that of ∇ method.loss(world, params, part)
    stop this update here if the loss reports a KL above `kl_stop`
    params = params + optimiser(gradient, scaled down to a global norm of `max_norm`)

Runs that differ in their seed go through it together, all leaves with an axis [S] in front.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mazerl.maze import Array
from mazerl.training.method import Batch, Method, Metrics, Params, State, Task, World
from mazerl.training.parallel import replicate, split_walkers

# Named sub-key: update n takes fold-in n of the run's key, and shuffles by a fold-in of its own.
_SHUFFLE_KEY = 0xFFFFFFFE


class Carry(NamedTuple):
    """All that a run carries from one update to the next; saving it is a checkpoint."""

    params: Params
    optimizer: Any
    state: State
    step: Array  # [] updates done
    failed: Array  # [] first update whose loss was not finite; -1 if none


@dataclass(frozen=True)
class Rule:
    """What of an update is static."""

    method: Method  # without its world, which is traced
    optimizer: Callable[[Any], optax.GradientTransformation]
    max_norm: float
    kl_stop: float
    every: int  # updates a record
    seeds: bool = False  # whether runs have an axis [S] in front

    def transform(self, rate: Array) -> optax.GradientTransformation:
        """The gradient transformation at a learning rate, which may be traced."""
        if self.max_norm == float("inf"):
            return self.optimizer(rate)
        return optax.chain(optax.clip_by_global_norm(self.max_norm), self.optimizer(rate))


@partial(jax.jit, static_argnums=0)
def record(
    rule: Rule, rate: Array, steps: Array, key: Array, world: World, task: Task, carry: Carry
) -> tuple[Carry, Metrics]:
    """The updates of one record, and the means of their metrics."""

    method, transform = rule.method, rule.transform(rate)

    def walk(carry: Carry, key: Array) -> tuple[Carry, Any, Array]:
        sub_key = jax.random.fold_in(key, carry.step)
        walked, state = method.walk(world, task, carry.params, carry.state, sub_key)
        return carry._replace(state=state), walked, sub_key

    def learn(carry: Carry, walked: Any, sub_key: Array) -> tuple[Carry, Metrics]:
        share = carry.step / steps
        batch = method.collect(world, task, carry.params, walked, sub_key, share)
        if method.epochs == method.minibatches == 1:
            halted = jnp.bool_(False)
            carry, _, told = _descend(rule, transform, world, share, carry, halted, batch)
        else:
            shuffle = jax.random.fold_in(sub_key, _SHUFFLE_KEY)
            parts = _minibatches(shuffle, batch, method.epochs, method.minibatches)
            carry, told = _descend_all(rule, transform, world, share, carry, parts)
        return carry._replace(step=carry.step + 1), batch.metrics | told

    def update(carry: Carry) -> tuple[Carry, Metrics]:
        if rule.seeds:
            return _in_turn(learn)(*jax.vmap(walk)(carry, key))
        return learn(*walk(carry, key))

    update = jax.jit(update)  # so that it is traced once
    shapes = jax.eval_shape(update, carry)[1]
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def add(_: Array, both: tuple[Carry, Metrics]) -> tuple[Carry, Metrics]:
        carry, told = update(both[0])
        return carry, jax.tree.map(jnp.add, both[1], told)

    carry, total = jax.lax.fori_loop(0, rule.every, add, (carry, zeros))
    lost = (carry.failed < 0) & ~_finite(carry.params, carry.step.shape)
    carry = carry._replace(failed=jnp.where(lost, carry.step, carry.failed))
    # Walkers stay where they are; the rest is the same on all devices.
    whole = replicate(carry._replace(state=()))._replace(state=carry.state)
    return whole, replicate(jax.tree.map(lambda x: x / rule.every, total))


def _in_turn(learn: Callable[..., Any]) -> Callable[..., Any]:
    """Seeds one after the other: a CPU gathers and scatters batches slower than their parts."""
    if jax.default_backend() != "cpu":
        return jax.vmap(learn)
    return lambda *seeds: jax.lax.map(lambda one: learn(*one), seeds)


def _finite(params: Params, runs: tuple[int, ...]) -> Array:
    """Whether all parameters are finite, of each run."""
    leaves = [jnp.isfinite(x).reshape(*runs, -1).all(-1) for x in jax.tree.leaves(params)]
    return jnp.stack(leaves).all(0)


def _descend_all(
    rule: Rule, transform: optax.GradientTransformation, world: World, share: Array, carry: Carry,
    parts: Batch,
) -> tuple[Carry, Metrics]:  # fmt: skip
    """One step for each part, until one reports too large a KL; the last part's metrics."""

    def one(both: tuple[Carry, Array], part: Batch) -> tuple[tuple[Carry, Array], Metrics]:
        carry, halted, told = _descend(rule, transform, world, share, *both, part)
        return (carry, halted), told

    (carry, _), told = jax.lax.scan(one, (carry, jnp.bool_(False)), parts)
    taken = told.pop("taken")
    return carry, jax.tree.map(lambda x: x[-1], told) | {"taken": taken.mean()}


def _descend(
    rule: Rule,
    transform: optax.GradientTransformation,
    world: World,
    share: Array,
    carry: Carry,
    halted: Array,
    batch: Batch,
) -> tuple[Carry, Array, Metrics]:
    """One step of the optimiser, unless this update has halted."""
    (loss, told), gradient = _gradient(rule.method, world, carry.params, batch)
    change, optimizer = transform.update(gradient, carry.optimizer, carry.params)
    if rule.method.schedule is not None:
        # Of all rules the rate is the last factor.
        factor = rule.method.schedule(share)
        change = jax.tree.map(lambda x: factor.astype(x.dtype) * x, change)
    fails = (carry.failed < 0) & ~jnp.isfinite(loss)
    after = carry._replace(
        params=optax.apply_updates(carry.params, change),
        optimizer=optimizer,
        failed=jnp.where(fails, carry.step, carry.failed),
    )
    told = {"loss": loss} | told
    if rule.kl_stop == float("inf") or "kl" not in told:
        return after, halted, told | {"taken": jnp.ones(())}
    halted = halted | (told["kl"] > rule.kl_stop)
    after = jax.tree.map(lambda old, new: jnp.where(halted, old, new), carry, after)
    return after, halted, told | {"taken": 1.0 - halted}


def _gradient(
    method: Method, world: World, params: Params, batch: Batch
) -> tuple[tuple[Array, Metrics], Params]:
    """((loss, metrics), gradient), summed over microbatches."""
    compute = jax.value_and_grad(partial(method.loss, world), has_aux=True)
    n = method.microbatches
    if n == 1:
        return compute(params, batch)
    parts = jax.tree.map(lambda x: x.reshape(n, x.shape[0] // n, *x.shape[1:]), batch.samples)
    each = jax.lax.map(lambda part: compute(params, Batch(part, batch.shared, {})), parts)
    return jax.tree.map(lambda x: x.sum(0), each)


def _minibatches(key: Array, batch: Batch, epochs: int, minibatches: int) -> Batch:
    """Every pass over the samples in an order of its own: leaves [epochs·minibatches, N/…, …]."""
    size = jax.tree.leaves(batch.samples)[0].shape[0]
    parts = orders(key, epochs, size).reshape(epochs * minibatches, size // minibatches)

    def take(x: Array) -> Array:
        # Samples of one number each are gathered flat, which takes a third of the time.
        taken = x.reshape(-1)[parts] if x.size == size else x[parts]
        return taken.reshape(*parts.shape, *x.shape[1:])

    samples = split_walkers(jax.tree.map(take, batch.samples), axis=1)
    shared = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(parts), *jnp.shape(x))), batch.shared)
    return Batch(samples, shared, {})


def orders(key: Array, count: int, size: int) -> Array:
    """Random orders of 0 … size-1 [count, size].

    Sorting random numbers whose low bits are the index takes a tenth of the time of
    `jax.random.permutation`. Equal high bits leave neighbours in order, which no minibatch notices.
    """
    low = jnp.uint32((1 << (size - 1).bit_length()) - 1)
    index = jnp.arange(size, dtype=jnp.uint32)[None]
    mixed = (jax.random.bits(key, (count, size), jnp.uint32) & ~low) | index
    return (jnp.sort(mixed, axis=1) & low).astype(jnp.int32)
