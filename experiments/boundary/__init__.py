"""How far tries and steps reach: PASS@(k, T)."""

STUDIES = ("chained_forks",)
