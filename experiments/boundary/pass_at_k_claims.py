"""What PASS@(k, T)'s tables say: families B1, B2, B3, B6 and B8."""

import math
from typing import Any

import pandas as pd

from experiments.boundary.pass_at_k_tables import TEMPERATURES
from experiments.common.fork_problems import DISTANCE
from mazerl.sweep.claims import Family, claim, control, every, share

_SCOPE = (
    "Mazes whose structure was made so that what is asked can come out either way: all ways are "
    f"{DISTANCE} steps, right arms one step, and whether an arm is right can be seen after that "
    "step. A policy is one layer over 36 tokens, trained on 100 problems of B and 100 of C and "
    "tested on 500 others of each category, drawn anew for each of five seeds; the base model goes "
    "straight on, and turns round with probability 0.2. Free rows on a problem not trained on are "
    "the base model by construction: B9."
)
_CONTROL_B1 = (
    "B1.1 is the paper's negative control: one decision, where RL must gain nothing; B1.c2 is its "
    "contingency table. B1.c1 takes tries of just the distance: RL has learned to try and come "
    "back, which takes steps, so that it must fall below the base model there."
)

FAMILIES = (
    Family(
        id="B1",
        title="Where RL moves the boundary",
        statement="With 64 tries of four times the distance, a policy over turns trained by GRPO "
        "solves no more problems of one decision than its base model, and many more chained ones, "
        "on mazes that it has never seen; with tries of just the distance it solves fewer. With "
        "full support every curve meets at 1 as k → ∞.",
        source="arXiv 2604.14877 (categories A and C, RL against base; its 100 problems give "
        "McNemar p = .22)",
        control=_CONTROL_B1,
        scope=_SCOPE + " On A both succeed with 64 tries to the third digit: there is no room "
        "above, so that B1.1 and B1.c2 say that RL loses nothing, and could not show a gain.",
        sampled=("B1*",),
    ),
    Family(
        id="B2",
        title="Where SFT falls below its base model",
        statement="On chained problems, with 64 tries of four times the distance, SFT on golden "
        "paths solves fewer than its base model; SFT on walks that have looked into wrong arms "
        "and turned round, and a student of RL's arrivals, solve more.",
        source="arXiv 2604.14877 (SFT against base on category C)",
        control="B2.c1 is SFT that has seen retreats. B2.c2 takes problems as many forks deep "
        "whose wrong arms end at once, so that nobody has to decide to turn: SFT must not fall "
        "there. B2.c3 takes tries of just the distance, in which nobody has time to turn.",
        scope=_SCOPE + " That golden paths hold passages, walked straight, is what unlearns "
        "turning round.",
        sampled=("B2*",),
    ),
    Family(
        id="B3",
        title="Tries against steps",
        statement="Of chained problems, four times the steps make the base model's tries for an "
        "even chance several times fewer, and SFT's hardly; where wrong arms end at once, SFT's "
        "as well.",
        source="arXiv 2604.14877 (two axes of one budget; which to buy, no formula seen)",
        control="B3.c is SFT on problems whose wrong arms end at once: there steps must help it.",
        scope=_SCOPE
        + " From about T = 34 on SFT comes back from the ends of wrong arms, and steps "
        "help it as well; B3.3 is large because RL hardly ever arrives in just the distance.",
        sampled=("B3*",),
    ),
    Family(
        id="B6",
        title="Where RL's successes surprise the base model",
        statement="On chained problems arrivals of RL are more perplexing to the base model than "
        "its own in passages, where RL turns round, and hardly at forks.",
        source="arXiv 2604.14877 (perplexity probe: 2.07 at queries, 3.08 in reasoning)",
        control="B6.c takes problems whose wrong arms end at once, so that RL's passages hold no "
        "turn of its own: they must stay below the bound of B6.1.",
        scope=_SCOPE + " Exact for each trained model, pooled over problems and moves of arrivals "
        "within four times the distance; moves at dead ends, of which there is one, are left out.",
        sampled=("B6*",),
        figure="temperature",
    ),
    Family(
        id="B8",
        title="Heat, one long try, and more steps than in training",
        statement="On chained problems a colder base model falls as SFT does, and no temperature "
        "brings SFT back to the base model, or the base model to RL; one try of eight times the "
        "steps is worth more than eight tries; RL goes on gaining beyond the steps it was "
        "trained with.",
        source="no paper: what 2604.14877 leaves open",
        control="B8.c1: with one decision heat and cold must change nothing at 64 tries. B8.c2: "
        "with one decision eight fresh tries must be worth more than one long one.",
        scope=_SCOPE + f" Temperatures {', '.join(map(str, TEMPERATURES))}.",
        sampled=("B8*",),
        figure="temperature",
    ),
)


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """All claims and controls; differences are the worst over seeds."""
    runs = frames["pass_at_k"]
    return [
        *_boundary(runs, frames["pass_at_k_pairs"], frames["pass_at_k_estimates"]),
        *_imitation(runs),
        *_tries(runs),
        *_surprise(frames["pass_at_k_perplexity"]),
        *_open(runs, frames["pass_at_k_temperature"], frames["pass_at_k_long"]),
    ]


