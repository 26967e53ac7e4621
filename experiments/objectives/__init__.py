"""What the objectives of RL with verifiable rewards climb, where it can be computed."""

STUDIES = (
    "outcome_weights",
    "normalisation",
    "kl_penalty",
    "clipping",
    "group_filters",
    "mismatched_scoring",
    "time_limits",
    "wrong_moves",
    "pool_learning",
)
