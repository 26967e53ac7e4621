"""What training on trees of walks says: family I14."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from mazerl.sweep.claims import Family, claim, control, every

PAPER = 138 / 248
"""Steps to a target of trees over those of flat groups, as told of InfoTree."""

FAMILIES = (
    Family(
        id="I14",
        title="Training on trees of walks, at equal steps",
        statement="At one rate for all, fixed trees and UUCB need fewer steps of the environment "
        "than flat groups of as many walks, but no fewer than flat groups that are smaller by what "
        "branching saves: it is the smaller batch. With each at its own best rate UUCB needs more "
        "steps than flat groups, and fixed trees about as many. Only an oracle, told the exact V, "
        "needs fewer.",
        source="arXiv 2605.05262 (InfoTree) is told to reach a target in 138 steps of training "
        "where flat groups take 248; the selector here is InfoTree-style, reconstructed, and steps "
        "are the environment's, so that this is no verdict on the paper's. Dynamic sampling: Yu "
        "et al. 2025 (DAPO)",
        control="I14.c1 gives a tree the outcomes of another: it must not learn. I14.c2: flat "
        "groups of 12 walks must have as many updates as fixed trees of 16, so that the two differ "
        "in where walks begin and not in the size of a batch.",
        scope="Caves of one shape, 24 goals each with p from 1/256 to 255/256 (mean p about 0.1), "
        "free rows that see the goal, so that nothing carries over between goals; T = 60, a "
        "million steps. Fresh in the confirming run are caves, base models, goals and walks. Rates "
        "are the best of seven, for PPO of nine, on four development pools by the mean p over the "
        "budget; sizes of batches are not tuned, which I14.3 and I14.4 show to matter. A run that "
        "does not meet the target, because it lost goals for good, counts as if it had with its "
        "last step, so that ratios over or under it are bounds. Credit is leaf GRPO with shared "
        "steps counted once. Dynamic sampling draws up to four times as many groups and pays for "
        "those that it needs; it takes fewer updates. PPO's critic is a table that sees the goal, "
        "with the settings of this library and the rate tuned; rows of it that close a walk count "
        "as steps. VinePPO's credit is not tried. I14.c1 fails: updates without information "
        "wander, and of twelve pools one wandered up by 0.12, where trees of their own outcomes "
        "gain 0.88. In development UUCB needed a tenth more steps than flat groups of 12; I14.3's "
        "interval here holds 1, and 'no fewer' is all that is said. What I14.11 and I14.12 count, "
        "mixed groups in the first four updates, was called the first eighth of the budget before "
        "the run; numbers and bounds are those that were committed.",
        sampled=("I14*",),
    ),
)


def claims_of(runs: pd.DataFrame, common: float) -> list[dict[str, object]]:
    """I14, as far as the runs have the methods that are compared."""
    at = {"common": runs[runs["rate"] == common], "best": runs[runs["rate"] != common]}
    told = []
    for name, rates, one, other, says, least, most in _RATIOS:
        steps = at[rates].pivot(index="seed", columns="method", values="needed")
        # Of a few pools a ratio near one tells nothing.
        enough = name not in _NEAR_ONE or len(steps) >= 5
        if enough and {one, other} <= set(steps.columns):
            middle, interval = _ratio(steps[one], steps[other])
            bounds = f"{least:g} to {most:g}" if np.isfinite(most) and least else (
                f"above {least:g}" if least else f"below {most:g}")  # fmt: skip
            told.append(claim(name, f"steps to a mean p of 0.9: {says}", bounds, middle,
                              least < middle < most, interval))  # fmt: skip
    mixed = at["common"].pivot(index="seed", columns="method", values="mixed")
    if {"oracle", "uucb", "flat"} <= set(mixed.columns):
        for name, one, least, most in (
            ("I14.11", "oracle", 0.05, 1.0),
            ("I14.12", "uucb", -1, 0.0),
        ):
            gap = (mixed[one] - mixed["flat"]).dropna().to_numpy()
            wide = _half(gap)
            bounds = f"above {least:g}" if least > 0 else f"below {most:g}"
            told.append(claim(
                name, f"mixed groups in the first four updates, {one} less flat, same rate",
                bounds, float(gap.mean()), least < gap.mean() < most,
                (float(gap.mean() - wide), float(gap.mean() + wide)),
            ))  # fmt: skip
    others = runs[runs["method"] == "others"]
    idle = others["end"] < others["before"] + 0.1
    # A few runs say little of what one in twelve does.
    if len(idle) >= 12:
        told.append(every(control, "I14.c1", "trees by the outcomes of others end less than 0.1 "
                          "above the p that they began with: runs", int(idle.sum()),
                          len(idle)))  # fmt: skip
    updates = at["common"].pivot(index="seed", columns="method", values="updates")
    if {"few", "fixed"} <= set(updates.columns):
        middle, interval = _ratio(updates["few"], updates["fixed"])
        told.append(control("I14.c2", "updates within the budget: flat groups of 12 over fixed "
                            "trees, same rate", "0.9 to 1.1", middle, 0.9 < middle < 1.1,
                            interval))  # fmt: skip
    return told


_NEAR_ONE = ("I14.2", "I14.3", "I14.4", "I14.6", "I14.7")

_RATIOS = (
    ("I14.1", "common", "fixed", "flat", "fixed trees over flat groups, same rate", 0, 0.9),
    ("I14.2", "common", "uucb", "flat", "UUCB over flat groups, same rate (told of the paper: "
     f"{PAPER:.2f})", 0.65, 0.95),
    ("I14.3", "common", "uucb", "few", "UUCB over flat groups of 12, same rate", 1, np.inf),
    ("I14.4", "common", "fixed", "few", "fixed trees over flat groups of 12, same rate", 0.9, 1.1),
    ("I14.5", "common", "oracle", "few", "the oracle over flat groups of 12, same rate", 0, 0.95),
    ("I14.6", "best", "uucb", "flat", "UUCB over flat groups, each at its best rate", 1, np.inf),
    ("I14.7", "best", "fixed", "flat", "fixed trees over flat groups, each at its best rate",
     0.8, 1.1),
    ("I14.8", "best", "oracle", "flat", "the oracle over flat groups, each at its best rate",
     0, 0.9),
    ("I14.9", "best", "dynamic", "flat", "dynamic sampling over flat groups, each at its best rate",
     1, np.inf),
    ("I14.10", "best", "ppo", "flat", "PPO over flat groups, each at its best rate", 1.5, np.inf),
)  # fmt: skip
"""Id, whose rates, two methods, in words, and between which bounds their ratio is claimed."""


def _ratio(one: "pd.Series[float]", other: "pd.Series[float]"
           ) -> tuple[float, tuple[float, float] | None]:  # fmt: skip
    """Geometric mean over pools, and its interval by Student's t."""
    logs = np.log((one / other).dropna().to_numpy())
    mean = logs.mean()
    if len(logs) < 2:
        return float(np.exp(mean)), None
    wide = _half(logs)
    return float(np.exp(mean)), (float(np.exp(mean - wide)), float(np.exp(mean + wide)))


def _half(x: np.ndarray) -> float:
    """Half of a mean's 95% interval."""
    return float(student.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
