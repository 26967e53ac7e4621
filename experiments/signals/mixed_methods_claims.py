"""Claims about demonstrations first and RL after, or both mixed (A7)."""

from typing import Any

import pandas as pd

from experiments.common.intervals import mean_and_interval
from mazerl.sweep.claims import Family, claim, control, every, share

CLAIM_FAMILIES = (
    Family(
        id="A7",
        title="SFT first, or mixed with RL",
        statement="SFT and then RL ends near three ways of mixing both at equal steps, or above "
        "them, where nothing is wrong: no way is best on every pool. An optimiser that "
        "sees the first of 16 microbatches puts it below the best of them on every pool where it "
        "is in SFT alone, by more than any difference between methods, so that it makes the claim "
        "that mixing is better; in both arms it takes most of that away. In expectation it costs "
        "little, since RL makes up for short steps; what it costs is mostly that so few "
        "demonstrations are seen. A mean of microbatch means makes no such claim: short "
        "demonstrations, which it prefers, are the better ones here.",
        source="arXiv 2604.23747 (SFT-then-RL outperforms mixed-policy methods): both faults and "
        "the order of methods, with SFT's fault in the baseline alone; mixed methods are bare "
        "reconstructions of LUFFY (2504.14945), SRFT and ReLIFT as that paper names them. That "
        "the second fault is harmless, the population and the fault in both arms no paper has",
        control="A7.c1: with one microbatch neither fault has anything to get wrong. A7.c2: "
        "demonstrations of one length leave the second nothing to weigh. A7.c3: 16 times as many "
        "updates of SFT must undo the first under plain steps, if it is a matter of speed. "
        "A7.c4: in both arms the first must not favour either.",
        scope="Free rows that see the goal, 16 goals of a cave, 60 steps; eight updates of SFT "
        "on 16 demonstrations, 50 000 steps of RL, between the updates that surround them by "
        "proportion; 16 demonstrations of each goal, of one who knows the way at seven of ten "
        "vertices. Mixed methods see 110 to 170 demonstrations, SFT 128. Each method has the best "
        "of nine settings (the group, RL and SFT alone: of three) on two pools of development "
        "without a fault, as of who does not know of it; with the fault other rates may be "
        "better. Success is near 1 under Adam, so that differences between methods are small "
        "beside those that the fault makes. The demonstration in the group has no loss of "
        "imitation, so that it has no fault; its probability ratio is not shaped. No network "
        "shares what it learns. The population is of plain steps alone: expected updates "
        "at the mean number of tokens. Two rows fail. A7.1, which held on six pools of "
        "development: SFT, then RL, ends above all three under Adam on 13 of 20, and its "
        "mean, 0.991, is below those of joint (0.995) and alternating (0.994); under plain steps "
        "it has the highest mean. A7.c3: plain steps, 16 times as many updates with the fault end "
        "within 0.02 on 15 of 20 pools, with means of 0.930 and 0.933; in expectation on all, so "
        "that steps of the size chosen for 16 walks are noisy on one.",
        sampled=("A7.1", "A7.2*", "A7.3*", "A7.4", "A7.5", "A7.7", "A7.9", "A7.c*"),
    ),
)

_MEANS, _FIRST = ", mean of microbatch means", ", first microbatch alone"
_THEN = "SFT, then RL"
_MIXED = ["in the group", "joint", "alternating"]
_ENOUGH = 5  # pools that a share is made of


def claims(rows: pd.DataFrame, limits: pd.DataFrame) -> list[dict[str, Any]]:
    """A7, from success of each arm, and of SFT without end."""
    end = rows[rows["share"] == 1].set_index(["optimizer", "seed", "arm"])
    ends = {
        str(name): each.droplevel(0) for name, each in end["success"].unstack().groupby(level=0)
    }
    told = []
    for name, p in ends.items():
        best = p[[arm for arm in _MIXED if arm in p]].max(axis=1)
        turned = int((p[_THEN + _FIRST] < best).sum())
        told += [
            share(claim, f"A7.2 {name}", "the first fault in SFT alone: SFT, then RL, ends below "
                  "the best mixed method: pools", turned, len(p), 0.95),
        ]  # fmt: skip
    one = max(
        float((p[column] - p[_THEN]).abs().max())
        for p in ends.values()
        for column in p
        if str(column).endswith(", one")
    )
    told += [control("A7.c1", "one microbatch: largest difference of success that a fault makes",
                     0.0, one, one < 1e-6, tolerance="1e-6")]  # fmt: skip
    if any(len(p) < _ENOUGH for p in ends.values()):
        return told
    return told + _orders(ends) + _population(end, ends) + _lengths(ends, limits)


