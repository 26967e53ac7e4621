"""Claims about greedy choice of rollouts (I5) and about the entropy term (I6)."""

from typing import Any

import numpy as np
import pandas as pd

from experiments.common.counter_examples import CONDITIONS
from mazerl.sweep.claims import Family, claim, control, every

BOUND = 1 - 1 / np.e

CLAIM_FAMILIES = (
    Family(
        id="I5",
        title="What greedy choice of rollouts is guaranteed",
        statement="Greedy choice by the objective's exact gains keeps its guarantee where it is a "
        "theorem, and does far better on random instances, with outcomes seen in between and with "
        "a hidden difficulty as well; dropping any one condition breaks it. UUCB's statistics, "
        "which are told to be that objective's gains, do no better there than random choice; the "
        "gains estimated from the same statistics do.",
        source="arXiv 2605.05262 (InfoTree) is told that its objective is monotone and submodular "
        "and that greedy choice has (1 - 1/e); objective and UUCB are InfoTree-style, "
        "reconstructed. I5.1 is Nemhauser et al. 1978, I5.2 Golovin and Krause 2011, Thm 5.2: both "
        "are theorems, so that they test the code; the rest no paper asks",
        control="I5.c1 to I5.c4 drop one condition each, the first rollout, contrast for mixed "
        "pairs, no costs, outcomes known: in a family of instances with a closed form the ratio "
        "must fall below 1 - 1/e. I5.c5: choice at random must lose to greedy choice.",
        scope="Three expansions of three outcomes, four rollouts, weights, outcomes and visits "
        "drawn at random: not those of a maze, and expansions are siblings, so that UUCB's "
        "entropy, cost and depth terms, alike for all, are left out. The ratio is of gains of the "
        "objective; whether that teaches is I4's and I7's.",
    ),
    Family(
        id="I6",
        title="What the entropy term sees",
        statement="A move's entropy orders places nearly as 1 - Σπ² does, and neither as what "
        "hangs on the move: a third of the entropy along a walk of the base model lies where "
        "exactly nothing does, and where it is highest there is a small part of the most.",
        source="arXiv 2605.05262 (InfoTree) is told that the entropy bonus follows from the "
        "objective to first order; that H is at least 1 - Σπ² is elementary. Where it misleads no "
        "paper asks",
        control="I6.c1: with two ports both are functions of one number and order all policies "
        "alike. I6.c2: forks that are put there for nothing must add to the entropy that is idle; "
        "that nothing hangs on them is true by construction, and how much entropy they hold is "
        "not. I6.c3: a junction at random must have less hanging on it than that of highest "
        "entropy, or that would say nothing at all.",
        scope="Caves of 12 junctions and 24 goals each, a base model blind to the goal with "
        "opinions drawn at random, one time limit. What hangs on a move is the variance of exact "
        "Q over the policy's ports, averaged over its times there; idle is below 1e-12. A trained "
        "policy's entropy may lie elsewhere (X15).",
    ),
)


def claims(
    ratios: pd.DataFrame, places: pd.DataFrame, surrogates: pd.DataFrame, examples: pd.DataFrame
) -> list[dict[str, Any]]:
    """I5 and I6."""
    return _guarantee(ratios, examples) + _entropy(places, surrogates)


