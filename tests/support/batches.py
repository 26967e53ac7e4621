"""One batch of a method, outside a run."""

from typing import Any

import jax
import jax.numpy as jnp

from mazerl.training import Batch, Method


def one_batch(
    method: Method, task: Any, params: Any, key: jax.Array, share: float = 0.0, state: Any = ()
) -> Batch:
    """What an update would learn from."""
    walked, _ = method.walk(method.world, task, params, state, key)
    return method.collect(method.world, task, params, walked, key, jnp.float32(share))
