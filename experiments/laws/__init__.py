"""Laws of how long a trained policy takes, from the graph and what it was shown."""

STUDIES = ("traps", "trap_depth", "trap_phases")
