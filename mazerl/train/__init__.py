"""Trainers: `loop` is what all share, and each method has one short file."""

from mazerl.train.loop import Method, Run, Training, TrainingDivergedError, train

__all__ = ["Method", "Run", "Training", "TrainingDivergedError", "train"]
