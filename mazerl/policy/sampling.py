"""Ports drawn from random bits, the same bits giving the same ports on any device."""

import jax
import jax.numpy as jnp

from mazerl.errors import require_seed
from mazerl.maze import Array
from mazerl.store.records import GENERATOR


def seeded_key(seed: int) -> Array:
    """The random key of a seed, of the one generator whose bits are the same on every device.

    Raises:
        MazerlError: the seed is no whole number from 0 to 2³² - 1.
    """
    return jax.random.key(require_seed("the seed", seed), impl=GENERATOR)


def multiply_high(bits: Array, factor: Array) -> Array:
    """The high 32 bits of a 64-bit product of uint32: an unbiased port without 64-bit integers."""
    half = jnp.uint32(0xFFFF)
    low, high = bits & half, bits >> 16
    factor = factor.astype(jnp.uint32)
    factor_low, factor_high = factor & half, factor >> 16
    middle = high * factor_low + (low * factor_low >> 16)
    carry = low * factor_high + (middle & half)
    return (high * factor_high + (middle >> 16) + (carry >> 16)).astype(jnp.int32)


def unit_interval(bits: Array) -> Array:
    """Random bits uint32 → float32 uniform on {0, 2⁻²⁴, …, 1 - 2⁻²⁴}."""
    return (bits >> 8).astype(jnp.float32) * jnp.float32(2**-24)


def draw_port(logits: Array, degree: Array, bits: Array) -> Array:
    """Draw a port from softmax(logits [D]) over the first `degree` ports by inversion."""
    legal = jnp.arange(logits.shape[-1]) < degree
    weight = jnp.where(legal, jnp.exp(logits - jnp.max(logits, where=legal, initial=-jnp.inf)), 0)
    cumulative = jnp.cumsum(weight.astype(jnp.float32))
    threshold = unit_interval(bits) * cumulative[-1]
    # A zero-weight port is never drawn: its cumulative equals its predecessor's.
    port = jnp.sum(cumulative <= threshold).astype(jnp.int32)
    return jnp.minimum(port, degree - 1)
