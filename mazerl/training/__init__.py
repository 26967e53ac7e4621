"""Trainers: each method has one short file; `method` → `update` → `loop` is what all share."""

from mazerl.training.ends import (
    Progress,
    Run,
    TrainingCollapsedError,
    TrainingDivergedError,
    TrainingWarning,
)
from mazerl.training.loop import TrainingStoppedError, Watch, train, train_seeds
from mazerl.training.method import Batch, Method, Training

__all__ = [
    "Batch",
    "Method",
    "Progress",
    "Run",
    "Training",
    "TrainingCollapsedError",
    "TrainingDivergedError",
    "TrainingStoppedError",
    "TrainingWarning",
    "Watch",
    "train",
    "train_seeds",
]
