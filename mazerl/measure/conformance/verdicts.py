"""Who comes nearest: from what was learned to a verdict and a fault's name."""

from dataclasses import asdict
from itertools import combinations
from typing import NamedTuple

import numpy as np

from mazerl.bridges.conformance import Learned, Settings
from mazerl.exact.markov import hitting_times
from mazerl.exact.optimum import goal_known_time
from mazerl.measure.conformance.policies import settled_shares
from mazerl.measure.conformance.resets import RESETS, reset_step_values
from mazerl.measure.conformance.values import (
    EARLY_ENDS,
    FAULTS,
    NORMALISED,
    Reading,
    Walked,
    centred_values,
    seen,
    settled_values,
)
from mazerl.policy.rows import rows_of

TOLERANCE = 0.06
"""How far values and shares may lie from what is exact; faults lie further from each other."""

UNKNOWN = "unknown: no fault that has a name here explains it"

DIVERGES = "training diverges"

_RIGHT = asdict(Reading())

# A policy's share that Adam goes on by where the clip has stopped the gradient.
_MOMENTUM = 0.1


class Judged(NamedTuple):
    """One probe's judgement."""

    expected: str
    found: str
    fault: str = ""  # none where it holds


def still(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """Without a reward all advantages are 0, and so is their spread."""
    del walked, settings
    values, rows = learned
    finite = bool(np.isfinite(values).all() and np.isfinite(rows).all())
    fault = "" if finite else "advantages are divided by a spread of 0"
    return Judged("finite", "finite" if finite else "not finite", fault)


def fixed_values(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """Values where no action matters, against the chain's."""
    del settings
    here = seen(walked)
    found, right = learned[0][here], settled_values(walked)[here]
    return Judged(_numbers(right), _numbers(found), name_values(walked, learned[0]))


def name_values(walked: Walked, values: np.ndarray) -> str:
    """The fault, or two at once, that leaves such values [A+1]; nothing if they are right."""
    here = seen(walked)
    found = values[here]

    def miss(reading: Reading) -> float:
        return float(np.abs(settled_values(walked, reading)[here] - found).max())

    if not np.isfinite(found).all():
        return DIVERGES
    if miss(Reading()) <= TOLERANCE:
        return ""
    known = {name: miss(reading) for name, reading in FAULTS.items()}
    for name, bootstraps in ((RESETS, True), (f"{EARLY_ENDS}, and {RESETS}", False)):
        known[name] = float(np.abs(reset_step_values(walked, bootstraps)[here] - found).max())
    single = min(known, key=lambda name: _rank(known[name]))
    if known[single] <= TOLERANCE:
        return single
    away = centred_values(walked)[here]
    off = found - settled_values(walked)[here]
    share = float(away @ off / (away @ away))
    if np.abs(off - share * away).max() <= TOLERANCE:
        return NORMALISED
    pairs = {
        f"{one}, and {other}": both
        for one, other in combinations(FAULTS, 2)
        if (both := _both(FAULTS[one], FAULTS[other])) is not None
    }
    double = min(pairs, key=lambda name: _rank(miss(pairs[name])))
    return double if miss(pairs[double]) <= TOLERANCE else UNKNOWN


def optimum(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """Expected steps of the policy, against the fewest."""
    maze, (_, rows), share = walked.maze, learned, _share(walked, learned)
    best = goal_known_time(maze)
    expected, entries = f"H = {best:.3f}", rows_of(maze)
    p = rows[entries.arrival, np.arange(entries.size) - entries.start[entries.arrival]]
    if not np.isfinite(p).all():
        return Judged(expected, "not finite", DIVERGES)
    # Of the row beyond the goal, where nobody moves, nothing may be left.
    p = (p + 1e-12) / np.bincount(entries.arrival, p + 1e-12)[entries.arrival]
    steps, clipped = float(hitting_times(maze, p).mean()), (1 + settings.clip) / 2
    found = f"H = {steps:.3f}"
    if steps < 1.1 * best:
        return Judged(expected, found)
    if share < 0.1:
        return Judged(expected, found, "the policy climbs the wrong way")
    known = {
        "the policy does not learn": 0.5,
        "ratios are to the first policy: log-probabilities are stale": clipped + 0.03,
    }
    return Judged(expected, found, nearest(share, known))


def equal_lanes(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """Where no action matters, an entropy bonus keeps them alike; turned round it keeps one."""
    del walked, settings
    rows = learned[1][-1]
    share, fault = float(rows.max()), ""
    if not np.isfinite(share):
        fault = DIVERGES
    elif share >= 0.99:
        fault = "the entropy bonus has the wrong sign"
    elif share >= 0.6:
        fault = "the entropy bonus does not count"
    return Judged("0.5 a lane", _numbers(rows), fault)


def balance(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """Where an entropy bonus holds the policy tells what advantages are divided by."""
    share, exact = _share(walked, learned), settled_shares(walked, settings.entropy)
    low, high = sorted((exact["own moves"], exact["all steps"]))
    expected, found = f"{low:.3f} to {high:.3f}", f"{share:.3f}"
    if low - TOLERANCE <= share <= high + TOLERANCE:
        return Judged(expected, found)
    known = {
        "advantages are not normalised": exact["nothing"],
        "advantages are divided by their variance": exact["variance"],
        "the entropy bonus does not count": 1.0,
    }
    return Judged(expected, found, nearest(share, known))


def one_update(walked: Walked, settings: Settings, learned: Learned) -> Judged:
    """One update of many passes moves a probability by the clip, and by Adam's momentum beyond."""
    share, clipped = _share(walked, learned), (1 + settings.clip) / 2
    fault = ""
    if not np.isfinite(share):
        fault = DIVERGES
    elif share > clipped + _MOMENTUM:
        fault = "the clip does not hold the policy"
    elif share < clipped - TOLERANCE:
        fault = UNKNOWN
    return Judged(f"{clipped:.3f}", f"{share:.3f}", fault)


def nearest(found: float, known: dict[str, float]) -> str:
    """The fault whose number is nearest, if it is near."""
    if not np.isfinite(found):
        return DIVERGES
    name = min(known, key=lambda name: abs(known[name] - found))
    return name if abs(known[name] - found) <= TOLERANCE else UNKNOWN


def _share(walked: Walked, learned: Learned) -> float:
    """Of the policy's first moves, how many go to the goal."""
    maze = walked.maze
    first = int(np.asarray(maze.first_arc)[int(maze.start)])
    ports = np.asarray(maze.head)[first : first + int(np.asarray(maze.degree)[int(maze.start)])]
    return float(learned[1][-1, : len(ports)][np.isin(ports, maze.goals)].sum())


def _both(one: Reading, other: Reading) -> Reading | None:
    """Two readings at once, where they are of different things."""
    first, second = (dict(set(asdict(r).items()) - _RIGHT.items()) for r in (one, other))
    return None if first.keys() & second.keys() else Reading(**first | second)


def _rank(miss: float) -> float:
    return miss if np.isfinite(miss) else np.inf


def _numbers(found: np.ndarray) -> str:
    return " ".join(f"{x:.3f}" for x in found)
