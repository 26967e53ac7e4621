"""What RL changes, where, and whether that is all that matters."""

STUDIES = ("edits", "rank", "same_edits", "run_curves", "gated_training", "gate_norms")
