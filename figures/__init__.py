"""Drawings, one a file, from figures/data/*.csv alone. Nothing is computed here, and no jax."""

FIGURES = (
    "inference_scaling",
    "transformer_gap",
    "ppo_curves",
    "training_cost",
    "memory",
    "steelman",
    "model_size",
    "topologies",
    "generalisation",
    "learning",
    "search",
    "distillation",
    "decisions",
    "gallery",
)
