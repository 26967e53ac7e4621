"""Claims about predicting what the maze answers (A8)."""

from typing import Any

import pandas as pd

from experiments.common.intervals import mean_and_interval
from mazerl.sweep.claims import Family, claim, control, share

CLAIM_FAMILIES = (
    Family(
        id="A8",
        title="Environment tokens",
        statement="Where success is near 0, predicting what the maze answers to a move, with a "
        "weight of 0.05 beside GRPO, helps a small network much; but the same answers permuted "
        "among arcs help no less, so that what they say of the map is not shown to matter, and a "
        "bonus for entropy of the same weight helps too. Predicting the move itself does not. "
        "Where success is near a half nothing is gained.",
        source="arXiv 2605.24517 (ECHO): the loss and its weight, gains over GRPO where success is "
        "rare. Controls are ours; that permuted answers do as well no paper has",
        control="A8.c1: free rows share nothing with a table of answers, so that not a bit "
        "may change. A8.c2: where success is near a half GRPO learns without them. A8.c3: the "
        "number of the port that was taken is known before the move, has little to predict and "
        "must help less.",
        scope="Networks of two layers of 32 channels that see the goal and read one "
        "arrival, from random weights: no pretrained model, whose features exist already. "
        "Answers are functions of the arc that was taken, and so learnable when permuted: this is "
        "not noise, but it says nothing of degrees, dead ends or places. Success near 0 is the "
        "random walk's; a network at its beginning may be better or worse. Goals are eight of one "
        "cave, 16 steps, 120 updates of 96 walks, one rate, one weight; no longer context, "
        "no landmark but the junction passed last. Why it helps is not shown: that the loss moves "
        "what the head for ports reads, as a bonus for entropy moves that head, is a guess. Two "
        "rows fail, both by the width of an interval: A8.4, for which ten caves are too few "
        "(answers 0.877, permuted 0.910), and A8.c2, whose mean of -0.012 comes of one of five "
        "caves that lost 0.038. In one of ten caves answers cost success, 0.997 to 0.624; the "
        "port's number ends below GRPO alone in the mean, 0.291 to 0.399.",
        sampled=("A8.*",),
    ),
)

_ENOUGH = 5  # pools that a mean is made of


def claims(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """A8, from success along training."""
    free = rows[rows["rows"]].pivot_table(
        index=["pool", "seed", "update"], columns="arm", values="success"
    )
    gap = float((free["GRPO"] - free["answers"]).abs().max())
    rises = free["GRPO"].unstack("update")
    learned = int((rises.iloc[:, -1] > rises.iloc[:, 0] + 0.1).sum())
    told = [
        share(claim, "A8.6", "free rows: GRPO gains more than 0.1: pools", learned, len(rises),
              1.0),
        control("A8.c1", "free rows: largest difference of success that answers make", 0.0, gap,
                gap == 0, tolerance="none"),
    ]  # fmt: skip
    nets = rows[~rows["rows"]]
    ends = {
        str(pool): own[own["update"] == own["update"].max()].pivot(
            index="seed", columns="arm", values="success"
        )
        for pool, own in nets.groupby("pool")
    }
    if set(ends) != {"near 0", "near half"} or min(map(len, ends.values())) < _ENOUGH:
        return told
    return told + _networks(ends["near 0"], ends["near half"])


def _networks(p: pd.DataFrame, half: pd.DataFrame) -> list[dict[str, Any]]:
    """What stands beside GRPO in a network, by success at the end."""
    n = len(p)

    def gained(arm: str) -> int:
        return int((p[arm] > p["GRPO"]).sum())

    def apart(
        kind: Any, name: str, statement: str, x: "pd.Series[float]", low: float, high: float
    ) -> dict[str, Any]:
        middle, between = mean_and_interval(x.to_numpy())
        expected = f"above {low:g}" if high == 1 else f"within {high:g} of 0"
        inside = low < between[0] and between[1] < high
        return kind(name, statement, expected, middle, inside, between)

    return [
        share(claim, "A8.1", "near 0: with answers success ends higher than without: pools",
              gained("answers"), n, 0.8),
        apart(claim, "A8.2", "near 0: what answers gain", p["answers"] - p["GRPO"], 0.1, 1),
        apart(claim, "A8.3", "near 0: what permuted answers gain", p["permuted"] - p["GRPO"],
              0.1, 1),
        apart(claim, "A8.4", "near 0: answers less permuted ones", p["answers"] - p["permuted"],
              -0.2, 0.2),
        share(claim, "A8.5", "near 0: with a bonus for entropy success ends higher than without: "
              "pools", gained("entropy"), n, 0.7),
        apart(control, "A8.c2", "near half: what answers gain", half["answers"] - half["GRPO"],
              -0.03, 0.03),
        share(control, "A8.c3", "near 0: with the number of the port success ends lower than with "
              "answers: pools", int((p["port"] < p["answers"]).sum()), n, 0.6),
    ]  # fmt: skip
