"""Trainers: each method has one short file; `method` → `update` → `loop` is what all share."""

from mazerl.train.loop import (
    Progress,
    Run,
    TrainingDivergedError,
    TrainingStoppedError,
    TrainingWarning,
    Watch,
    train,
    train_seeds,
)
from mazerl.train.method import Batch, Method, Training

__all__ = [
    "Batch",
    "Method",
    "Progress",
    "Run",
    "Training",
    "TrainingDivergedError",
    "TrainingStoppedError",
    "TrainingWarning",
    "Watch",
    "train",
    "train_seeds",
]
