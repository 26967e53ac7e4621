"""What the objectives of RL with verifiable rewards climb, where it can be computed."""

STUDIES = (
    "outcome_weights",
    "normalisation",
    "clipping",
    "group_filters",
    "wrong_moves",
    "pool_learning",
)
