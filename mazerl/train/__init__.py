"""Trainers: `loop` is what all share, and each method has one short file."""

from mazerl.train.loop import (
    Batch,
    Method,
    Run,
    Training,
    TrainingDivergedError,
    TrainingWarning,
    Watch,
    train,
)

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
