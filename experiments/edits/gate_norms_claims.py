"""What the study of gates of equal gradient norm, and of junctions alone, claims: X17 and X18."""

import numpy as np
import pandas as pd

from experiments.common.intervals import mean_and_interval
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share
from mazerl.sweep.studies import Tables

GATES = (
    "entropy", "degree", "chance", "low_entropy", "all", "entropy_half", "degree_half"
)  # fmt: skip
"""Of places, all scaled to the gradient's norm of the first."""

RATES = (1.0, 10.0)
"""Of plain descent over walks: small steps, and steps that learn."""

SAMPLED = ("entropy", "chance", "low_entropy", "all", "chance_as_it_is")
"""Gates of tokens, scaled as well, but for the last."""

HELD = ("none", "passages", "junctions")
"""Rows that do not learn."""

WALKS = (20, 80)
"""A problem, of a corpus of ReasonMaxxer."""

_SAME, _MOST, _LOW, _NEAR, _LITTLE, _WITHIN = 0.02, 0.5, 0.25, 0.15, 0.05, 0.1
_SHARE = 0.8
_SOURCE = "Gai et al. 2026 (arXiv 2605.06241)"
_POOLS = (
    "16 pools of 24 problems, T = 60, on 2 caves, 8 base models of each, that no other study has; "
    "free rows that see the goal, base opinions drawn at random; problems with p above 1/512. "
)

CLAIM_FAMILIES = (
    Family(
        id="X17",
        title="Gates of equal gradient norm",
        statement="With first gradients of one norm a gate by entropy is still worth what a count "
        "of ports is and no more than no gate; low entropy and chance over places gain little. "
        "Chance over tokens is no gate at a smaller step: scaled back it gains several times what "
        "it does as it is, until its noise is as large.",
        source=f"{_SOURCE}, whose gate is compared with no other; that equal tokens are not equal "
        "gradients, after a third party's plan of ablations",
        control="X17.c1, X17.c2: the places of lowest entropy, whose gradient is a twentieth, must "
        "gain next to nothing although it is made as long.",
        scope=_POOLS + "Norms are exact, of the expected loss at the base: sums over moves of "
        "walks at temperature .6, clip 2.5. Plain descent, not Adam, which divides by the norm; "
        "60 updates at a rate that suits the gate by entropy on development pools. That chance "
        "over tokens has its share of no gate's expected gradient is so by construction, and so "
        "nearly is that no gate is not worse in a first step. Here all junctions have more entropy "
        "than any passage, so that the first two gates are one unless half as many tokens are "
        "asked for: X17.1 says this of the caves, and cannot fail where it is so. Shuffled "
        "advantages have no expected gradient to scale. X17.2 fails: in 4 of "
        "16 pools chance among junctions gains more at half; in the mean entropy does, 0.30 and "
        "0.22. Since the run it is judged at full size alone.",
        sampled=("X17.5", "X17.6", "X17.7", "X17.c2"),
    ),
    Family(
        id="X18",
        title="RL that trains junctions alone",
        statement="On the rows of junctions alone GRPO learns more slowly than on all rows, and "
        "PPO in the end better; at the steps of ReasonMaxxer's 20 walks a problem both are behind "
        "it on the same rows, at those of 80 GRPO is level and PPO ahead: what ReasonMaxxer saves "
        "is by its loss on few walks, not by sparsity.",
        source=f"{_SOURCE}, which compares costs with RL on all parameters; RL on the same rows, "
        "by no paper",
        control="X18.c1: on all rows but those of junctions both must learn less.",
        scope=_POOLS + "A junction has three ports or more; in passages one can turn, which all "
        "rows may learn not to. Rows that are held have gradients of 0. Rates are those of all "
        "rows (X9), not tuned again for some. Steps of the environment; p between updates is "
        "interpolated. ReasonMaxxer with a gate of three ports or more, one pass, Adam. Level is "
        "within 0.1: the interval of X18.4 is above 0.",
        sampled=("X18*",),
    ),
)


