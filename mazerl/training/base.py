"""The base model: a policy pretrained on uniform random walks until it walks like one.

A tabular policy needs no training, its zeros are the uniform walk. A transformer is trained until
its mean KL from the uniform policy is below `MAX_DIVERGENCE`. Base models are stored once for each
configuration, so that SFT and RL start from the same bits.
"""

import dataclasses
import hashlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError
from mazerl.maze import Array, Maze, World
from mazerl.policy.contract import Policy, require_trainable
from mazerl.policy.sampling import seeded_key
from mazerl.policy.scoring import is_decided, port_log_probabilities
from mazerl.policy.tabular import UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.policy.turns import init_turning, turning
from mazerl.store.locks import LOCKS, waiting_for
from mazerl.store.records import is_done, read_record, record_folder, write_record
from mazerl.training.loop import train
from mazerl.training.method import Training
from mazerl.training.sft import pretraining
from mazerl.walk.rollouts import rollout

MAX_DIVERGENCE = 0.01
"""Nats a step of the policy's own, KL(policy ‖ uniform), on uniform random walks."""

STORE = "base"
"""The folder of the run store that holds base models."""

_WALKS = 32  # a batch, and the walks that the divergence is measured on
# Named sub-key beside those of the updates, which count up from 0: walks never trained on.
_TEST_KEY = 0xFFFFFFFC


def pretrain(maze: World, policy: Policy, params: Any, key: Array, length: int = 256) -> Any:
    """Parameters that walk like the uniform policy, from random ones.

    Raises:
        MazerlError: the divergence is still too large after 4000 updates.
    """
    method = pretraining(maze, policy, length, _WALKS)
    training = Training(200, "adam", 1e-3, record_every=200, max_norm=1.0)
    for chunk in range(20):
        params = train(method, (), params, training, jax.random.fold_in(key, chunk)).params
        test_key = jax.random.fold_in(jax.random.fold_in(key, chunk), _TEST_KEY)
        if divergence_from_uniform(maze, policy, params, test_key, length) < MAX_DIVERGENCE:
            return params
    raise MazerlError(
        f"the base model is not within {MAX_DIVERGENCE} nats of uniform after 4000 updates; "
        "give it more channels"
    )


def divergence_from_uniform(
    maze: World, policy: Policy, params: Any, key: Array, length: int = 256
) -> float:
    """Mean KL(policy ‖ uniform), nats a step of the policy's own, on uniform random walks."""
    return float(_divergence(policy, maze, params, key, length))


@partial(jax.jit, static_argnums=(0, 4))
def _divergence(policy: Policy, maze: World, params: Any, key: Array, length: int) -> Array:
    score = require_trainable(policy)
    walks = rollout(UNIFORM, (), maze, key, _WALKS, length)
    arc = walks.arc[:, :-1]
    log_p = port_log_probabilities(maze, score(maze, params, arc), arc)
    finite = jnp.where(jnp.isfinite(log_p), log_p, 0.0)
    ports = jnp.sum(jnp.isfinite(log_p), -1)
    divergence = jnp.log(ports) + jnp.sum(jnp.exp(log_p) * finite, -1)
    real = jnp.arange(length)[None, :] < walks.length[:, None]
    own = real & is_decided(maze, arc)
    return jnp.sum(jnp.where(own, divergence, 0.0)) / jnp.maximum(jnp.sum(own), 1)


def base_model(
    root: Path,
    maze: Maze,
    description: dict[str, Any],
    decoder: Decoder,
    seed: int,
    write: Callable[[Path, str, Any, dict[str, np.ndarray], float], object] = write_record,
    max_degree: int | None = None,
) -> Any:
    """The stored base model of a maze, a shape and a seed; pretrained and stored if there is none.

    Args:
        root: the run store.
        maze: what the model walks on.
        description: what makes the maze: topology and parameters.
        decoder: the transformer's shape.
        seed: of the random parameters and the pretraining.
        write: stores a new one; given root, experiment, config, arrays and seconds.
        max_degree: of a policy over turns; None: one over arcs.
    """
    config: dict[str, Any] = {
        "maze": description,
        "decoder": dataclasses.asdict(decoder),
        "seed": seed,
        "divergence": MAX_DIVERGENCE,
    }
    if max_degree is not None:
        config["max_degree"] = max_degree

    def make(begin: Array, key: Array) -> Any:
        if max_degree is None:
            policy, start = transformer(decoder), init_transformer(decoder, maze, begin)
        else:
            policy = turning(decoder, max_degree)
            start = init_turning(decoder, begin, max_degree)
        return pretrain(maze, policy, start, key)

    return stored_base(root, config, make, write)


def stored_base(
    root: Path,
    config: dict[str, Any],
    make: Callable[[Array, Array], Any],
    write: Callable[[Path, str, Any, dict[str, np.ndarray], float], object] = write_record,
) -> Any:
    """The base model of a configuration, made once: by one of all processes that ask for it.

    Args:
        root: the run store.
        config: all that makes it, its seed among it.
        make: parameters, from two random keys.
        write: as for `base_model`.
    """

    def stored() -> dict[str, np.ndarray] | None:
        done = is_done(root, STORE, config)
        return read_record(root, STORE, config).arrays if done else None

    found = stored()
    if found is None:
        name = record_folder(root, STORE, config).name
        with waiting_for(root / LOCKS / f"{STORE}-{name}.lock"):
            found = stored()  # since we waited
            if found is None:
                began, key = time.perf_counter(), seeded_key(config["seed"])
                begin, again = (jax.random.fold_in(key, n) for n in range(2))
                found = flatten(make(begin, again))
                write(root, STORE, config, found, time.perf_counter() - began)
    # Models that 0.2 stored have a value head, which nothing reads.
    return {name: part for name, part in unflatten(found).items() if name != "value"}


def flatten(params: Any) -> dict[str, np.ndarray]:
    """Nested dicts of arrays as one dict, keys joined by slashes."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {"/".join(str(part.key) for part in path): np.asarray(x) for path, x in leaves}


def unflatten(arrays: dict[str, np.ndarray]) -> dict[Any, Any]:
    """What `flatten` flattened; keys of digits become numbers."""
    params: dict[Any, Any] = {}
    for name, array in arrays.items():
        *folders, leaf = (int(part) if part.isdigit() else part for part in name.split("/"))
        inside = params
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[leaf] = array
    return params


def digest(params: Any) -> str:
    """sha256 of parameters, the same exactly if every bit is."""
    hashed = hashlib.sha256()
    for name, array in sorted(flatten(params).items()):
        hashed.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return hashed.hexdigest()
