"""Benchmarks, as commands: `python -m benchmarks`. Peers are timed in the same run."""