def table(records: list[Record]) -> Tables:
    """A row of each pool and gate, of walks and of RL; X17 and X18."""
    exact = [record for record in records if record.config["part"] == "exact"]
    trained = [record for record in records if record.config["part"] == "training"]
    gates = pd.DataFrame([row for record in exact for row in _gates(record)])
    frames, told = {"gate_norms": gates}, _exactly(gates)
    if trained:
        walks = pd.DataFrame([row for record in trained for row in _walks(record)])
        curves = pd.DataFrame([row for record in trained for row in _curves(record)])
        rows = pd.DataFrame([_rows(record) for record in trained])
        frames |= {
            "gate_norms_walks": walks, "gate_norms_curves": curves, "gate_norms_rows": rows
        }  # fmt: skip
        told += [*_over_walks(walks), *_held(rows)]
    return Tables(frames, told)


def _gates(record: Record) -> list[dict[str, object]]:
    """Of each gate: its norm over that of entropy, its occupancy, gains of descent."""
    arrays, before = record.arrays, float(record.arrays["before"].mean())
    return [
        {
            "seed": record.config["seed"], "gate": name, "before": before, "norm": norm,
            "occupancy": occupancy, "first": means[1] - before, "gain": means[-1] - before,
        }
        for name, norm, occupancy, means in zip(
            GATES, arrays["norms"] / arrays["norms"][0], arrays["occupancy"], arrays["means"],
            strict=True,
        )
    ]  # fmt: skip


def _walks(record: Record) -> list[dict[str, object]]:
    """Of each gate and rate: gain in mean p, and problems left with less than half of it."""
    before, found = record.arrays["before"], record.arrays["sampled"]
    return [
        {
            "seed": record.config["seed"], "rate": rate, "gate": name,
            "gain": p.mean() - before.mean(), "lost": int((p < before / 2).sum()),
        }
        for rate, each in zip(RATES, found, strict=True)
        for name, p in zip(SAMPLED, each, strict=True)
    ]  # fmt: skip


def _curves(record: Record) -> list[dict[str, object]]:
    """Mean p over steps of GRPO and PPO, by the rows that are held; of gated contrast."""
    arrays, seed = record.arrays, record.config["seed"]
    told: list[dict[str, object]] = [
        {"seed": seed, "method": name, "held": held, "steps": steps, "success": p}
        for name in ("grpo", "ppo")
        for held, spent, means in zip(HELD, arrays[f"{name}_steps"], arrays[name], strict=True)
        for steps, p in zip(spent, means, strict=True)
    ]
    return told + [
        {"seed": seed, "method": f"gated_{walks}", "held": "passages", "steps": steps, "success": p}
        for walks, steps, p in zip(WALKS, arrays["steps"], arrays["gated"], strict=True)
    ]


def _rows(record: Record) -> dict[str, object]:
    """p of each learner at the steps of each corpus, and at the least of all ends."""
    arrays = record.arrays
    told: dict[str, object] = {"seed": record.config["seed"]}
    for walks, p in zip(WALKS, arrays["gated"], strict=True):
        told[f"gated_{walks}"] = float(p)
    for name in ("grpo", "ppo"):
        last = arrays[f"{name}_steps"][:, -1].min()
        for held, spent, means in zip(HELD, arrays[f"{name}_steps"], arrays[name], strict=True):
            for label, steps in (*zip(WALKS, arrays["steps"], strict=True), ("end", last)):
                told[f"{name}_{held}_{label}"] = float(np.interp(steps, spent, means))
    return told


