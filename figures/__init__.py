"""Drawings, one a file, from figures/data/*.csv alone. Nothing is computed here, and no jax."""

FIGURES = (
    "inference_scaling",
    "learning",
    "search",
    "distillation",
    "decisions",
    "gallery",
)
