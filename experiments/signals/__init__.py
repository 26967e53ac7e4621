"""Signals and silent faults: what trainers weigh, reward and see, and what that changes."""

STUDIES = (
    "aggregation", "mixed_methods", "template_collapse", "back_chained", "exploration", "rewards",
    "confidence", "environment_tokens", "all_methods",
)  # fmt: skip
