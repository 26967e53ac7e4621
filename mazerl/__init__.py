"""mazerl: exactly checkable claims about how reinforcement learning teaches reasoning.

The names in `__all__` are stable; everything else may move. They are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mazerl.errors import MazerlError
    from mazerl.exact import horizon, turn_chain
    from mazerl.exact.markov import hitting_times, occupancy
    from mazerl.exact.optimum import best_blind
    from mazerl.maze import Maze, compile_maze
    from mazerl.maze.side_by_side import side_by_side
    from mazerl.measure.evaluate import evaluate
    from mazerl.policy import transformer, turns
    from mazerl.policy.extraction import row_probabilities
    from mazerl.policy.rows import rows_of
    from mazerl.sweep.claims import Family, claim, control
    from mazerl.sweep.studies import Tables
    from mazerl.topology import build, register
    from mazerl.training import grpo, ppo, sft
    from mazerl.training.loop import train
    from mazerl.walk.rollouts import rollout

_WHERE = {
    "MazerlError": "errors",
    "build": "topology",
    "register": "topology",
    "Maze": "maze",
    "compile_maze": "maze",
    "side_by_side": "maze.side_by_side",
    "rows_of": "policy.rows",
    "row_probabilities": "policy.extraction",
    "transformer": "policy",
    "turns": "policy",
    "rollout": "walk.rollouts",
    "hitting_times": "exact.markov",
    "horizon": "exact",
    "occupancy": "exact.markov",
    "best_blind": "exact.optimum",
    "turn_chain": "exact",
    "train": "training.loop",
    "ppo": "training",
    "grpo": "training",
    "sft": "training",
    "evaluate": "measure.evaluate",
    "Family": "sweep.claims",
    "claim": "sweep.claims",
    "control": "sweep.claims",
    "Tables": "sweep.studies",
}
_MODULES = {"horizon", "transformer", "turns", "turn_chain", "ppo", "grpo", "sft"}

__all__ = [
    "Family",
    "Maze",
    "MazerlError",
    "Tables",
    "best_blind",
    "build",
    "claim",
    "compile_maze",
    "control",
    "evaluate",
    "grpo",
    "hitting_times",
    "horizon",
    "occupancy",
    "ppo",
    "register",
    "rollout",
    "row_probabilities",
    "rows_of",
    "sft",
    "side_by_side",
    "train",
    "transformer",
    "turn_chain",
    "turns",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'mazerl' has no attribute {name!r}")
    where = f"mazerl.{_WHERE[name]}"
    if name in _MODULES:
        return import_module(f"{where}.{name}")
    return getattr(import_module(where), name)


def __dir__() -> list[str]:
    return __all__
