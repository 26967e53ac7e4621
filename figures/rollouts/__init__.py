"""Drawings of the studies in experiments/rollouts."""
