"""What RL changes, where, and whether that is all that matters.

Not offered yet: `edits` waits for its confirming run.
"""

STUDIES: tuple[str, ...] = ()