def _guarantee(ratios: pd.DataFrame, examples: pd.DataFrame) -> list[dict[str, Any]]:
    greedy = ratios[ratios["rule"] == "greedy"].groupby("kind")["ratio"]
    least, instances = greedy.min(), greedy.count()
    sequential = ratios[ratios["kind"].isin(["known", "hidden"])]
    estimated = float(sequential[sequential["rule"] == "estimated"]["ratio"].mean())
    uucb, between = _beyond(sequential, "uucb", "random")
    opened, opens = _beyond(sequential, "open", "uucb")
    lost, loses = _beyond(sequential, "greedy", "random")
    rows = [
        claim("I5.1", "chosen beforehand, all expansions begun: greedy choice's gain over the "
              f"best, smallest of {instances['all begun']} random instances", f"≥ {BOUND:.4f}",
              float(least["all begun"]), bool(least["all begun"] >= BOUND)),
        claim("I5.2", "chosen after outcomes, whose probabilities are known: the same, against "
              f"the optimum by dynamic programming, smallest of {instances['known']}",
              f"≥ {BOUND:.4f}", float(least["known"]), bool(least["known"] >= BOUND)),
        claim("I5.3", "with a difficulty that is hidden and shared, where no theorem holds: "
              f"smallest of {instances['hidden']}", "≥ 0.8", float(least["hidden"]),
              bool(least["hidden"] >= 0.8)),
        claim("I5.4", "gains estimated from outcomes seen below each expansion: mean over the "
              "optimum's", "≥ 0.88", estimated, estimated >= 0.88),
        claim("I5.5", "UUCB's value and exploration terms less choice at random: mean difference "
              "of the ratios", "0, within 0.04", uucb, max(map(abs, between)) <= 0.04, between),
        claim("I5.6", "with Q̄(1-Q̄) in place of Q̄: what that adds", "between 0 and 0.1", opened,
              opens[0] > 0 and opens[1] < 0.1, opens),
        control("I5.c5", "greedy choice less choice at random: mean difference of the ratios",
                "above 0.1", lost, loses[0] > 0.1, loses),
    ]  # fmt: skip
    apart = float((examples["ratio"] - examples["closed_form"]).abs().max())
    rows.append(
        claim("I5.7", "ratios of the counter-examples are those of their closed forms: largest "
              "difference", 0.0, apart, apart < 1e-9, tolerance="1e-9")
    )  # fmt: skip
    for number, condition in enumerate(CONDITIONS, start=1):
        part = examples[examples["condition"] == condition]
        falls = float(part["ratio"].min())
        rows.append(
            control(f"I5.c{number}", f"{_DROPPED[condition]}: smallest ratio of six instances",
                    f"below {BOUND:.4f}", falls, falls < BOUND)
        )  # fmt: skip
    return rows


_DROPPED = dict(
    zip(
        CONDITIONS,
        ("expansions that have no rollout yet", "mixed pairs for contrast",
         "rollouts that cost", "a signpost that tells which expansion pays"),
        strict=True,
    )
)  # fmt: skip


def _beyond(ratios: pd.DataFrame, rule: str, other: str) -> tuple[float, tuple[float, float]]:
    """Mean difference of two rules' ratios, and its 95% interval over draws of instances."""
    mean = ratios.groupby(["seed", "rule"])["ratio"].mean().unstack()
    return _interval((mean[rule] - mean[other]).to_numpy())


def _interval(values: np.ndarray) -> tuple[float, tuple[float, float]]:
    middle, error = float(values.mean()), 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return middle, (middle - error, middle + error)


def _entropy(places: pd.DataFrame, surrogates: pd.DataFrame) -> list[dict[str, Any]]:
    plain, decorated = (places[places["cave"] == kind] for kind in ("plain", "decorative"))
    more, two = surrogates[surrogates["arms"] > 2], surrogates[surrogates["arms"] == 2]
    within = (surrogates["least"] >= 0) & (surrogates["most"] <= surrogates["bound"] + 1e-12)
    apart = float(more["apart"].sum() / more["pairs"].sum())
    idle, idles = _interval(plain["idle"].to_numpy())
    at_forks, forks = _interval(decorated["marked"].to_numpy())
    added, adds = _interval(decorated["idle"].to_numpy() - plain["idle"].to_numpy())
    pick, picks = _interval(plain["pick"].to_numpy())
    better, betters = _interval((plain["pick"] - plain["random"]).to_numpy())
    rows = [
        every(claim, "I6.1", "H - (1 - Σπ²) lies between 0 and ln D - 1 + 1/D: numbers of ports D "
              "for which it does, on random policies", int(within.sum()), len(surrogates)),
        claim("I6.2", "pairs of random policies over three ports or more that H and 1 - Σπ² order "
              "otherwise", "from 2% to 10%", apart, 0.02 <= apart <= 0.1),
        control("I6.c1", "and over two ports", "0", int(two["apart"].sum()),
                int(two["apart"].sum()) == 0),
        claim("I6.3", "share of a walk's entropy where exactly nothing hangs on the move: mean "
              "over caves", "above 0.25", idle, idles[0] > 0.25, idles),
        claim("I6.4", "share at forks whose arms are worth the same, in caves that have one in "
              "every passage", "above 0.2", at_forks, forks[0] > 0.2, forks),
        claim("I6.5", "what hangs on the move at the junction of highest entropy, over the most of "
              "any: mean over caves", "below 0.35", pick, picks[1] < 0.35, picks),
        control("I6.c3", "that, less the same at a junction at random", "above 0", better,
                betters[0] > 0, betters),
    ]  # fmt: skip
    # Intervals of a few caves are wide.
    if len(plain) >= 20:
        rows.append(
            control("I6.c2", "what such forks add to the share where nothing hangs", "above 0.08",
                    added, adds[0] > 0.08, adds)
        )  # fmt: skip
    return rows
