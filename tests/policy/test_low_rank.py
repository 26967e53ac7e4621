"""Adapters: what they can be, what they are at first, and what merging makes of them."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError
from mazerl.policy.low_rank import (
    PROJECTIONS,
    Factors,
    LowRank,
    Projection,
    init_attention,
    init_rows,
    merge,
    nearest,
)
from mazerl.policy.transformer import Decoder, init_transformer, transformer

NET = Decoder(layers=2, channels=16, heads=2, context=6)
ARCS = np.arange(12).reshape(2, 6)


def base_of(maze: Maze) -> dict[str, Any]:
    return init_transformer(NET, maze, jax.random.key(0))


def scored(maze: Maze, params: Any) -> np.ndarray:
    score = transformer(NET).score
    assert score is not None
    return np.asarray(score(maze, params, jnp.asarray(ARCS)))


def drawn(adapter: Any, seed: int) -> Any:
    """The same adapter with other numbers everywhere."""
    draw = np.random.default_rng(seed)
    return jax.tree.map(lambda x: draw.normal(size=x.shape).astype(np.float32), adapter)


def test_a_fresh_adapter_has_the_bits_of_its_base(small: Maze) -> None:
    base = base_of(small)
    merged = merge(base, init_attention(LowRank(3), base, jax.random.key(1)))
    assert jax.tree.map(np.shape, merged) == jax.tree.map(np.shape, base)
    for ours, theirs in zip(jax.tree.leaves(merged), jax.tree.leaves(base), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(scored(small, merged), scored(small, base))
    rows = np.random.default_rng(0).normal(size=(3, 7))
    fresh = init_rows(2, rows, jax.random.key(0))
    assert np.abs(fresh.left).min() > 0  # or nothing could be learned
    np.testing.assert_array_equal(merge(rows, fresh), rows.astype(np.float32))


@pytest.mark.parametrize("name", PROJECTIONS)
def test_merging_changes_the_chosen_projection_alone_by_the_product(small: Maze, name: Any) -> None:
    base = base_of(small)
    adapter = drawn(init_attention(LowRank(2, (name,)), base, jax.random.key(1)), 0)
    merged = merge(base, adapter)
    for n in range(NET.layers):
        left, right = adapter[n][name]
        assert left.shape == (16, 2)
        change = np.asarray(left, np.float64) @ right
        for kernel, wide in (("qkv", 48), ("out", 16)):
            expected = np.zeros((16, wide))
            if kernel == ("out" if name == "out" else "qkv"):
                at = 0 if name == "out" else 16 * PROJECTIONS.index(name)
                expected[:, at : at + 16] = change
            told = merged["blocks"][n][kernel]["kernel"] - base["blocks"][n][kernel]["kernel"]
            np.testing.assert_allclose(told, expected, atol=1e-5)
    same = jax.tree.map(lambda a, b: bool((np.asarray(a) == b).all()), merged, base)
    changed = NET.layers
    assert sum(not each for each in jax.tree.leaves(same)) == changed


def test_query_key_and_value_are_those_that_attention_reads(small: Maze) -> None:
    """Of one token alone attention is its value: query and key change nothing there."""
    net = replace(NET, context=1)
    score = transformer(net).score
    assert score is not None
    base = base_of(small)
    before = np.asarray(score(small, base, jnp.asarray(ARCS)))
    chosen: tuple[tuple[tuple[Projection, ...], bool], ...] = (
        (("query", "key"), False), (("value",), True), (("out",), True),
    )  # fmt: skip
    for names, moves in chosen:
        adapter = drawn(init_attention(LowRank(2, names), base, jax.random.key(1)), 0)
        after = np.asarray(score(small, merge(base, adapter), jnp.asarray(ARCS)))
        assert bool((np.abs(after - before) > 1e-3).any()) == moves, names
        assert np.abs(scored(small, merge(base, adapter)) - scored(small, base)).max() > 1e-3


def test_rank_of_full_width_reaches_any_kernels_and_a_lower_one_does_not(small: Maze) -> None:
    base, other = base_of(small), init_transformer(NET, small, jax.random.key(7))
    wanted = {**base, "blocks": {
        n: {**block, **{k: other["blocks"][n][k] for k in ("qkv", "out")}}
        for n, block in base["blocks"].items()
    }}  # fmt: skip

    def fitted(rank: int) -> Any:
        adapter = init_attention(LowRank(rank), base, jax.random.key(1))
        for n, own in adapter.items():
            for name in own:
                at = PROJECTIONS.index(name)
                kernel, part = ("out", slice(None)) if at == 3 else (
                    "qkv", slice(16 * at, 16 * (at + 1)),
                )  # fmt: skip
                change = (
                    wanted["blocks"][n][kernel]["kernel"] - base["blocks"][n][kernel]["kernel"]
                )[:, part]
                own[name] = nearest(np.asarray(change), rank)
        return scored(small, merge(base, adapter))

    np.testing.assert_allclose(fitted(16), scored(small, wanted), atol=1e-4)
    assert np.abs(fitted(8) - scored(small, wanted)).max() > 0.01


def test_the_nearest_factors_are_the_largest_singular_parts() -> None:
    change = np.random.default_rng(0).normal(size=(5, 9))
    size = np.linalg.svd(change, compute_uv=False)
    for rank in range(1, 6):
        left, right = nearest(change, rank)
        assert left.shape == (5, rank)
        assert right.shape == (rank, 9)
        off = np.linalg.norm(change - left @ right)
        assert off == pytest.approx(np.sqrt((size[rank:] ** 2).sum()), abs=1e-12)


def test_blocks_and_projections_begin_apart(small: Maze) -> None:
    adapter = init_attention(LowRank(2), base_of(small), jax.random.key(1))
    lefts = [np.asarray(own.left).tobytes() for block in adapter.values() for own in block.values()]
    assert len(set(lefts)) == len(lefts) == NET.layers * len(PROJECTIONS)


@pytest.mark.parametrize(("rank", "says"), [
    (0, "the rank is 0"), (-1, "the rank is -1"), (2.5, "the rank is 2.5"),
    (17, "the rank is 17, above the width of the layer, 16"),
])  # fmt: skip
def test_ranks_out_of_range_are_refused(small: Maze, rank: Any, says: str) -> None:
    with pytest.raises(MazerlError, match=says):
        init_attention(LowRank(rank), base_of(small), jax.random.key(0))
    with pytest.raises(MazerlError, match=says.split(", above")[0]):
        init_rows(rank, np.zeros((16, 40)), jax.random.key(0))


def test_bad_projections_and_rows_of_one_goal_are_refused(small: Maze) -> None:
    base = base_of(small)
    with pytest.raises(MazerlError, match="projections: 'up'; give some of query"):
        init_attention(LowRank(2, ("out", "up")), base, jax.random.key(0))  # type: ignore[arg-type]
    with pytest.raises(MazerlError, match="projections: none"):
        init_attention(LowRank(2, ()), base, jax.random.key(0))
    for shape in ((40,), (1, 40)):
        with pytest.raises(MazerlError, match="only rows that see several goals"):
            init_rows(1, np.zeros(shape), jax.random.key(0))
    with pytest.raises(MazerlError, match="above the number of goals or of entries, 3"):
        init_rows(4, np.zeros((3, 40)), jax.random.key(0))


def test_merging_is_differentiable_by_the_adapter_alone() -> None:
    base = np.random.default_rng(0).normal(size=(3, 4))
    adapter = Factors(jnp.ones((3, 2)), jnp.zeros((2, 4)))
    slope = jax.grad(lambda own: jnp.sum(merge(base, own) ** 2) / 2)(adapter)
    np.testing.assert_allclose(slope.right, np.ones((2, 3)) @ base, rtol=1e-5)
    np.testing.assert_array_equal(slope.left, np.zeros((3, 2)))
