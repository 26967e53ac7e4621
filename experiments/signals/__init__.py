"""Signals and silent faults: what trainers weigh, reward and see, and what that changes."""

STUDIES = ("aggregation", "all_methods")
