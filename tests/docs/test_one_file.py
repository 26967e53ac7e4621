"""The single-file example gives the library's own bits."""

import dataclasses
import inspect
import runpy
from pathlib import Path

import jax
import numpy as np

from mazerl import build, compile_maze, ppo, train

UPDATES = 10
FIXED = {"critic": "goal", "at_limit": "bootstrap", "clock": 0}
PATH = Path(__file__).parents[2] / "examples" / "ppo_in_one_file.py"
FILE = runpy.run_path(str(PATH))


def test_one_file_ends_with_the_bits_of_the_library() -> None:
    # Chance at the fork, walks that time out or arrive, several passes and parts: all in a second.
    maze = compile_maze(build("corridor", width=3, depth=2, lanes=2))
    sizes = ppo.Sizes(walkers=16, horizon=64, epochs=2, minibatches=4)
    training = dataclasses.replace(ppo.TRAINING, steps=UPDATES, record_every=5)
    key = jax.random.key(3)
    start = ppo.tabular_start(maze)
    theirs = train(ppo.ppo(maze, sizes=sizes), ppo.PPOTask(), start, training, key)
    counts = {name: n for name, n in dataclasses.asdict(sizes).items() if name not in FIXED}
    ours = FILE["train"](maze, key, **counts, updates=UPDATES)
    np.testing.assert_array_equal(ours, theirs.params)
    assert np.abs(np.asarray(ours)).max() > 0.1  # it has learned something to compare


def test_one_file_has_the_settings_of_the_library() -> None:
    told = inspect.signature(FILE["train"]).parameters
    own = dataclasses.asdict(ppo.Sizes()) | {"updates": ppo.TRAINING.steps}
    assert {name: own.pop(name) for name in FIXED} == FIXED
    assert {name: told[name].default for name in own} == own
    task = ppo.PPOTask()
    named = {
        "ARRIVAL": task.reward.arrival, "PENALTY": task.reward.penalty, "LIMIT": task.limit,
        "GAMMA": task.gamma, "LAM": task.lam, "CLIP": task.clip, "INERTIA": task.inertia,
        "ENTROPY": task.entropy, "RATE": ppo.TRAINING.rate, "MAX_NORM": ppo.TRAINING.max_norm,
        "KL_STOP": ppo.TRAINING.kl_stop,
    }  # fmt: skip
    for name, value in named.items():
        assert np.float32(FILE[name]) == np.float32(value), name


def test_one_file_is_short() -> None:
    assert len(PATH.read_text().splitlines()) <= 150
