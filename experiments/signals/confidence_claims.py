"""Claims about confidence as process reward (A6)."""

from typing import Any

import pandas as pd

from mazerl.sweep.claims import Family, claim, control, every, share

CLAIM_FAMILIES = (
    Family(
        id="A6",
        title="Confidence as process reward",
        statement="Where looking costs and guessing does not, reward for the answer alone may end "
        "in guessing, which reward for confidence that rises along the walk escapes in half of the "
        "trees or more. Little of that is the shape of the reward: the answer alone, paid half as "
        "much again, escapes about as often. The price is a feint. Where the goal is known at once "
        "the trained policy often says what is wrong, walks about and then says what is right; so "
        "confidence that rises is no faithfulness. A potential made of the policy's own confidence "
        "changes nothing where nothing is known at first, and moves the optimum where it is. "
        "Confidence in its own answer pays who looks at nothing.",
        source="arXiv 2605.24396 (its code: checkpoints k/5, weights, 10 answers each, here their "
        "expectation; it claims faithfulness, not calibration), Ng et al. 1999 for potentials. The "
        "worlds are our construction. That who knows nothing at first is right with 1/K on "
        "average whatever its head, that R - η<c, w> is R + 3.5 η x slope, and that faithfulness "
        "is 0 where the goal is told, hold by construction",
        control="A6.c1: reversed weights must escape less than the answer alone. A6.c2: with "
        "potential η c, 0 at the end, training must stay as it is where nothing is known at first. "
        "A6.c3: where the goal is told, the answer alone must end at once, without a feint. A6.c4: "
        "where the head does not read at first, confidence must escape less often.",
        scope="Exact expected updates, plain steps of one size, 500 of them; trees of 6 vertices, "
        "two goals, at most 6 moves at 0.1 each, η = 1; rows by arrival and by what was seen, "
        "which share nothing, so that a feint costs nothing elsewhere. No group is normalised: the "
        "paper's GRPO divides by the spread, which takes out a common factor but not the cost "
        "of moves beside it. A fixed potential (not the policy's own) pays the same to all walks "
        "and is not run. Faithfulness is I(goal; answer | what was known at first) over log K, an "
        "answer that the walk made; the paper's is whether hints are acknowledged. Calibration is "
        "of answers drawn from the head, in ten bins. Three fail here. On ten trees of development "
        "the answer alone ended in guessing in six, here in 4 of 24 (A6.1), so that there was "
        "little to escape from: A6.2 rests on 4 trees, its interval reaches below what was asked, "
        "and faithfulness gains 0.14 where 0.2 was asked (A6.11). A head that does not read at "
        "first is no obstacle: of the 16 trees that are left guessing there, confidence teaches 8, "
        "and the answer alone, paid half as much again, 7 (A6.c4; the statement said seldom). Seen "
        "after the run: with the goal hidden, success less the cost of moves is 0.74 on average "
        "with confidence, 0.78 with the answer alone and 0.80 with half as much again, since "
        "feints cost a move; without reading 0.71, 0.62 and 0.71. Mean c at checkpoint 2 is 0.33 "
        "there, where ignorance has 0.5, and its calibration error 0.59, from 0.04.",
    ),
)

_ENOUGH = 5  # seeds that a share is made of
GUESS, RIGHT = 0.55, 0.9  # success of two goals up to which it is guessing, from which it is not


def claims(curves: pd.DataFrame, along: pd.DataFrame, cells: pd.DataFrame) -> list[dict[str, Any]]:
    """A6, from the last record, the checkpoints at the end, and what is computed once a cell."""
    n = len(cells)
    last = curves[curves["update"] == curves["update"].max()].pivot(
        index="seed", columns=["world", "arm"]
    )
    moves, worth = last["moves"]["told"], last["worth"]["told"]
    least = along.groupby(["world", "arm", "seed"])["right"].min()
    same = cells["same"] <= 1e-9
    hacked = (cells["hack"] > 1.0) & (cells["hack informed"] < 1e-9)
    apart = (
        (cells["sure informed"] > cells["unsure informed"] + 1e-6)
        & (cells["sure error"] > cells["unsure error"] + 1e-6)
    )  # fmt: skip
    feigned = (least["told", "potential"] <= 0.1) & (moves["potential"] >= 0.9)
    plain = (least["told", "outcome"] >= 0.9) & (moves["outcome"] <= 0.5)
    costs = worth["confidence"] <= worth["outcome"] - 0.05
    rows = [
        share(claim, "A6.5", "the goal told, paid by the rises of its own confidence: it is first "
              "wrong on purpose (c ≤ 0.1 at a checkpoint) and moves 0.9 times or more: trees",
              int(feigned.sum()), n, 0.95),
        every(claim, "A6.7", "who looks at nothing is paid more for confidence in its own answer "
              "than any answer is worth (1): trees", int(hacked.sum()), n),
        every(claim, "A6.9", "of the same walks, a head that is sure of a possible goal is more "
              "faithful and worse calibrated than one that never is: trees", int(apart.sum()), n),
        every(control, "A6.c2", "the goal hidden, paid by the rises of its own confidence: every "
              "record is that of the answer alone: trees", int(same.sum()), n, "1e-9"),
        share(control, "A6.c3", "the goal told, paid for the answer alone: c is 0.9 or more all "
              "along and moves are 0.5 or fewer: trees", int(plain.sum()), n, 0.95),
    ]  # fmt: skip
    return rows if n < _ENOUGH else rows + _many(last, least, along, costs)


