"""Many seeds in one compilation, and runs that are stopped and go on."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mazerl import Maze, MazerlError, build, compile_maze
from mazerl.topology import shuffled
from mazerl.training import (
    Batch,
    Method,
    Run,
    Training,
    TrainingDivergedError,
    TrainingStoppedError,
    Watch,
    train,
    train_seeds,
)
from mazerl.training.checkpoint import CheckpointFolder
from mazerl.training.method import Metrics, the_task
from mazerl.training.ppo import TRAINING, PPOTask, Sizes, ppo, tabular_start
from mazerl.training.update import record


def test_seeds_at_once_have_the_bits_of_seeds_one_by_one(small: Maze) -> None:
    method, start = ppo(small, sizes=Sizes(8, 32, 2, 4)), tabular_start(small)
    training = replace(TRAINING, steps=20, record_every=5)
    keys = [jax.random.key(seed) for seed in range(5)]
    stacked = jax.tree.map(lambda x: np.stack([x] * 5), start)
    together = train_seeds(method, PPOTask(), stacked, training, jnp.stack(keys), True)
    alone = [train(method, PPOTask(), start, training, key, True) for key in keys]
    for one, other in zip(together, alone, strict=True):
        for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(x, y)
    # The control: seeds differ.
    assert not np.array_equal(alone[0].params, alone[1].params)
    with pytest.raises(MazerlError, match=r"no axis \[5\] in front"):
        train_seeds(method, PPOTask(), start, training, jnp.stack(keys))


def test_a_seed_that_diverges_does_not_stop_the_others() -> None:
    def collect(
        world: None, task: None, params: jax.Array, walked: object, key: jax.Array, share: jax.Array
    ) -> Batch:
        return Batch((), jax.random.uniform(key), {})

    def loss(world: None, params: jax.Array, batch: Batch) -> tuple[jax.Array, Metrics]:
        # About half of the seeds draw a number above 0.7 in two updates.
        return jnp.where(batch.shared > 0.7, jnp.nan, 0.0) + (params**2).sum(), {}

    method, training = Method(collect, loss), Training(2, "sgd", 0.1, record_every=1)
    keys = jnp.stack([jax.random.key(seed) for seed in range(8)])
    ends = train_seeds(method, None, np.ones((8, 3)), training, keys)
    failed = [isinstance(end, TrainingDivergedError) for end in ends]
    assert 0 < sum(failed) < 8
    for key, end in zip(keys, ends, strict=True):
        if isinstance(end, TrainingDivergedError):
            with pytest.raises(TrainingDivergedError, match=str(end)):
                train(method, None, np.ones(3), training, key)
        else:
            alone = train(method, None, np.ones(3), training, key)
            np.testing.assert_array_equal(end.params, alone.params)


def test_a_seed_that_diverged_is_not_taken_for_finished_after_an_interruption(
    tmp_path: Path,
) -> None:
    def loss(world: None, params: jax.Array, batch: Batch) -> tuple[jax.Array, Metrics]:
        return (params**4).sum(), {}  # diverges from afar

    def go(watch: Watch | None) -> list[bool]:
        start, keys = np.array([[0.1], [1e9], [0.2]]), jnp.stack([jax.random.key(0)] * 3)
        training = Training(4, "sgd", 0.1, record_every=1)
        ends = train_seeds(Method(the_task, loss), (), start, training, keys, watch=watch)
        return [isinstance(end, TrainingDivergedError) for end in ends]

    expected = [False, True, False]
    assert go(None) == expected
    folder = CheckpointFolder(tmp_path)
    told: list[int] = []

    def tell(done: int, metrics: Metrics, params: object) -> None:
        told.append(done)

    with pytest.raises(TrainingStoppedError):
        go(Watch(tell, folder, stop=lambda: told[-1] == 3))
    assert go(Watch(tell, folder)) == expected  # one record was left
    assert go(Watch(tell, folder)) == expected  # none is


def test_mazes_and_seeds_of_one_shape_share_a_compilation(small: Maze) -> None:
    training, sizes = replace(TRAINING, steps=1, record_every=1), Sizes(4, 8, 1, 1)
    graph = build("corridor", width=3, depth=2, lanes=2)
    sizes_before = record._cache_size()  # type: ignore[attr-defined]
    for seed in range(3):
        maze = compile_maze(shuffled(graph, seed))
        task = PPOTask(gamma=0.9 + seed / 100)
        method = ppo(maze, sizes=sizes)
        train(method, task, tabular_start(maze), training, jax.random.key(seed))
    assert record._cache_size() == sizes_before + 1  # type: ignore[attr-defined]


def test_a_stopped_run_goes_on_to_the_same_bits(small: Maze, tmp_path: Path) -> None:
    method, start = ppo(small, sizes=Sizes(8, 32, 2, 4)), tabular_start(small)
    training = replace(TRAINING, steps=40, record_every=5)

    def go(watch: Watch | None = None) -> Run:
        return train(method, PPOTask(), start, training, jax.random.key(0), True, watch)

    told: list[int] = []

    def tell(done: int, metrics: Metrics, params: object) -> None:
        told.append(done)

    stopping = Watch(tell, CheckpointFolder(tmp_path / "first"), stop=lambda: told[-1] == 15)
    with pytest.raises(TrainingStoppedError, match="stopped after update 15; resume"):
        go(stopping)
    # What was saved can be moved.
    (tmp_path / "first").rename(tmp_path / "second")
    told.clear()
    resumed = go(Watch(tell, CheckpointFolder(tmp_path / "second")))
    assert told == list(range(5, 41, 5))
    for x, y in zip(jax.tree.leaves(resumed), jax.tree.leaves(go()), strict=True):
        np.testing.assert_array_equal(x, y)
    assert len([x for x in (tmp_path / "second").iterdir() if x.name.isdigit()]) <= 2