def _by_seed(
    runs: pd.DataFrame, category: str, model: str, distances: int = 4, column: str = "solved"
) -> "pd.Series[float]":
    mine = runs[(runs["category"] == category) & (runs["model"] == model)]
    return mine[mine["steps"] == distances * DISTANCE].set_index("seed")[column]


def above(
    kind: Any, name: str, statement: str, values: "pd.Series[float]", bound: float
) -> dict[str, Any]:
    """Values, one a seed, that must all be above; the smallest is told."""
    least, most = float(values.min()), float(values.max())
    told = f"{statement}: smallest over seeds"
    return kind(name, told, f"above {bound:g}", least, least > bound, (least, most))


def below(
    kind: Any, name: str, statement: str, values: "pd.Series[float]", bound: float
) -> dict[str, Any]:
    """Values, one a seed, that must all be below; the largest is told."""
    least, most = float(values.min()), float(values.max())
    told = f"{statement}: largest over seeds"
    return kind(name, told, f"below {bound:g}", most, most < bound, (least, most))


def _boundary(
    runs: pd.DataFrame, pairs: pd.DataFrame, estimates: pd.DataFrame
) -> list[dict[str, Any]]:
    gain = {
        (category, distances): _by_seed(runs, category, "rl", distances)
        - _by_seed(runs, category, "base", distances)
        for category, distances in (("A", 4), ("C", 4), ("C", 1))
    }
    rl: Any = pairs[(pairs["first"] == "rl") & (pairs["second"] == "base")].set_index("category")
    chained, one = rl.loc[["C"], "p_value"], rl.loc[["A"], "p_value"]
    found = estimates["deviation"].abs()
    return [
        below(claim, "B1.1", "one decision (A), 64 tries, T = 4 × distance: |RL - base|",
               gain["A", 4].abs(), 0.02),
        above(claim, "B1.2", "chained (C), the same tries: RL - base", gain["C", 4], 0.1),
        share(claim, "B1.3", "64 sampled tries a problem on C, RL against base, McNemar's exact "
              "p < .01: seeds", int((chained < 0.01).sum()), len(chained), 1.0),
        every(claim, "B1.4", "every policy may arrive within every limit from the distance on, on "
              "every problem, so that all curves meet at 1 as k → ∞: cells whose hardest problem "
              "has p > 0", int((runs["least"] > 0).sum()), len(runs)),
        every(claim, "B1.5", "1 - C(n-c, k)/C(n, k) from those tries, of the base model, is the "
              "exact PASS@k: seeds, categories and k", int((found < 4).sum()), len(found),
              "4 standard errors"),
        below(control, "B1.c1", "chained, T = distance: RL - base", gain["C", 1], -0.02),
        share(control, "B1.c2", "B1.3's test on A, p > .05: seeds", int((one > 0.05).sum()),
              len(one), 1.0),
    ]  # fmt: skip


