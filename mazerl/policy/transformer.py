"""A decoder-only transformer; the only file that knows flax.nnx.

Here a token is the arc just traversed (arc A where a walk begins), a prediction is the next port;
`turns` gives the same network tokens that are relative. Every layer attends to the last `context`
tokens of the same walk. With context 1 nothing but the arrival arc is read: the paper's
edge-state policy, whose rows are extracted and solved exactly.

The one-step form keeps keys and values in a ring of `context` slots. The whole-sequence form masks
instead. Positions are rotary (Su et al. 2021), so only distances count and the two forms agree
although one counts from the walk's beginning and the other from the sequence's.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array, Maze, World
from mazerl.policy.contract import Policy, Walker

_ROTARY_BASE = 10_000.0


@dataclass(frozen=True)
class Decoder:
    """What shapes a transformer policy, apart from the maze."""

    layers: int = 1
    channels: int = 64
    heads: int = 2
    context: int = 1  # arcs that each layer attends to; the time limit for the whole walk
    dtype: Literal["float32", "bfloat16"] = "float32"  # of activations; parameters are float32
    legality: Literal["masked", "learned"] = "masked"  # whether imitation is told which ports exist


def check_decoder(config: Decoder) -> None:
    """Raise a `MazerlError` for sizes that no transformer can have."""
    for name in ("layers", "channels", "heads", "context"):
        require_whole(name, getattr(config, name))
    if config.channels % (2 * config.heads):
        raise MazerlError(
            f"{config.channels} channels do not divide into {config.heads} heads of even width; "
            f"give a multiple of {2 * config.heads}"
        )
    for name, known in (("dtype", ("float32", "bfloat16")), ("legality", ("masked", "learned"))):
        if getattr(config, name) not in known:
            raise MazerlError(f"{name} is {getattr(config, name)!r}; give {' or '.join(known)}")


class _Block(nnx.Module):
    """Pre-norm attention and a two-layer perceptron; what attends to what is the caller's."""

    def __init__(self, config: Decoder, rngs: nnx.Rngs) -> None:
        channels, dtype = config.channels, jnp.dtype(config.dtype)
        self.heads = config.heads
        self.before_attention = nnx.RMSNorm(channels, dtype=dtype, rngs=rngs)
        self.before_mlp = nnx.RMSNorm(channels, dtype=dtype, rngs=rngs)
        self.qkv = nnx.Linear(channels, 3 * channels, use_bias=False, dtype=dtype, rngs=rngs)
        self.out = nnx.Linear(channels, channels, use_bias=False, dtype=dtype, rngs=rngs)
        self.up = nnx.Linear(channels, 4 * channels, dtype=dtype, rngs=rngs)
        self.down = nnx.Linear(4 * channels, channels, dtype=dtype, rngs=rngs)

    def project(self, x: Array, position: Array) -> tuple[Array, Array, Array]:
        """x [T, C], position [T] → query, key and value [H, T, C/H]."""
        mixed = self.qkv(self.before_attention(x)).reshape(len(x), 3, self.heads, -1)
        q, k, v = jnp.moveaxis(mixed, (1, 2), (0, 1))
        return _rotate(q, position), _rotate(k, position), v

    def finish(self, x: Array, attended: Array) -> Array:
        """x [T, C] and what its heads attended to [H, T, C/H] → the block's output [T, C]."""
        x = x + self.out(jnp.swapaxes(attended, 0, 1).reshape(x.shape))
        return x + self.down(nnx.gelu(self.up(self.before_mlp(x))))


class Network(nnx.Module):
    """Tokens in, port logits out."""

    def __init__(self, config: Decoder, num_tokens: int, num_ports: int, rngs: nnx.Rngs) -> None:
        channels, dtype = config.channels, jnp.dtype(config.dtype)
        self.embedding = nnx.Embed(num_tokens, channels, dtype=dtype, rngs=rngs)
        self.blocks = nnx.List([_Block(config, rngs) for _ in range(config.layers)])
        self.norm = nnx.RMSNorm(channels, dtype=dtype, rngs=rngs)
        self.port = nnx.Linear(channels, num_ports, rngs=rngs)

    def head(self, x: Array) -> Array:
        """x [..., C] → logits [..., D] in float32."""
        logits: Array = self.port(self.norm(x).astype(jnp.float32))
        return logits


class Cache(NamedTuple):
    """What one walker remembers; an array a layer, so that each is written in place."""

    keys: tuple[Array, ...]  # [H, context, C/H] each
    values: tuple[Array, ...]  # [H, context, C/H] each
    age: Array  # [] tokens of this walk so far


