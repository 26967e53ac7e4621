"""What two steps of lookahead are worth in deep and narrow mazes: family I12."""

import pandas as pd

from experiments.common.intervals import mean_and_interval
from mazerl.sweep.claims import Family, claim, control

MANY = 5
"""Mazes of each length from which on small differences are judged."""

CLAIM_FAMILIES = (
    Family(
        id="I12",
        title="Two steps of lookahead",
        statement="Two steps of lookahead mix as many groups as the greedy gain of one, however "
        "long the way to the first junction is.",
        source="arXiv 2605.05262 (InfoTree) is told that greedy's margin over a selector with two "
        "steps of lookahead shrinks from 1.5 points to 0.33 in deep and narrow trees; gain and "
        "lookahead are reconstructed, so that this is no verdict on the paper's",
        control="I12.c: trees resumed as deep as they can be must mix clearly fewer at every "
        "length, so that where walks are resumed does matter here.",
        scope="Twelve junctions of three ways behind 0, 4 or 12 passages, goals with p from 1/256 "
        "to 0.9 that lie in the bush or at its end, a base model that turns round with 0.2%; 16 "
        "leaves, 8 of them first walks. Both choose by the expected gain in coverage, contrast "
        "and novelty, less cost and depth; lookahead foresees outcomes, not what the new walk "
        "meets. Neither reaches what flat groups mix by their exact law, which stands beside.",
        sampled=("I12*",),
    ),
)


def claims_of(frame: pd.DataFrame) -> list[dict[str, object]]:
    """I12; small differences only where there are mazes for them."""
    told: list[dict[str, object]] = []
    deep = frame.pivot(index=["length", "seed"], columns="rule", values="mixed")
    depth = frame.pivot(index=["length", "seed"], columns="rule", values="depth")
    flat = frame[frame["rule"] == "greedy"].set_index(["length", "seed"])["flat"]
    for length in sorted(set(frame["length"])):
        mine, law = deep.loc[length], flat.loc[length]
        where = f"{length} passages before the first junction"
        gap, between = mean_and_interval((mine["lookahead"] - mine["greedy"]).to_numpy())
        lost, around = mean_and_interval((mine["deepest"] - mine["greedy"]).to_numpy())
        below, near = mean_and_interval((law - mine["greedy"]).to_numpy())
        later = depth.loc[length]["deepest"] - depth.loc[length]["greedy"]
        told += [
            claim(f"I12.1 {length}", f"{where}: mixed groups with lookahead less without",
                  "0, within 0.01", gap, abs(gap) < 0.01, between),
            control(f"I12.c {length}", f"{where}: mixed groups of trees resumed as deep as can be, "
                    "less the greedy ones", "below -0.03", lost,
                    lost < -0.03 and bool((later > 0).all()), around),
        ]  # fmt: skip
        if len(mine) >= MANY:
            told.append(claim(f"I12.2 {length}", f"{where}: mixed groups by the exact law of flat "
                              "groups less the greedy ones", "from 0 to 0.06", below,
                              0 < below < 0.06, near))  # fmt: skip
    return told