def _imitation(runs: pd.DataFrame) -> list[dict[str, Any]]:
    def less(category: str, model: str, distances: int = 4) -> "pd.Series[float]":
        other = _by_seed(runs, category, "base", distances)
        return _by_seed(runs, category, model, distances) - other

    return [
        below(claim, "B2.1", "chained (C), 64 tries, T = 4 × distance: SFT on golden paths - "
               "base", less("C", "sft"), -0.05),
        above(claim, "B2.2", "a student of RL's arrivals on the training problems - base there",
               less("C", "student"), 0.1),
        above(control, "B2.c1", "SFT that has seen retreats - base there", less("C", "retreats"),
               0.0),
        above(control, "B2.c2", "wrong arms that end at once (B): SFT - base", less("B", "sft"),
               -0.01),
        above(control, "B2.c3", "chained, T = distance: SFT - base", less("C", "sft", 1), 0.0),
    ]  # fmt: skip


def _tries(runs: pd.DataFrame) -> list[dict[str, Any]]:
    def fewer(category: str, model: str) -> "pd.Series[float]":
        once, fourfold = (_by_seed(runs, category, model, n, "even") for n in (1, 4))
        return once / fourfold

    words = "tries for an even chance at T = distance over those at 4 × distance"
    return [
        above(claim, "B3.1", f"chained (C), base: {words}", fewer("C", "base"), 5.0),
        below(claim, "B3.2", f"chained, SFT on golden paths: {words}", fewer("C", "sft"), 1.5),
        above(claim, "B3.3", f"chained, RL: {words}", fewer("C", "rl"), 1000.0),
        above(control, "B3.c", f"wrong arms that end at once (B), SFT: {words}",
               fewer("B", "sft"), 5.0),
    ]  # fmt: skip


def _surprise(cells: pd.DataFrame) -> list[dict[str, Any]]:
    told: Any = cells.pivot_table("perplexity", ["category", "segment", "seed"], "model")
    ratio: Any = told["rl"] / told["base"]
    words = "perplexity of RL's arrivals to the base model, over that of its own"
    return [
        above(claim, "B6.1", f"chained (C), in passages: {words}", ratio["C", "passages"], 1.1),
        below(claim, "B6.2", f"chained, at forks, |log| of: {words}",
               ratio["C", "forks"].map(math.log).abs(), math.log(1.1)),
        below(control, "B6.c", f"wrong arms that end at once (B), in passages: {words}",
               ratio["B", "passages"], 1.1),
    ]  # fmt: skip


def _open(runs: pd.DataFrame, tempered: pd.DataFrame, long: pd.DataFrame) -> list[dict[str, Any]]:
    by: Any = tempered.pivot_table("solved", ["category", "model", "seed"], "temperature")
    base, sft = by.loc["C", "base"], by.loc["C", "sft"]
    one = by.loc["A", "base"]
    most = int(long["tries"].max())
    tries: Any = long[(long["model"] == "base") & (long["tries"] == most)].set_index("category")
    worth = {name: tries.loc[[name], "once"] - tries.loc[[name], "many"] for name in ("A", "C")}
    beyond = _by_seed(runs, "C", "rl", 8, "one_try")
    cold, hot = min(TEMPERATURES), max(TEMPERATURES)
    return [
        below(claim, "B8.1", f"chained (C), 64 tries, T = 4 × distance: the base model at "
               f"temperature {cold} - at 1", base[cold] - base[1.0], -0.1),
        below(claim, "B8.2", "SFT at its best temperature - the base model at 1",
               sft.max(axis=1) - base[1.0], 0.0),
        below(claim, "B8.3", "the base model at its best temperature - RL at 1",
               base.max(axis=1) - by.loc["C", "rl"][1.0], -0.05),
        above(claim, "B8.4", f"chained, base: one try of {most} × T - {most} tries of T",
               worth["C"], 0.0),
        above(claim, "B8.5", "chained, one try of RL at twice the T of training - at that T",
               beyond - _by_seed(runs, "C", "rl", 4, "one_try"), 0.0),
        below(control, "B8.c1", f"one decision (A), 64 tries: the base model's range over "
               f"temperatures up to {hot}", one.max(axis=1) - one.min(axis=1), 0.02),
        below(control, "B8.c2", f"one decision, base: one try of {most} × T - {most} tries of T",
               worth["A"], 0.0),
    ]  # fmt: skip
