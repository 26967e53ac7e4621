"""Drawings of the studies in experiments/signals."""
