"""Adapters of low rank: what is learned is added to a base model that stays as it is.

    attention   W + left @ right, for chosen projections W [C, C] of every block (LoRA)
    free rows   logits [X, R] + left @ right: X goals share r ways to change all rows

An adapter is a pytree of `Factors` beside its base, and `merge` makes plain parameters of the two,
so that whatever walks, scores, solves or draws a policy takes it as it is. `training.adapted` lets
any method train the adapter alone. With `right` zero it begins at the base's own values, and with
r = C or X nothing is out of its reach that a change of those weights can do. Hu et al. 2021 (arXiv
2106.09685), without their factor α/r, which a rate makes up for.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from mazerl.errors import MazerlError, require_whole
from mazerl.maze import Array

Projection = Literal["query", "key", "value", "out"]
PROJECTIONS: tuple[Projection, ...] = get_args(Projection)


@dataclass(frozen=True)
class LowRank:
    """What an adapter of a transformer is."""

    rank: int
    projections: tuple[Projection, ...] = PROJECTIONS  # of each block's attention


class Factors(NamedTuple):
    """What is added to a matrix [N, M]: `left @ right`."""

    left: Array  # [N, r]
    right: Array  # [r, M]


def require_rank(rank: int, most: int, of: str) -> int:
    """The rank, or a `MazerlError` if it is not from 1 to `most`, which `of` names."""
    require_whole("the rank", rank)
    if rank > most:
        raise MazerlError(f"the rank is {rank}, above {of}, {most}; give at most that")
    return rank


def check_low_rank(spec: LowRank, width: int) -> None:
    """Raise a `MazerlError` for what no adapter of attention of a width can be."""
    require_rank(spec.rank, width, "the width of the layer")
    unknown = [name for name in spec.projections if name not in PROJECTIONS]
    if unknown or not spec.projections:
        told = repr(unknown[0]) if unknown else "none"
        raise MazerlError(f"projections: {told}; give some of {', '.join(PROJECTIONS)}")


def init_attention(spec: LowRank, base: Any, key: Array) -> dict[int, dict[str, Factors]]:
    """An adapter of a transformer's parameters, of block and projection: at first it adds 0.

    Raises:
        MazerlError: a rank below 1 or above the layer's width, a projection that there is not.
    """
    check_low_rank(spec, next(iter(base["blocks"].values()))["out"]["kernel"].shape[0])
    adapter: dict[int, dict[str, Factors]] = {}
    for n, block in base["blocks"].items():
        kernels = _kernels(block)
        adapter[n] = {}
        for name in spec.projections:
            own = jax.random.fold_in(jax.random.fold_in(key, n), PROJECTIONS.index(name))
            width = kernels[name].shape[0]
            adapter[n][name] = _fresh(kernels[name].shape, spec.rank, width**-0.5, own)
    return adapter


def init_rows(rank: int, base: Array, key: Array) -> Factors:
    """An adapter of free rows' logits [X, R]: at first it adds 0.

    Raises:
        MazerlError: logits of one goal alone, or a rank below 1 or above the number of goals.
    """
    shape = np.shape(base)
    if len(shape) != 2 or shape[0] < 2:
        raise MazerlError(
            f"logits have shape {shape}: only rows that see several goals share anything by a low "
            "rank; give [goals, entries]"
        )
    require_rank(rank, min(shape), "the number of goals or of entries")
    return _fresh(shape, rank, rank**-0.5, key)


def merge(base: Any, adapter: Any) -> Any:
    """Plain parameters: the base's with what the adapter adds."""
    if isinstance(adapter, Factors):
        return _add(base, adapter)
    blocks = {n: _merge_block(block, adapter[n]) for n, block in base["blocks"].items()}
    return {**base, "blocks": blocks}


def nearest(change: np.ndarray, rank: int) -> Factors:
    """The factors whose product is nearest to a change [N, M] by least squares (Eckart, Young)."""
    require_rank(rank, min(change.shape), "the smaller side of the matrix")
    left, size, right = np.linalg.svd(np.asarray(change, np.float64), full_matrices=False)
    return Factors(left[:, :rank] * size[:rank], right[:rank])


def _fresh(shape: tuple[int, ...], rank: int, spread: float, key: Array) -> Factors:
    left = spread * jax.random.normal(key, (shape[0], rank))
    return Factors(left, jnp.zeros((rank, shape[1]), left.dtype))


def _add(kernel: Array, own: Factors) -> Array:
    return jnp.asarray(kernel) + own.left @ own.right


def _kernels(block: Any) -> dict[str, Array]:
    """The projections [C, C] of a block, of which the first three lie in one kernel."""
    query, key, value = jnp.split(jnp.asarray(block["qkv"]["kernel"]), 3, axis=1)
    return {"query": query, "key": key, "value": value, "out": block["out"]["kernel"]}


def _merge_block(block: Any, own: dict[str, Factors]) -> Any:
    merged = {
        name: _add(kernel, own[name]) if name in own else kernel
        for name, kernel in _kernels(block).items()
    }
    qkv = jnp.concatenate([merged[name] for name in PROJECTIONS[:3]], axis=1)
    return {**block, "qkv": {"kernel": qkv}, "out": {"kernel": merged["out"]}}
