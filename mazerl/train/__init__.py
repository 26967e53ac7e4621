"""Trainers: each method has one short file; `method` → `update` → `loop` is what all share."""

from mazerl.train.loop import Run, TrainingDivergedError, TrainingWarning, Watch, train
from mazerl.train.method import Batch, Method, Training

__all__ = [
    "Batch",
    "Method",
    "Run",
    "Training",
    "TrainingDivergedError",
    "TrainingWarning",
    "Watch",
    "train",
]
