"""Drawings of the studies in experiments/edits."""
