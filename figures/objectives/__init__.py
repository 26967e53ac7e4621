"""Drawings of the studies in experiments/objectives."""
