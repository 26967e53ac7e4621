"""Estimates, fits and intervals."""
