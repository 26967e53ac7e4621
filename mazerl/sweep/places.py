"""What a sweep keeps in a store beside the records of studies."""

UNFINISHED = ".unfinished"
"""Checkpoints of cells that were interrupted."""

TENSORBOARD, WANDB = ".tensorboard", ".wandb"
"""Metrics, where they are asked for."""

TABLES = ("full", "quick", "smoke", "sweep")
"""Folders of tables, where they lie with the records."""
