"""Everything that is computed rather than sampled."""
