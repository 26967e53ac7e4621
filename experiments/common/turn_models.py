"""Policies over turns on many small mazes side by side: a base model and what it learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from experiments.common.fork_problems import with_retreats
from mazerl import Maze
from mazerl.maze.side_by_side import Mazes, side_by_side
from mazerl.policy.bases import straight_rows
from mazerl.policy.contract import Policy
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.policy.transformer import Decoder
from mazerl.policy.turns import init_turning, turning
from mazerl.sweep.work import Work
from mazerl.training import Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import arrived_only, golden_walks
from mazerl.walk.env import Reward
from mazerl.walk.rollouts import Walks, rollout
from mazerl.walk.side_by_side import join_walks

MAX_DEGREE = 4
DECODER = Decoder(layers=1, channels=32, heads=2, context=1)
MODELS = ("base", "sft", "retreats", "rl", "student")
"""Base model, SFT on golden paths, SFT on walks that retreat, GRPO, SFT on GRPO's arrivals."""


@dataclass(frozen=True)
class Effort:
    """How long the models are trained."""

    base_steps: int = 1500
    sft_steps: int = 1000
    rl_steps: int = 400
    rl_rate: float = 1e-3
    group: int = 8
    limit: int = 32  # T of RL
    turning: float = 0.2  # how often the base model turns round


def train_models(mazes: Sequence[Maze], effort: Effort, seed: int, work: Work) -> dict[str, Any]:
    """Parameters of each of `MODELS`, trained on these mazes."""
    world, policy, key = side_by_side(mazes), turning(DECODER, MAX_DEGREE), seeded_key(seed)
    keys = jax.random.split(key, 8)
    each = len(mazes)

    def imitate(name: str, walks: Walks, params: Any, steps: int, key: Any) -> Any:
        training = Training(steps, "adam", 1e-3, max_norm=1.0)
        task = corpus(world, walks)
        method = sft(world, policy, 64)
        return train(method, task, params, training, key, watch=work.watch(name)).params

    straight = np.log(straight_rows(world, effort.turning)).astype(np.float32)
    walks = rollout(TABULAR, straight, world, keys[0], 8 * each, 2 * effort.limit)
    start = init_turning(DECODER, keys[1], MAX_DEGREE)
    base = imitate("base", walks, start, effort.base_steps, keys[2])
    golden = join_walks(world, [golden_walks(maze, 1, seed) for maze in mazes])
    looking = [with_retreats(maze, 8, seed + n) for n, maze in enumerate(mazes)]
    rl = _reinforced(world, policy, base, effort, keys[5], work)
    arrived = arrived_only(rollout(policy, rl, world, keys[6], 8 * each, effort.limit))
    return {
        "base": base,
        "sft": imitate("sft", golden, base, effort.sft_steps, keys[3]),
        "retreats": imitate("retreats", join_walks(world, looking), base, effort.sft_steps,
                            keys[4]),
        "rl": rl,
        "student": imitate("student", arrived, base, effort.sft_steps, keys[7]),
    }  # fmt: skip


def _reinforced(
    world: Mazes, policy: Policy, base: Any, effort: Effort, key: Any, work: Work
) -> Any:
    sizes = Groups(world.num_mazes, effort.group, effort.limit)
    training = Training(effort.rl_steps, "adam", effort.rl_rate, max_norm=0.5, kl_stop=0.05)
    task = GRPOTask(Reward(1.0, 0.0))
    method = grpo(world, policy, sizes)
    return train(method, task, base, training, key, watch=work.watch("rl")).params


def at_temperature(params: Any, temperature: float) -> Any:
    """The same policy, its logits divided by a temperature."""
    return params | {"port": jax.tree.map(lambda x: x / temperature, params["port"])}
