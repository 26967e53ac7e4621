"""Drawings of the studies in experiments/laws."""