def _exactly(gates: pd.DataFrame) -> list[dict[str, object]]:
    gain = gates.pivot_table(index="seed", columns="gate", values="gain")
    apart = float((gain["entropy"] - gain["degree"]).abs().max())
    halves = gain["entropy_half"] > gain["degree_half"]
    chance = gain["chance"] < _MOST * gain["entropy"]
    ungated = (gain["all"] / gain["entropy"] - 1).between(-_SAME, _NEAR)
    low = gain["low_entropy"] < _LOW * gain["entropy"]
    told = [
        claim("X17.1", "exactly, a gate by entropy gains what a count of ports does at its "
              "occupancy: largest difference", f"below {_SAME}", apart, apart < _SAME),
        every(claim, "X17.3", "chance over places gains less than half of what entropy does: "
              "pools", int(chance.sum()), len(chance)),
        every(claim, "X17.4", "no gate gains no less, and at most 15% more: pools",
              int(ungated.sum()), len(ungated), f"-{_SAME:.0%}"),
        every(control, "X17.c1", "the places of lowest entropy gain less than a quarter: pools",
              int(low.sum()), len(low)),
    ]  # fmt: skip
    if len(halves) > 1:  # one pool says little of it
        told.insert(1, every(
            claim, "X17.2", "at half of it entropy gains more than chance among the same places: "
            "pools", int(halves.sum()), len(halves),
        ))  # fmt: skip
    return told


def _over_walks(walks: pd.DataFrame) -> list[dict[str, object]]:
    small, large = (
        walks[walks["rate"] == rate].pivot_table(index="seed", columns="gate", values="gain")
        for rate in RATES
    )
    learnt = walks[walks["rate"] == RATES[1]].groupby("gate")["lost"].sum()
    scaled = small["chance"] > 2 * small["chance_as_it_is"]
    part = float(large["chance"].mean() / large["entropy"].mean())
    low, between = mean_and_interval(large["low_entropy"].to_numpy())
    lost = (int(learnt["chance"]), int(learnt["entropy"]))
    return [
        every(claim, "X17.5", "over walks with small steps chance over tokens gains more than "
              "twice of what it does where it is not scaled: pools",
              int(scaled.sum()), len(scaled)),
        claim("X17.6", "with steps that learn, part of what the gate by entropy gains",
              f"below {_MOST}", part, part < _MOST),
        claim("X17.7", "and it leaves more problems with less than half of the base's p: problems",
              "more than entropy", f"{lost[0]} and {lost[1]}", lost[0] > lost[1]),
        control("X17.c2", "with those steps the tokens of lowest entropy gain next to nothing: "
                "mean gain", f"below {_LITTLE}, 95%", low, between[1] < _LITTLE, between),
    ]  # fmt: skip


def _held(rows: pd.DataFrame) -> list[dict[str, object]]:
    few, many = WALKS

    def more(one: str, other: str) -> int:
        return int((rows[one] > rows[other]).sum())

    level, between = mean_and_interval(
        (rows[f"grpo_passages_{many}"] - rows[f"gated_{many}"]).to_numpy()
    )
    less = (rows["grpo_junctions_end"] < rows["grpo_passages_end"]) & (
        rows["ppo_junctions_end"] < rows["ppo_passages_end"]
    )
    behind = (rows[f"grpo_passages_{few}"] < rows[f"gated_{few}"]) & (
        rows[f"ppo_passages_{few}"] < rows[f"gated_{few}"]
    )
    return [
        share(claim, "X18.1", f"at the steps of {many} walks a problem GRPO on all rows is ahead "
              "of GRPO on junctions: pools", more(f"grpo_none_{many}", f"grpo_passages_{many}"),
              len(rows), _SHARE),
        share(claim, "X18.2", "at its end PPO on junctions is ahead of PPO on all rows: pools",
              more("ppo_passages_end", "ppo_none_end"), len(rows), _SHARE),
        share(claim, "X18.3", f"at the steps of {few} walks a problem both are behind ReasonMaxxer "
              "on junctions: pools", int(behind.sum()), len(rows), _SHARE),
        claim("X18.4", f"at those of {many} GRPO on junctions is level with it: mean difference",
              f"within {_WITHIN}, 95%", level, max(map(abs, between)) < _WITHIN, between),
        share(claim, "X18.5", f"at those of {many} PPO on junctions is ahead of it: pools",
              more(f"ppo_passages_{many}", f"gated_{many}"), len(rows), _SHARE),
        every(control, "X18.c1", "on all rows but those of junctions GRPO and PPO end with less: "
              "pools", int(less.sum()), len(less)),
    ]  # fmt: skip
