"""What the objectives of RL with verifiable rewards climb, where it can be computed."""

STUDIES = (
    "outcome_weights",
    "normalisation",
    "kl_penalty",
    "mismatched_scoring",
    "time_limits",
    "pool_learning",
)
