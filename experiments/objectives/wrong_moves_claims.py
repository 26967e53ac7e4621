"""What O8 claims of the cells of `wrong_moves`."""

import numpy as np
import pandas as pd

from mazerl.sweep.claims import Family, claim, control, every, share

STOCHASTIC, BETWEEN, DETERMINISTIC = "stochastic", "between", "deterministic"
_NEAR, _ROUGH, _ERRORS = 0.02, 0.05, 4.0
_ENOUGH = 5  # seeds to judge by

CLAIM_FAMILIES = (
    Family(
        id="O8",
        title="Failing always alike",
        statement="At equal success a group is mixed as often however the wrong moves are spread, "
        "and gradient ascent on logits recovers sooner where all wrong mass lies on one of m - 1 "
        "wrong moves, by 2(m - 1)/m, for any weight w(p); signs, Adam and the natural gradient see "
        "no difference. The remark comes true where it is prompts that always fail, and where many "
        "tries of one walk repeat their wrong move; with graded rewards fewer groups teach, and "
        "success comes no later.",
        source="no paper: that deterministic failure sabotages GRPO more than stochastic failure "
        "is a remark that is heard; dp/dt = w(p) p² [(1-p)² + Σ wrong π²], and so the ratio, are "
        "elementary",
        control="O8.c1 takes the same updates by their signs, by Adam and by the natural gradient, "
        "O8.4c walks by Adam: the ratio must be 1, which is not 2(m - 1)/m.",
        scope="One decision, free logits, groups of 16, expected updates but for O8.1 and O8.4. "
        "O8.2 is true by construction for small steps: tested are updates of finite size, and that "
        "nothing else is in the way. O8.1 is so for any outcome that is yes or no. The cases of "
        "O8.5 to O8.8 are one or two each, by plain gradients alone, and were seen before they "
        "were worded, like all that is exact here: prompts that the policy solves surely or "
        "never; wrong arms worth 0.2, 0.3 and 0.4 against 0.3 alone; tries of one walk that are "
        "drawn anew or repeat the first, where it is success at the start that differs (0.46 "
        "against 0.05 with 12 tries).",
        sampled=("O8.1", "O8.4*"),
    ),
)


def claims_of(cells: pd.DataFrame) -> list[dict[str, object]]:
    """O8, from a row for each cell, kind of failure and seed."""
    exact = cells[~cells["walked"]]
    moves = exact[exact["case"] == "moves"].pivot_table(
        "half", ["rule", "advantage", "arms", "success"], "failure"
    )
    ratio = moves[STOCHASTIC] / moves[DETERMINISTIC]
    arms = np.asarray(moves.index.get_level_values("arms"), float)
    law = 2 * (arms - 1) / arms
    plain = np.asarray(moves.index.get_level_values("rule") == "sgd")
    between = (moves[DETERMINISTIC] < moves[BETWEEN]) & (moves[BETWEEN] < moves[STOCHASTIC])
    near = (ratio / law - 1).abs() < _NEAR
    told = [
        every(claim, "O8.2", "updates to p = 1/2 with even wrong mass over those with all on one "
              "are 2(m - 1)/m: weights, arms and prompts", int(near[plain].sum()),
              int(plain.sum()), f"{_NEAR:.0%}"),
        every(claim, "O8.3", "where it lies mostly on one, they are between: the same cells",
              int(between[plain].sum()), int(plain.sum())),
        every(control, "O8.c1", "by signs, Adam and the natural gradient the ratio is 1: rules, "
              "weights, arms and prompts", int(((ratio - 1).abs() < _NEAR)[~plain].sum()),
              int((~plain).sum()), f"{_NEAR:.0%}"),
    ]  # fmt: skip
    return told + _of_walks(cells[cells["walked"]]) + _of_cases(exact)


def _of_walks(cells: pd.DataFrame) -> list[dict[str, object]]:
    if cells.empty:
        return []
    mixed = cells.groupby(["rule", "failure"])["mixed"].first()
    told = [
        every(claim, "O8.1", "along GRPO's runs groups are mixed as often as 1 - p^N - (1-p)^N "
              "says, whatever the wrong moves: rules and kinds of failure",
              int((mixed.abs() < _ERRORS).sum()), len(mixed), f"{_ERRORS:.0f} standard errors"),
    ]  # fmt: skip
    halves = cells.pivot_table("half", ["rule", "seed"], "failure")
    seeds = len(halves.loc["sgd"])
    if seeds < _ENOUGH:
        return told
    plain, adam = halves.loc["sgd"], halves.loc["adam"]
    ratio = {rule: float(part[STOCHASTIC].mean() / part[DETERMINISTIC].mean())
             for rule, part in (("sgd", plain), ("adam", adam))}  # fmt: skip
    return [
        *told,
        share(claim, "O8.4", "GRPO on walks, by plain gradients, is at 1/2 sooner with all wrong "
              "mass on one of three moves: seeds",
              int((plain[DETERMINISTIC] < plain[STOCHASTIC]).sum()), seeds, 0.9),
        claim("O8.4r", "and the ratio of mean updates is that of the expected ones", 1.5,
              ratio["sgd"], abs(ratio["sgd"] / 1.5 - 1) < _ROUGH, tolerance=f"{_ROUGH:.0%}"),
        control("O8.4c", "by Adam on walks the ratio is 1", 1.0, ratio["adam"],
                abs(ratio["adam"] - 1) < _ROUGH, tolerance=f"{_ROUGH:.0%}"),
    ]  # fmt: skip


def _of_cases(exact: pd.DataFrame) -> list[dict[str, object]]:
    def of(case: str, column: str) -> pd.DataFrame:
        mine = exact[exact["case"] == case]
        return mine.pivot_table(column, "tries", "failure")

    cases = ("prompts", "graded", "retries")
    shares = pd.concat([of(case, "teaching") for case in cases])
    rarer = shares[DETERMINISTIC] < shares[STOCHASTIC]
    prompts, graded, retries = (of(case, "half") for case in cases)
    later = {name: part[DETERMINISTIC] / part[STOCHASTIC]
             for name, part in (("graded", graded), ("retries", retries))}  # fmt: skip
    settled = float(prompts[DETERMINISTIC].iloc[0])
    gain = of("graded", "gain").iloc[0]
    least, most = retries.index.min(), retries.index.max()
    return [
        every(claim, "O8.5", "groups that teach are rarer where prompts are settled, rewards are "
              "graded, or moves are repeated: cases", int(rarer.sum()), len(rarer)),
        claim("O8.6", "with prompts that the policy solves surely or never the mean does not come "
              "to 1/2, with prompts that it solves as often alike it does: updates", "inf", settled,
              np.isinf(settled) and bool(np.isfinite(prompts[STOCHASTIC].iloc[0]))),
        claim("O8.7", "graded rewards: the mean reward's first gain with failures of one grade, "
              "over that with failures of three", "below 1", gain[DETERMINISTIC] / gain[STOCHASTIC],
              gain[DETERMINISTIC] < gain[STOCHASTIC]),
        claim("O8.7s", "but success comes no later with one grade: ratio of updates to 1/2",
              "at most 1", float(later["graded"].iloc[0]), later["graded"].iloc[0] <= 1),
        claim("O8.8", f"{most} tries a walk: success comes later where the wrong move is repeated: "
              "ratio of updates to 1/2", "above 2", float(later["retries"][most]),
              later["retries"][most] > 2),
        claim("O8.8s", f"with {least} tries it does not", "at most 1",
              float(later["retries"][least]), later["retries"][least] <= 1),
    ]  # fmt: skip
