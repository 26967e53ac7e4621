"""python -m tests.support.devices DEVICES [HOST:PORT,PROCESSES,INDEX]: train on so many devices.

Prints, as one line of JSON, every method's losses and how many parts the walkers were in.
"""

import json
import os
import sys
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from mazerl import build, compile_maze
from mazerl.policy.rows import rows_of
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder, init_transformer, transformer
from mazerl.training import Progress, Training, Watch, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.parallel import join_processes, walker_mesh
from mazerl.training.ppo import TRAINING, TRANSFORMER_TASK, PPOTask, Sizes, ppo, tabular_start
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import golden_walks


def methods() -> dict[str, tuple[Any, Any, Any, Training]]:
    """name → (method, task, parameters, training)."""
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=2))
    decoder = Decoder(channels=16, context=4)
    policy, params = transformer(decoder), init_transformer(decoder, maze, jax.random.key(0))
    training = replace(TRAINING, steps=12, record_every=2, kl_stop=float("inf"))
    zeros = np.zeros(rows_of(maze).size)
    return {
        "tabular ppo": (
            ppo(maze, sizes=Sizes(16, 64, 2, 4)), PPOTask(), tabular_start(maze), training,
        ),
        "transformer ppo": (
            ppo(maze, policy, Sizes(16, 32, 1, 2)), TRANSFORMER_TASK, params, training,
        ),
        "grpo": (grpo(maze, TABULAR, Groups(4, 8, 64, 1, 2)), GRPOTask(), zeros, training),
        "sft": (sft(maze, policy, 16), corpus(maze, golden_walks(maze, 64, 0)), params, training),
    }  # fmt: skip


class Seen:
    """The last progress of a run, as it lies on the devices."""

    progress: Progress

    def restore(self, fresh: Progress) -> Progress:
        return fresh

    def save(self, progress: Progress) -> None:
        self.progress = progress


def main() -> None:
    devices = int(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        # Processes that wait for each other must not share the one core of the test's own.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    if len(sys.argv) > 2:
        join_processes(sys.argv[2])
    mesh = None if devices == 1 else walker_mesh(devices)
    told: dict[str, Any] = {}
    for name, (method, task, params, training) in methods().items():
        seen = Seen()
        watch = Watch(checkpoints=seen)
        run = train(method, task, params, training, jax.random.key(3), watch=watch, mesh=mesh)
        told[name] = [float(loss) for loss in run.loss]
        if name == "tabular ppo":
            arc = seen.progress.carry.state.walkers.arc
            told["parts"] = [len(arc.sharding.device_set), *arc.sharding.shard_shape(arc.shape)]
    told["devices"] = len(jax.devices())
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
