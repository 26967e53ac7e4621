"""Fitting a small network to logged choices: logistic regression with one hidden layer.

features z-scored; Adam on the mean cross-entropy of all rows at once; the scales folded in
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array
from mazerl.walk.learned import Net, logit


def fit(
    features: np.ndarray, paid: np.ndarray, key: Array, hidden: int = 16, steps: int = 400,
    rate: float = 0.02,
) -> Net:  # fmt: skip
    """A network of the chance that a choice pays.

    Args:
        features: [B, F] of each logged choice.
        paid: [B] whether it did, or how likely it was to.
        key: for the first weights.
        hidden: units.
        steps: of Adam.
        rate: its learning rate.

    Raises:
        MazerlError: no rows, features that are not finite, or not one outcome for each row.
    """
    require_whole("hidden units", hidden)
    require_whole("steps", steps)
    features, paid = np.asarray(features, np.float32), np.asarray(paid, np.float32)
    if features.ndim != 2 or len(features) == 0 or features.shape[0] != paid.size:
        raise MazerlError(
            f"features of shape {features.shape} for {paid.size} outcomes; log a row for each"
        )
    if not np.isfinite(features).all():
        raise MazerlError("a logged feature is not finite; leave that row out")
    mean, scale = features.mean(0), features.std(0) + 1e-6
    net = _fit((features - mean) / scale, paid.reshape(-1), key, hidden, steps, rate)
    first = net.first / scale[:, None]
    return jax.tree.map(np.asarray, Net(first, net.bias - mean @ first, net.last, net.level))


@partial(jax.jit, static_argnums=(3, 4))
def _fit(features: Array, paid: Array, key: Array, hidden: int, steps: int, rate: Array) -> Net:
    one, other = jax.random.split(key)
    wide = features.shape[1]
    net = Net(
        jax.random.normal(one, (wide, hidden)) / wide**0.5, jnp.zeros(hidden),
        jax.random.normal(other, (hidden,)) / hidden**0.5, jnp.zeros(()),
    )  # fmt: skip
    adam = optax.adam(rate)

    def loss(net: Net) -> Array:
        return optax.sigmoid_binary_cross_entropy(logit(net, features), paid).mean()

    def step(carry: tuple[Net, optax.OptState], _: None
             ) -> tuple[tuple[Net, optax.OptState], None]:  # fmt: skip
        net, state = carry
        change, state = adam.update(jax.grad(loss)(net), state)
        return (optax.apply_updates(net, change), state), None

    return jax.lax.scan(step, (net, adam.init(net)), None, steps)[0][0]