def _many(
    last: pd.DataFrame, least: "pd.Series[float]", along: pd.DataFrame, costs: "pd.Series[bool]"
) -> list[dict[str, Any]]:
    """What many seeds say."""
    p, n = last["success"], len(last)
    hidden, unread = p["hidden"], p["unread"]
    stuck = hidden["outcome"] <= GUESS
    out = hidden >= RIGHT
    both = int((stuck & out["confidence"]).sum())
    unread_stuck = unread["outcome"] <= GUESS
    late = int((unread_stuck & (unread["confidence"] >= RIGHT)).sum())
    mine = (along["world"] == "hidden") & (along["arm"] == "confidence")
    half = along[mine & (along["checkpoint"] == 2)].set_index("seed")
    went = out["confidence"]
    feints = went & (least["hidden", "confidence"] <= 0.4)
    worse = went & (half["error"] > half["error before"] + 0.1)
    farmed = (unread["own answer"] <= GUESS) & (last["reward"]["unread", "own answer"] >= 0.85)
    faithful = last["faithful"]["hidden"]
    gain = float((faithful["confidence"] - faithful["outcome"]).mean())
    return [
        share(claim, "A6.1", "the goal hidden, paid for the answer alone: training ends in "
              "guessing (success ≤ 0.55): trees", int(stuck.sum()), n, 0.35),
        share(claim, "A6.2", "of these, paid for confidence: success is 0.9 or more", both,
              max(int(stuck.sum()), 1), 0.4),
        claim("A6.3", "the answer alone, paid half as much again, ends with success 0.9 or more in "
              "as many trees as confidence, or a sixth of all fewer",
              f"≥ {int(went.sum()) - n // 6}", f"{int(out['scaled'].sum())} of {n}",
              bool(out["scaled"].sum() >= went.sum() - n // 6)),
        share(claim, "A6.4", "the goal told, paid for confidence: success less the cost of moves "
              "is 0.05 or more below that of the answer alone: trees", int(costs.sum()), n, 0.25),
        share(claim, "A6.6", "the goal hidden, of those that confidence teaches: it is wrong on "
              "purpose on the way (c ≤ 0.4 at a checkpoint, where ignorance has 0.5)",
              int(feints.sum()), max(int(went.sum()), 1), 0.25),
        share(claim, "A6.8", "the head does not read, paid for its own answer: paid 0.85 or more "
              "for guessing: trees", int(farmed.sum()), n, 0.1),
        share(claim, "A6.10", "the goal hidden, of those that confidence teaches: the calibration "
              "error at checkpoint 2 is 0.1 or more above that of the start", int(worse.sum()),
              max(int(went.sum()), 1), 0.5),
        claim("A6.11", "the goal hidden: mean faithfulness at the end, paid for confidence less "
              "paid for the answer alone", "> 0.2",
              gain, gain > 0.2),
        control("A6.c1", "reversed weights: fewer trees with success 0.9 or more than by the "
                "answer alone", f"< {int(out['outcome'].sum())}", int(out["reversed"].sum()),
                bool(out["reversed"].sum() < out["outcome"].sum())),
        share(control, "A6.c4", "the head does not read: of trees that the answer alone leaves "
              "guessing, paid for confidence success is 0.9 or more", late,
              max(int(unread_stuck.sum()), 1), 0.0, 0.4),
    ]  # fmt: skip
