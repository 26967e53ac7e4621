"""Methods that train an adapter: what has a gradient, what is saved, and what equals what."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.maze.problems import problems_of
from mazerl.maze.prompts import Prompts, prompts_of
from mazerl.policy.bases import opinionated_rows, turn_at_junctions
from mazerl.policy.extraction import extract_rows, row_logits, row_probabilities
from mazerl.policy.low_rank import Factors, LowRank, init_attention, init_rows, merge
from mazerl.policy.prompted import join_rows, separate_rows
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR, UNIFORM
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Method, Training, TrainingStoppedError, Watch, train
from mazerl.training.adapted import adapted, holding
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.method import the_task
from mazerl.training.ppo import PPOTask, Sizes, ppo
from mazerl.training.sft import corpus, sft
from mazerl.training.update import record
from mazerl.walk.rollouts import rollout

NET = Decoder(layers=1, channels=16, heads=2, context=1)
TRAINING = Training(4, "adam", 0.01, record_every=2)


def methods(maze: Maze) -> dict[str, tuple[Method, Any]]:
    policy = transformer(NET)
    walks = rollout(UNIFORM, (), maze, jax.random.key(5), 16, 20)
    return {
        "sft": (sft(maze, policy, 8), corpus(maze, walks)),
        "ppo": (ppo(maze, policy, Sizes(8, 8, 1, 2)), PPOTask(limit=20)),
        "grpo": (grpo(maze, policy, Groups(4, 4, 12)), GRPOTask()),
    }


@pytest.mark.parametrize("name", ["sft", "ppo", "grpo"])
def test_every_method_trains_the_adapter_alone(small: Maze, name: str) -> None:
    method, task = methods(small)[name]
    base = init_transformer(NET, small, jax.random.key(0))
    kept = jax.tree.map(np.array, base)
    adapter = init_attention(LowRank(2), base, jax.random.key(1))
    run = train(adapted(method, base), task, adapter, TRAINING, jax.random.key(2))
    assert jax.tree.map(np.shape, run.params) == jax.tree.map(np.shape, adapter)
    moved = {name for name, after in run.params[0].items() if np.abs(after.right).max() > 0}
    # One token alone has nothing to choose from by query and key.
    assert moved == {"value", "out"}
    for ours, theirs in zip(jax.tree.leaves(base), jax.tree.leaves(kept), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_walks_batches_and_losses_are_those_of_merged_parameters(small: Maze, name: str) -> None:
    plain, task = methods(small)[name]
    base = init_transformer(NET, small, jax.random.key(0))
    draw = np.random.default_rng(0)
    own = jax.tree.map(
        lambda x: draw.normal(size=x.shape).astype(np.float32),
        init_attention(LowRank(2), base, jax.random.key(1)),
    )
    method, key, share = adapted(plain, base), jax.random.key(2), jax.numpy.float32(0.0)
    told = []
    for each, params in ((method, own), (plain, merge(base, own)), (plain, base)):
        state = each.begin(each.world, task, key)
        walked, _ = each.walk(each.world, task, params, state, key)
        batch = each.collect(each.world, task, params, walked, key, share)
        told.append((batch, each.loss(each.world, params, batch)))
    ours, theirs, other = (jax.tree.leaves(each) for each in told)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, c) for a, c in zip(ours, other, strict=True))


def test_the_first_loss_is_that_of_the_base_and_later_ones_are_not(small: Maze) -> None:
    method, task = methods(small)["sft"]
    base = init_transformer(NET, small, jax.random.key(0))
    adapter = init_attention(LowRank(4), base, jax.random.key(1))
    every = Training(3, "adam", 0.01, record_every=1)
    key = jax.random.key(2)
    plain = train(method, task, base, every, key).loss
    own = train(adapted(method, base), task, adapter, every, key).loss
    assert own[0] == plain[0]
    assert own[2] != plain[2]
    assert own[2] < own[0]


def test_an_exact_method_with_an_adapter_is_that_of_the_merged_parameters(small: Maze) -> None:
    """Two steps by hand: the chain rule through left @ right, and the optimiser on the factors."""
    target = np.random.default_rng(0).normal(size=(4, 6))
    base = np.random.default_rng(1).normal(size=(4, 6))

    def loss(world: Any, params: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
        return ((params - batch.shared) ** 2).sum() / 2, {}

    method = Method(the_task, loss, exact=True)
    left, right = (np.asarray(x, float) for x in init_rows(2, base, jax.random.key(0)))
    start = Factors(left, right)
    run = train(adapted(method, base), target, start, Training(2, "sgd", 0.05, record_every=1))
    for _ in range(2):
        off = base + left @ right - target
        left, right = left - 0.05 * off @ right.T, right - 0.05 * left.T @ off
    np.testing.assert_allclose(run.params.left, left, rtol=1e-12)
    np.testing.assert_allclose(run.params.right, right, rtol=1e-12)


@pytest.fixture
def world(small: Maze) -> Prompts:
    return prompts_of(problems_of(small, 12))


def flat_order(world: Prompts, rows: np.ndarray) -> np.ndarray:
    return join_rows(world, np.arange(rows.size).reshape(rows.shape))


def test_free_rows_merged_are_those_that_walked(world: Prompts) -> None:
    """In the flat layout of the world, and problem by problem."""
    maze = world.alone(0)
    logits = np.random.default_rng(0).normal(size=(world.num_mazes, rows_of(maze).size))
    draw = np.random.default_rng(1)
    own = Factors(draw.normal(size=(len(logits), 2)), draw.normal(size=(2, logits.shape[1])))
    method = adapted(grpo(world, TABULAR, Groups(4, 4, 12)), logits, flat_order(world, logits))
    with jax.enable_x64(True):
        flat = method.world.whole(own)
    seen = separate_rows(world, extract_rows(TABULAR, world, flat))
    for x, row in enumerate(logits + own.left @ own.right):
        np.testing.assert_allclose(seen[x], row_probabilities(maze, row), rtol=1e-9)


def test_a_monitor_is_told_merged_parameters(small: Maze) -> None:
    plain, _ = methods(small)["ppo"]
    base = init_transformer(NET, small, jax.random.key(0))
    adapter = init_attention(LowRank(2), base, jax.random.key(1))
    told = adapted(plain, base).monitor(adapted(plain, base).world).clock
    clock = plain.monitor(small).clock
    assert told(adapter) == clock(base) != {}
    moved = jax.tree.map(lambda x: x + 0.3, adapter)
    own = clock(merge(base, moved))["hitting_time"]
    assert told(moved)["hitting_time"] == pytest.approx(own, rel=1e-6)
    assert told(moved) != told(adapter)


def stopped_at(records: int) -> Callable[[], bool]:
    asked = iter(range(1, 100))
    return lambda: next(asked) == records


def test_a_resumed_adapter_has_the_same_bits_and_is_all_that_is_kept(
    small: Maze, tmp_path: Path
) -> None:
    plain, task = methods(small)["grpo"]
    base = init_transformer(NET, small, jax.random.key(0))
    adapter = init_attention(LowRank(2), base, jax.random.key(1))
    method, key = adapted(plain, base), jax.random.key(2)
    training = Training(6, "adam", 0.01, record_every=1)
    whole = train(method, task, adapter, training, key)

    def folder() -> CheckpointFolder:
        return CheckpointFolder(tmp_path, "a" * 64)

    watch = Watch(checkpoints=folder(), stop=stopped_at(3))
    with pytest.raises(TrainingStoppedError):
        train(method, task, adapter, training, key, watch=watch)
    again = train(method, task, adapter, training, key, watch=Watch(checkpoints=folder()))
    for ours, theirs in zip(
        jax.tree.leaves(again.params), jax.tree.leaves(whole.params), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    leaves, names, _ = folder()._read()
    # The adapter, Adam's two moments of it and its count, updates done and failed; metrics.
    own = len(jax.tree.leaves(adapter))
    assert len(leaves) - len(names) == 3 * own + 3
    assert sum(x.size for x in leaves[: 3 * own + 3]) < sum(x.size for x in jax.tree.leaves(base))


def test_a_checkpoint_on_another_base_is_refused(small: Maze, tmp_path: Path) -> None:
    plain, task = methods(small)["sft"]
    base = init_transformer(NET, small, jax.random.key(0))
    adapter = init_attention(LowRank(2), base, jax.random.key(1))
    method = adapted(plain, base)
    watch = Watch(checkpoints=CheckpointFolder(tmp_path, "a" * 64))
    train(method, task, adapter, TRAINING, jax.random.key(2), watch=watch)
    for other, told in (("b" * 64, "b" * 12), (None, "none")):
        there = CheckpointFolder(tmp_path, other)
        for read in (
            lambda there=there: there.restore_params(adapter),
            lambda there=there: train(
                method, task, adapter, TRAINING, jax.random.key(2), watch=Watch(checkpoints=there)
            ),
        ):
            with pytest.raises(MazerlError, match=f"another base model \\({'a' * 12}, not {told}"):
                read()
    CheckpointFolder(tmp_path, "a" * 64).restore_params(adapter)


def test_bases_of_one_shape_share_a_compilation(small: Maze) -> None:
    plain, task = methods(small)["sft"]
    compiled = []
    for seed in range(3):
        base = init_transformer(NET, small, jax.random.key(seed))
        # Of a rank that no other test has.
        adapter = init_attention(LowRank(5), base, jax.random.key(1))
        before = record._cache_size()  # type: ignore[attr-defined]
        train(adapted(plain, base), task, adapter, TRAINING, jax.random.key(2))
        compiled.append(record._cache_size() - before)  # type: ignore[attr-defined]
    assert compiled == [1, 0, 0]


def test_logits_that_are_ruled_out_stay_so() -> None:
    maze = compile_maze(build("caves", junctions=3, passage=1))
    world = prompts_of(problems_of(maze, 20))
    p = turn_at_junctions(maze, opinionated_rows(maze, 0.02, 1.0, 0))
    logits = np.tile(row_logits(p), (world.num_mazes, 1))
    method = adapted(grpo(world, TABULAR, Groups(8, 4, 20)), logits, flat_order(world, logits))
    start = init_rows(2, logits, jax.random.key(0))
    run = train(method, GRPOTask(), start, Training(20, "adam", 0.1), jax.random.key(1))
    assert np.abs(run.params.right).max() > 0.1
    seen = separate_rows(world, extract_rows(TABULAR, world, method.world.whole(run.params)))
    assert (p == 0).any()
    assert (seen[:, p == 0] == 0).all()


@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_rows_that_are_held_stay_and_the_others_move_as_if_they_were_constants(
    small: Maze, name: str
) -> None:
    """By the plain gradient with the held entries struck out."""
    rows = rows_of(small)
    trained = np.arange(rows.size) % 3 > 0
    start = np.random.default_rng(0).normal(size=rows.size).astype(np.float32)
    made = {
        "ppo": (ppo(small, TABULAR, Sizes(8, 8, 1, 1)), PPOTask(limit=20)),
        "grpo": (grpo(small, TABULAR, Groups(4, 4, 12)), GRPOTask()),
    }
    plain, task = made[name]
    once = Training(1, "sgd", 1.0, record_every=1)
    key = jax.random.key(2)
    free = train(plain, task, start, once, key).params - start
    held = train(holding(plain, trained), task, start, once, key).params - start
    np.testing.assert_array_equal(held[~trained], 0)
    np.testing.assert_array_equal(held[trained], free[trained])
    assert np.abs(free[~trained]).max() > 0
    assert np.abs(held).max() > 0
    after = train(holding(plain, trained), task, start, TRAINING, key).params
    np.testing.assert_array_equal(after[~trained], start[~trained])
