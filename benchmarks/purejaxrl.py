"""PureJaxRL's CartPole PPO from a checkout, unmodified, on the libraries that are installed here.

It imports libraries that CartPole does not need (brax, navix), one for type names (chex), one for a
categorical distribution (distrax), and expects gymnax before 1.0, whose `step` returned five
values. What is missing is stood in for, in memory; nothing in the checkout is changed.
"""

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp


class _Categorical:
    """What PureJaxRL uses of distrax.Categorical."""

    def __init__(self, logits: jax.Array) -> None:
        self.log_p = jax.nn.log_softmax(logits)

    def sample(self, seed: jax.Array) -> jax.Array:
        return jax.random.categorical(seed, self.log_p)

    def log_prob(self, action: jax.Array) -> jax.Array:
        chosen = jnp.take_along_axis(self.log_p, action[..., None].astype(int), axis=-1)
        return chosen[..., 0]

    def entropy(self) -> jax.Array:
        return -jnp.sum(jnp.exp(self.log_p) * self.log_p, axis=-1)


class _FiveValues:
    """An environment of gymnax ≥ 1.0 whose `step` returns what older ones did."""

    def __init__(self, env: Any) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple[Any, ...]:
        """One step: observation, state, reward, done, info."""
        observation, state, reward, terminated, truncated, info = self._env.step(
            key, state, action, params
        )
        return observation, state, reward, terminated | truncated, info


def steps_per_second(checkout: Path, walkers: int, horizon: int, updates: int) -> float:
    """Environment steps a second of a whole training run, after one that compiles.

    Raises:
        ImportError: the checkout is not PureJaxRL, or a library that it needs is missing.
    """
    import gymnax

    make = gymnax.make

    def make_old(name: str) -> tuple[Any, Any]:
        env, params = make(name)
        return _FiveValues(env), params

    for name, contents in (
        ("distrax", {"Categorical": _Categorical}),
        ("chex", {"Array": jax.Array, "PRNGKey": jax.Array}),
        ("brax", {}), ("brax.envs", {}), ("brax.envs.wrappers", {}), ("navix", {}),
        ("brax.envs.wrappers.training", {"EpisodeWrapper": None, "AutoResetWrapper": None}),
    ):  # fmt: skip
        _stand_in(name, contents)
    sys.path.insert(0, str(checkout / "purejaxrl"))
    gymnax.make = make_old
    try:
        config = {
            "LR": 2.5e-4, "NUM_ENVS": walkers, "NUM_STEPS": horizon,
            "TOTAL_TIMESTEPS": walkers * horizon * updates, "UPDATE_EPOCHS": 4,
            "NUM_MINIBATCHES": 4, "GAMMA": 0.99, "GAE_LAMBDA": 0.95, "CLIP_EPS": 0.2,
            "ENT_COEF": 0.01, "VF_COEF": 0.5, "MAX_GRAD_NORM": 0.5, "ACTIVATION": "tanh",
            "ENV_NAME": "CartPole-v1", "ANNEAL_LR": True, "DEBUG": False,
        }  # fmt: skip
        run = jax.jit(importlib.import_module("ppo").make_train(config))
        jax.block_until_ready(run(jax.random.PRNGKey(0)))
        begin = time.perf_counter()
        jax.block_until_ready(run(jax.random.PRNGKey(1)))
        return walkers * horizon * updates / (time.perf_counter() - begin)
    finally:
        gymnax.make = make
        sys.path.pop(0)


def _stand_in(name: str, contents: dict[str, Any]) -> None:
    """Provide a module where it is not installed."""
    try:
        importlib.import_module(name)
    except ImportError:
        module = ModuleType(name)
        vars(module).update(contents)
        module.__path__ = []
        sys.modules[name] = module
        if "." in name:
            parent, child = name.rsplit(".", 1)
            setattr(sys.modules[parent], child, module)
