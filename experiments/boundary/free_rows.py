"""B9: free rows on the problems of PASS@(k, T): what is learned of a problem stays with it."""

from dataclasses import dataclass, replace

import jax
import numpy as np

from experiments.boundary.free_rows_claims import FAMILIES, TURNINGS, UNSEEN, claims_of, frame_of
from experiments.common.fork_problems import CATEGORIES, DISTANCE, draw_problems
from experiments.common.seeds import CONFIRMING
from mazerl import Maze
from mazerl.exact.horizon import arrival_law
from mazerl.maze.side_by_side import Mazes, side_by_side
from mazerl.policy.bases import straight_rows
from mazerl.policy.extraction import row_probabilities
from mazerl.policy.rows import rows_of
from mazerl.policy.sampling import seeded_key
from mazerl.policy.tabular import TABULAR
from mazerl.store.records import Record
from mazerl.sweep.studies import Tables
from mazerl.sweep.work import Work
from mazerl.training import Training, train
from mazerl.training.grpo import Groups, GRPOTask, grpo
from mazerl.training.sft import corpus, sft
from mazerl.walk.corpora import golden_walks
from mazerl.walk.env import Reward
from mazerl.walk.side_by_side import join_walks


@dataclass(frozen=True)
class Config:
    """A seed, of problems and training alike; with one of `pass_at_k` the problems are the same."""

    seed: int
    trained: int = 100  # problems of B and as many of C
    tested: int = 500  # other problems of each category
    sft_steps: int = 1000
    rl_steps: int = 400
    limit: int = 4 * DISTANCE  # T of RL
    longest: int = 8 * DISTANCE


GRID = tuple(Config(CONFIRMING + n) for n in range(5))
QUICK = tuple(replace(config, trained=40, tested=60) for config in GRID[:1])
SMOKE = (Config(0, 10, 30, 300, 150),)

CLAIM_FAMILIES = FAMILIES


def run(config: Config, work: Work) -> dict[str, np.ndarray]:
    """P(τ = t) [models, X, longest+1] of each category, which ends the arrays' names.

    `unseen` are the tested problems, by rows that share one number, `TURNINGS`; `shown` those of B
    and C that free rows were trained on: the base model, SFT and RL.
    """
    every = {
        name: draw_problems(name, config.tested + config.trained * (name != "A"), config.seed)
        for name in CATEGORIES
    }
    arrays = {
        f"unseen_{name}": np.stack([
            [_law(maze, straight_rows(maze, turning), config) for maze in problems[-config.tested:]]
            for turning in TURNINGS
        ])
        for name, problems in every.items()
    }  # fmt: skip
    shown = [maze for name in "BC" for maze in every[name][: config.trained]]
    laws = np.stack([
        [_law(maze, rows, config) for maze, rows in zip(shown, each, strict=True)]
        for each in _learn(shown, config, work)
    ])  # fmt: skip
    return arrays | dict(zip(("shown_B", "shown_C"), np.split(laws, 2, axis=1), strict=True))


def _law(maze: Maze, rows: np.ndarray, config: Config) -> np.ndarray:
    return arrival_law(maze, rows, config.longest)[0]


def _learn(mazes: list[Maze], config: Config, work: Work) -> list[list[np.ndarray]]:
    """Rows of each maze: the base model's, those of SFT on golden paths, those of GRPO."""
    world, keys = side_by_side(mazes), jax.random.split(seeded_key(config.seed), 2)
    start = np.log(straight_rows(world, UNSEEN)).astype(np.float32)
    golden = join_walks(world, [golden_walks(maze, 1, config.seed) for maze in mazes])
    imitation = Training(config.sft_steps, "adam", 0.01, max_norm=1.0)
    imitated = train(
        sft(world, TABULAR, 64), corpus(world, golden), start, imitation, keys[0],
        watch=work.watch("sft"),
    ).params  # fmt: skip
    reinforcement = Training(config.rl_steps, "adam", 0.1, max_norm=0.5, kl_stop=0.05)
    reinforced = train(
        grpo(world, TABULAR, Groups(world.num_mazes, 8, config.limit)),
        GRPOTask(Reward(1.0, 0.0)), start, reinforcement, keys[1], watch=work.watch("rl"),
    ).params  # fmt: skip
    return [_by_maze(world, logits) for logits in (start, imitated, reinforced)]


def _by_maze(world: Mazes, logits: np.ndarray) -> list[np.ndarray]:
    """Row probabilities of each maze, in its own layout: arcs in their order, then the start."""
    rows, p = rows_of(world), row_probabilities(world, logits)
    arcs = np.asarray(world.arc_begin)
    number = np.searchsorted(arcs[1:], rows.arrival, "right")
    begins = rows.arrival >= world.num_arcs
    number = np.where(begins, rows.arrival - world.num_arcs, number)
    return [p[number == m] for m in range(world.num_mazes)]


def table(records: list[Record]) -> Tables:
    """What is solved, by category, model and steps of a try."""
    frame = frame_of(records)
    return Tables({"free_rows": frame}, claims_of(frame))