def _rotate(x: Array, position: Array) -> Array:
    """Turn pairs of channels of x [H, T, E] by angles in proportion to position [T]."""
    half = x.shape[-1] // 2
    frequency = _ROTARY_BASE ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angle = (position[:, None].astype(jnp.float32) * frequency[None, :])[None]
    cos, sin = jnp.cos(angle).astype(x.dtype), jnp.sin(angle).astype(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def _attend(query: Array, keys: Array, values: Array, allowed: Array) -> Array:
    """Scaled dot-product attention: query [H, Q, E], keys and values [H, K, E], allowed [Q, K]."""
    score = jnp.einsum("hqe,hke->hqk", query, keys) / jnp.sqrt(query.shape[-1]).astype(query.dtype)
    weight = jax.nn.softmax(jnp.where(allowed[None], score.astype(jnp.float32), -jnp.inf))
    return jnp.einsum("hqk,hke->hqe", weight.astype(values.dtype), values)


def score_sequence(network: Network, context: int, x: Array, begins: Array) -> Array:
    """Logits [T, D] of embedded tokens x [T, C]; a walk begins where `begins` [T] says so."""
    walk = jnp.cumsum(begins)
    t = jnp.arange(x.shape[0])
    back = t[:, None] - t[None, :]
    allowed = (back >= 0) & (back < context) & (walk[:, None] == walk[None, :])
    for block in network.blocks:
        query, key, value = block.project(x, t)
        x = block.finish(x, _attend(query, key, value, allowed))
    return network.head(x)


def score_alone(network: Network, x: Array) -> Array:
    """Logits [N, D] of embedded tokens x [N, C] on their own.

    With context 1 attention returns its one value.
    """
    for block in network.blocks:
        _, _, value = block.project(x, jnp.zeros(len(x), jnp.int32))
        x = block.finish(x, value)
    return network.head(x)


def empty_cache(config: Decoder) -> Cache:
    """What a walker remembers at the beginning."""
    shape = (config.heads, config.context, config.channels // config.heads)
    empty = (jnp.zeros(shape, jnp.dtype(config.dtype)),) * config.layers
    return Cache(empty, empty, jnp.int32(0))


def score_next(
    network: Network, context: int, cache: Cache, x: Array, begins: Array
) -> tuple[Array, Cache]:
    """One walker's next logits [D], after an embedded token x [C]."""
    age = jnp.where(begins, 0, cache.age)
    # Once the ring is full every slot is of the last `context` tokens.
    allowed = (jnp.arange(context) <= age)[None]
    keys, values = [], []
    x = x[None]
    for block, old_keys, old_values in zip(network.blocks, cache.keys, cache.values, strict=True):
        query, key, value = block.project(x, age[None])
        keys.append(old_keys.at[:, age % context].set(key[:, 0]))
        values.append(old_values.at[:, age % context].set(value[:, 0]))
        x = block.finish(x, _attend(query, keys[-1], values[-1], allowed))
    return network.head(x[0]), Cache(tuple(keys), tuple(values), age + 1)


@lru_cache(maxsize=64)
def _blueprint(config: Decoder, num_tokens: int, num_ports: int) -> nnx.GraphDef[Network]:
    """The network without its parameters."""

    def build() -> Network:
        return Network(config, num_tokens, num_ports, nnx.Rngs(0))

    return nnx.split(nnx.eval_shape(build))[0]


def make_network(config: Decoder, num_tokens: int, num_ports: int, params: Any) -> Network:
    """The network with parameters that `init_network` returned."""
    return nnx.merge(_blueprint(config, num_tokens, num_ports), nnx.State(params))


@partial(jax.jit, static_argnums=(0, 1, 2))
def init_network(config: Decoder, num_tokens: int, num_ports: int, key: Array) -> dict[str, Any]:
    """Random parameters, as nested dicts of float32 arrays."""
    network = Network(config, num_tokens, num_ports, nnx.Rngs(params=key))
    return nnx.to_pure_dict(nnx.split(network)[1])


@lru_cache(maxsize=64)
def transformer(config: Decoder) -> Policy:
    """The policy of this shape; its parameters are what `init_transformer` returns.

    Raises:
        MazerlError: a size that no transformer can have.
    """
    check_decoder(config)
    context = config.context

    def network(maze: World, params: Any) -> Network:
        return make_network(config, maze.num_arrivals, maze.num_ports, params)

    def rows(maze: World, params: Any) -> Array:
        model = network(maze, params)
        return score_alone(model, model.embedding(jnp.arange(maze.num_arrivals)))

    def bind(maze: World, params: Any) -> Walker:
        if context == 1:
            logits = rows(maze, params)
            return Walker((), lambda memory, arc: (logits[arc], memory))
        model = network(maze, params)

        def step(memory: Cache, arc: Array) -> tuple[Array, Cache]:
            x = model.embedding(arc)
            return score_next(model, context, memory, x, arc >= maze.num_arcs)

        return Walker(empty_cache(config), step)

    def score(maze: World, params: Any, arcs: Array) -> Array:
        if context == 1:
            return rows(maze, params)[arcs]
        model = network(maze, params)
        alike = partial(score_sequence, model, context)
        return jax.vmap(alike)(model.embedding(arcs), arcs >= maze.num_arcs)

    return Policy(bind, context, score, config.legality == "learned")


def init_transformer(config: Decoder, maze: Maze, key: Array) -> dict[str, Any]:
    """Random parameters for a maze, as nested dicts of float32 arrays."""
    check_decoder(config)
    return init_network(config, maze.num_arrivals, maze.num_ports, key)
