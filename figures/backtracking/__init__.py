"""Drawings of the studies in experiments/backtracking."""
