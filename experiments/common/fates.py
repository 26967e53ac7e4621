"""What became of a run, by its exact H along the way."""

import numpy as np

from mazerl.training import Training
from mazerl.training.collapse import LOST, patience


def fate(times: np.ndarray) -> tuple[str, float]:
    """How H [records] over the optimum went, and from which share of the run on.

    "collapsed" is above `LOST` at the end, "passed" was so for as long as an alarm waits, "good"
    neither.
    """
    lost, records = times > LOST, len(times)
    if lost[-1]:
        below = np.flatnonzero(~lost)
        return "collapsed", (int(below[-1]) + 1 if len(below) else 0) / records
    stretch = longest = 0
    for high in lost:
        stretch = stretch + 1 if high else 0
        longest = max(longest, stretch)
    waits = patience(Training(records, record_every=1))
    return ("passed" if longest >= waits else "good"), np.nan
