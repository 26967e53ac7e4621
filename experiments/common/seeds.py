"""Which seeds are for what.

Settings, wording and tolerances are chosen with seeds below 1000. What is committed is measured on
others, at which nobody had looked before these were fixed.
"""

CONFIRMING = 7000
"""The first seed of the committed grids."""
