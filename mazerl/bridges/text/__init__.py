"""Mazes and walks as text, for language models: renderings, prompts, a verifier, data, adapters.

    Maze + names → Place → Task → prompt → completion → Verdict

Only `adapters` and `turns` know how other libraries call; none of them is imported.
"""

from mazerl.bridges.text.adapters import MazeDataset, compute_score, trl_reward
from mazerl.bridges.text.classes import classes_of, split_by_class
from mazerl.bridges.text.datasets import (
    FORMS,
    Example,
    prompt_row,
    read_rows,
    shown_row,
    stages_of,
    write_rows,
)
from mazerl.bridges.text.places import SCRIPTS, Place, names_of, place_of, place_of_graph
from mazerl.bridges.text.prompts import MOST_CHARACTERS, prompt_of
from mazerl.bridges.text.rendering import Rendering, read_walk
from mazerl.bridges.text.renderings import RENDERINGS, rendering_of
from mazerl.bridges.text.turns import MazeTools, TextEnv
from mazerl.bridges.text.verifying import ARRIVING, Task, Verdict, ground_truth, judge, task_of
from mazerl.bridges.text.walks import Walker, backtracking, golden, hindsight, recorded

__all__ = [
    "ARRIVING",
    "FORMS",
    "MOST_CHARACTERS",
    "RENDERINGS",
    "SCRIPTS",
    "Example",
    "MazeDataset",
    "MazeTools",
    "Place",
    "Rendering",
    "Task",
    "TextEnv",
    "Verdict",
    "Walker",
    "backtracking",
    "classes_of",
    "compute_score",
    "golden",
    "ground_truth",
    "hindsight",
    "judge",
    "names_of",
    "place_of",
    "place_of_graph",
    "prompt_of",
    "prompt_row",
    "read_rows",
    "read_walk",
    "recorded",
    "rendering_of",
    "shown_row",
    "split_by_class",
    "stages_of",
    "task_of",
    "trl_reward",
    "write_rows",
]
