"""How far tries and steps reach: PASS@(k, T)."""

STUDIES = ("pass_at_k", "chained_forks", "strategies", "free_rows")
