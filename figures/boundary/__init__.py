"""Drawings of the studies in experiments/boundary."""