def _orders(ends: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """What is above what."""
    told, adam = [], ends["adam"]
    n, best = len(adam), adam[_MIXED].max(axis=1)
    above, means = adam[_THEN] > best, adam[_THEN + _MEANS] > best
    faulty = adam[_THEN + _FIRST] < adam[_MIXED].min(axis=1)
    for name, p in ends.items():
        gap = p[_THEN + _FIRST] - p[[arm + _FIRST for arm in _MIXED[1:]]].max(axis=1)
        middle, between = mean_and_interval(gap.to_numpy())
        told += [control(f"A7.c4 {name}", "the first fault in both: SFT, then RL, less the better "
                         "of joint and alternating, mean over pools", "within 0.1 of 0", middle,
                         max(map(abs, between)) <= 0.1, between)]  # fmt: skip
        alone = p[_THEN + _FIRST] - p[_MIXED].max(axis=1)
        middle, between = mean_and_interval(alone.to_numpy())
        told += [claim(f"A7.3 {name}", "the first fault in SFT alone: the same difference, of all "
                       "three", "below -0.1", middle, between[1] < -0.1, between)]  # fmt: skip
    return [
        share(claim, "A7.1", "Adam, no fault: SFT, then RL, ends above all mixed methods: pools",
              int(above.sum()), n, 0.8),
        share(claim, "A7.4", "Adam, the first fault in SFT alone: it ends below all mixed "
              "methods: pools", int(faulty.sum()), n, 0.9),
        share(claim, "A7.5", "Adam, the second fault in SFT alone: the order is as without: pools",
              int((means == above).sum()), n, 0.8),
        *told,
    ]  # fmt: skip


def _population(end: pd.DataFrame, ends: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Expected updates, which are of plain steps."""
    p, walked = end["population"].unstack().loc["sgd"], ends["sgd"]
    lost = p[_THEN] - p[_THEN + _FIRST]
    sampled = walked[_THEN] - walked[_THEN + _FIRST]
    below, n = p[_THEN + _FIRST] < p["alternating"], len(p)
    return [
        share(claim, "A7.6 order", "in expectation: with the first fault SFT, then RL, ends below "
              "alternating without: pools", int(below.sum()), n, 0.95),
        share(claim, "A7.6 group", "in expectation, no fault: a demonstration in the group ends "
              "below SFT, then RL: pools", int((p["in the group"] < p[_THEN]).sum()), n, 0.95),
        share(claim, "A7.6 loss", "in expectation: the fault costs SFT, then RL, less than 0.1: "
              "pools", int((lost < 0.1).sum()), n, 0.9),
        share(claim, "A7.7", "walked with plain steps: it costs more than in expectation: pools",
              int((sampled > lost).sum()), n, 0.9),
    ]  # fmt: skip


def _lengths(ends: dict[str, pd.DataFrame], limits: pd.DataFrame) -> list[dict[str, Any]]:
    """What the second fault needs, and how long the first one lasts."""
    unequal = float(ends["adam"][_THEN + _MEANS].sub(ends["adam"][_THEN]).abs().max())
    same = max(
        float((p[f"{_THEN}{_MEANS}, alike"] - p[f"{_THEN}, alike"]).abs().max())
        for p in ends.values()
    )
    longer = {name: p[f"{_THEN}{_FIRST}, longer"] - p[_THEN] for name, p in ends.items()}
    own = limits.groupby("seed")[["right", "means"]].first()
    n = len(own)
    return [
        share(claim, "A7.8", "SFT without end: success is higher by the second fault: pools",
              int((own["means"] > own["right"]).sum()), n, 0.95),
        share(claim, "A7.9", "Adam: 16 times as many updates of SFT with the first fault still "
              "end more than 0.05 lower: pools", int((longer["adam"] < -0.05).sum()), n, 0.6),
        every(control, "A7.c2", "demonstrations of one length: optimisers whose success the "
              "second fault moves by less than 1e-6, and unequal ones by more",
              2 * int(same < 1e-6 < unequal), 2),
        share(control, "A7.c3", "plain steps: 16 times as many updates of SFT with the first "
              "fault end at most 0.02 lower: pools", int((longer["sgd"] >= -0.02).sum()), n, 0.9),
    ]  # fmt: skip
