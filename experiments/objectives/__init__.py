"""What the objectives of RL with verifiable rewards climb, where it can be computed."""

STUDIES = ("outcome_weights", "normalisation", "time_limits", "pool_learning")
