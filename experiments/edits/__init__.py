"""What RL changes, where, and whether that is all that matters."""

STUDIES = ("edits", "gated_training")
