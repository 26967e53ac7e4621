"""Any method, training an adapter in the place of all parameters, or some of them alone.

    world  = the method's own, and the base beside it: traced, so that bases share a compilation
    params = the adapter alone, which is all that the optimiser and checkpoints see
    the method itself is given merge(base, adapter)

Nothing of the base has a gradient: it is no parameter. Methods keep their tasks as they are; a
GRPO's reference, say, is plain parameters. With `holding` the parameters are the method's own, of
which some are held where they are, as the gradients on them are exactly 0.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mazerl.maze import Array
from mazerl.policy.low_rank import merge
from mazerl.training.method import Batch, Method, Metrics, Monitor, Params, State, Task


class Based(NamedTuple):
    """A world, and the base that is adapted in it."""

    world: Any
    base: Params
    # [X·R] where entries of logits [X, R] lie in a method's flat parameters; None: as they are
    order: Array | None = None

    def whole(self, adapter: Params) -> Params:
        """The method's own parameters."""
        params = merge(self.base, adapter)
        return params if self.order is None else params.reshape(-1)[jnp.asarray(self.order)]


def adapted(method: Method, base: Params, order: Array | None = None) -> Method:
    """A method whose parameters are an adapter of `policy.low_rank`.

    Args:
        method: any, with its world.
        base: plain parameters as `merge` takes them: a transformer's, or logits [X, R].
        order: for methods whose parameters are flat: which of X·R logits come one after the other.
    """
    inner = _adapted(replace(method, world=None))
    return replace(inner, world=Based(method.world, base, order))


class Held(NamedTuple):
    """A world, and which parameters are trained in it."""

    world: Any
    trained: Any  # bool, in the place of each parameter

    def whole(self, params: Params) -> Params:
        """The same parameters, of which those that are held have no gradient."""
        return jax.tree.map(
            lambda x, on: jnp.where(on, x, jax.lax.stop_gradient(x)), params, self.trained
        )


def holding(method: Method, trained: Any) -> Method:
    """A method that trains some of its parameters, and holds the others where they are.

    With rules that move what has no gradient, such as weight decay, they are not held.

    Args:
        method: any, with its world.
        trained: bool arrays in the place of the parameters, of the same shapes.
    """
    return replace(_adapted(replace(method, world=None)), world=Held(method.world, trained))


@lru_cache
def _adapted(method: Method) -> Method:
    def collect(
        world: Based | Held, task: Task, params: Params, walked: Any, key: Array, share: Array
    ) -> Batch:
        return method.collect(world.world, task, world.whole(params), walked, key, share)

    def loss(world: Based | Held, params: Params, batch: Batch) -> tuple[Array, Metrics]:
        return method.loss(world.world, world.whole(params), batch)

    def begin(world: Based | Held, task: Task, key: Array) -> State:
        return method.begin(world.world, task, key)

    def walk(
        world: Based | Held, task: Task, params: Params, state: State, key: Array
    ) -> tuple[Any, State]:
        return method.walk(world.world, task, world.whole(params), state, key)

    def monitor(world: Based | Held) -> Monitor:
        own = method.monitor(world.world)
        return own._replace(clock=lambda params: own.clock(world.whole(params)))

    return replace(method, collect=collect, loss=loss, begin=begin, walk=walk, monitor=monitor)
