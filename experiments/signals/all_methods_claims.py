"""Claims about all methods on one pool (U1)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from mazerl.sweep.claims import Family, claim, control, every

FAVOURITES = {
    "3": ("GRPO", "RLOO", "GRPO's division by the spread, less RLOO"),
    "4": ("GRPO, dynamic sampling", "GRPO, no spread", "dynamic sampling, less all groups"),
    "5": ("trees, UUCB", "GRPO, no spread", "trees by UUCB, less flat groups"),
    "6": ("PPO", "SFT, the base's arrivals", "PPO, less SFT on the base's arrivals"),
    "7": ("ReasonMaxxer", "SFT, the base's arrivals", "ReasonMaxxer, less SFT on arrivals"),
}
"""By number of the claim: what a paper proposes or made its own, what is plain, and the words."""

ORACLES = ("SFT, shortest paths", "SFT, exact RL's walks", "exact RL")
TEMPERED = tuple(f"base, temperature {t}" for t in (0.5, 0.7, 1.5))
ENOUGH = 5  # pools for an interval

CLAIM_FAMILIES = (
    Family(
        id="U1",
        title="All methods on one pool",
        statement="With as many steps of the environment and as many rates tried for each, four of "
        "five methods that papers propose end below a plain one: dynamic sampling and trees by "
        "UUCB below flat groups, PPO and ReasonMaxxer below SFT on the base's own arrivals. "
        "GRPO's division by the spread is not told apart from RLOO, nor RLOO, nor naming walks "
        "after goals that they came by, from that SFT. RLOO ends farther from the base than exact "
        "RL does; no method that samples learns to come back from dead ends as exact RL does, and "
        "four times the steps are worth more to the base than any temperature.",
        source="no paper: the methods are those of the papers on the page about papers; which of "
        "them wins is asked here on one pool. UUCB and ReasonMaxxer's hidden steps are "
        "reconstructed, so that this is no verdict on their papers",
        control="U1.c1: groups told another group's outcomes must not gain. U1.c2: the walks of "
        "hindsight, told the goal that was meant, must gain next to nothing.",
        scope="Free rows that see the goal, so that nothing carries over to goals that are held "
        "out, and none are; 24 goals of a cave and a base model drawn anew for each of ten seeds, "
        "T = 60, 300 000 steps or as many tokens of imitation, batches as they are in the code. "
        "Rates are the best of four on two pools of development; nothing else is tuned, and finer "
        "rates or larger budgets may order methods otherwise. What oracles cost is not counted: "
        "shortest paths, exact gradients and a teacher's walks are no steps of the environment. "
        "PPO with exact values, coverage and transformers are left out; PPO takes 1.03% more "
        "steps. Means of U1.3 and U1.9 were so on development pools; both fail here, and the "
        "statement was reworded for it. ReasonMaxxer makes one pass, as in its paper, which SFT "
        "does not.",
        sampled=("U1*",),
    ),
)


def mean_of(values: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Mean and Student's 95% interval of independent values; no interval of few."""
    mean, count = float(values.mean()), len(values)
    if count < ENOUGH:
        return mean, (np.nan, np.nan)
    wide = float(student.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return mean, (mean - wide, mean + wide)


def claims_of(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """U1, from a row a method and pool."""
    wide = {
        name: rows.pivot_table(index="seed", columns="method", values=name)
        for name in ("success", "recovery", "kl")
    }
    p, pools = wide["success"], len(wide["success"])
    taught = p[[name for name in ORACLES if name in p]]
    told = [
        every(claim, "U1.1", "told shortest paths, a teacher's walks or the exact gradient mean p "
              "is 0.99 or more: methods and pools", int((taught >= 0.99).sum().sum()), taught.size),
        every(control, "U1.c1", "groups told another's outcomes gain less than 0.1 in mean p: "
              "pools", int((p["GRPO, others' outcomes"] - p["base"] < 0.1).sum()), pools),
    ]  # fmt: skip
    return told + (_of_many(wide, pools) if pools >= ENOUGH else [])


def _of_many(wide: dict[str, pd.DataFrame], pools: int) -> list[dict[str, Any]]:
    p, recovery = wide["success"], wide["recovery"]
    apart = {
        number: mean_of((p[method] - p[plain]).to_numpy())
        for number, (method, plain, _) in FAVOURITES.items()
    }
    lost = sum(between[1] < 0 for _, between in apart.values())
    told = [
        claim("U1.2", "of five that papers propose, those whose mean p is below the plain one's",
              "3 or more", lost, lost >= 3, tolerance="95% interval of the difference below 0"),
    ]  # fmt: skip
    for number, (_, _, words) in FAVOURITES.items():
        mean, between = apart[number]
        told.append(claim(f"U1.{number}", f"mean p of {words}: mean over pools", "below 0", mean,
                          between[1] < 0, between, "95% interval"))  # fmt: skip
    arrivals = p["SFT, the base's arrivals"]
    named, near = mean_of((p["SFT, named after the walk"] - arrivals).to_numpy())
    ahead, above = mean_of((p["RLOO"] - arrivals).to_numpy())
    ratio = wide["kl"]["RLOO"] / wide["kl"]["exact RL"]
    far, farther = mean_of(np.log(ratio.to_numpy()))
    sampled = recovery.drop(columns="exact RL").max(axis="columns")
    shorter = p[[name for name in TEMPERED if name in p]].max(axis="columns")
    meant = p["SFT, the same walks as meant"] - p["base"]
    return [
        *told,
        claim("U1.8", "mean p of SFT on walks named after where they came by, less SFT on arrivals",
              "-0.05 to 0.05", named, near[0] > -0.05 and near[1] < 0.05, near, "95% interval"),
        claim("U1.9", "mean p of RLOO, less SFT on arrivals: mean over pools", "above 0", ahead,
              above[0] > 0, above, "95% interval"),
        claim("U1.10", "log of RLOO's KL from the base over exact RL's: mean over pools", "above 0",
              far, farther[0] > 0, farther, "95% interval"),
        every(claim, "U1.11", "from dead ends exact RL's p is 1.5 times that of every other "
              "method: pools", int((recovery["exact RL"] > 1.5 * sampled).sum()), pools),
        every(claim, "U1.12", "the base with four times the steps has a higher mean p than at any "
              "temperature tried: pools", int((p["base, 4 T steps"] > shorter).sum()), pools),
        every(control, "U1.c2", "walks of hindsight told the goal that was meant gain less than "
              "0.2: pools", int((meant < 0.2).sum()), pools),
    ]  # fmt: skip
