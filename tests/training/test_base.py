"""Base models are judged on walks that they were not trained on."""

from typing import Any

import jax
import pytest

from mazerl import build, compile_maze
from mazerl.maze import Maze
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Training, base


def test_the_divergence_is_measured_on_walks_never_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained: list[Any] = []
    tested: list[Any] = []

    def train(method: object, task: object, params: Any, training: Training, key: jax.Array) -> Any:
        trained.extend(jax.random.fold_in(key, n) for n in range(training.steps))
        trained.append(key)
        return type("Run", (), {"params": params})

    def divergence(maze: Maze, policy: object, params: Any, key: jax.Array, length: int) -> float:
        tested.append(key)
        return 0.0 if len(tested) == 3 else 1.0

    monkeypatch.setattr(base, "train", train)
    monkeypatch.setattr(base, "divergence_from_uniform", divergence)
    maze, decoder = compile_maze(build("tree", depth=1)), Decoder(1, 16, 2, 1)
    params = init_transformer(decoder, maze, jax.random.key(0))
    base.pretrain(maze, transformer(decoder), params, jax.random.key(1))
    used = {jax.random.key_data(key).tobytes() for key in trained}
    fresh = {jax.random.key_data(key).tobytes() for key in tested}
    assert len(used) == 603
    assert len(fresh) == 3
    assert not used & fresh
