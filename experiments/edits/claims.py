"""What the study of edits tabulates and claims: X1, X2, X4 and X15."""

import numpy as np
import pandas as pd

from mazerl.measure.edits import Edits
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

REACH = (0.9, 0.999)
"""Mean p at which a teacher is looked at; interventions are of the last."""

GATES = ("kl", "entropy", "pivotality", "per_visit", "degree", "chance")
"""Ways to choose places; `degree` is junctions first, each part in the order of chance."""

_TEACHERS = (*map(str, REACH), "random")
_SUBSTITUTES = (
    "first_choices", "without_first", "rank_dealt", "greedy_base", "greedy_teacher",
    "greedy_patched", "greedy_random", "greedy_random_patched",
)  # fmt: skip
_MARKED = (
    "marked", "marked_entropy_half", "marked_pivotality_half", "p_marked", "p_entropy_half",
    "p_pivotality_half", "entropy_marked", "pivotality_marked",
)  # fmt: skip
_FINDING = ("found_entropy", "junctions_entropy", "found_degree", "junctions_degree", "in_passages")
_MOST, _PART = 0.9, 1 / 3
_SEEDS = 5  # or more, where the least of some is beside the largest of others

_PAPER = "Gai et al. 2026 (arXiv 2605.06241)"
_WORLD = (
    "Caves of 8 junctions, 10 goals that the policy sees, T = 1.5 times the farthest; free rows, "
    "exact ascent on p by Adam, which stands for RL without sampling; no PPO or GRPO run, no "
    "transformer. The base's opinions are drawn at random, so that its confidence says nothing of "
    "the goal; a language model's may. "
)

CLAIM_FAMILIES = (
    Family(
        id="X1",
        title="Whether what RL changes is sparse, and what that says",
        statement="Where most moves are forced, RL changes the first choice at a few percent of "
        "tokens, at many times the mean entropy; a teacher of random preferences does so as well, "
        "so that these numbers are the maze's and not RL's.",
        source=f"{_PAPER} §3.1: 1 to 4% reranked, base rank 2.1 to 2.4, entropy 5 to 12 times; "
        "that chance shows the same is asked by no paper",
        control="X1.c1: with no passages every vertex is a junction, and what is changed is "
        "neither rare nor at high entropy. X1.c2: with turns allowed anywhere RL changes more, at "
        "lower entropy, than on the same maze with turns at junctions.",
        scope=_WORLD + "With turns at junctions alone, which is a property of the base's support, "
        "no token elsewhere can change: the bound on the share is by construction.",
    ),
    Family(
        id="X2",
        title="Whether the edits are all that matters",
        statement="That greedy patching reproduces the teacher is true of any two policies. What "
        "hangs on edits is told by mixtures: places chosen by pivotality carry the gain with "
        "fewer tokens than by chance, both ways; and what stands in the teacher's place, at random "
        "or of equal rank, does not.",
        source=f"{_PAPER} §3.2, whose oracle is an identity; necessity after arXiv 2603.22446",
        control="X2.c1: with turns anywhere places in passages have two ports, so that what is not "
        "the base's first choice is the teacher's: random substitution there is no control, and "
        "recovers more than with turns at junctions.",
        scope=_WORLD + "Exact p of each mixture, at 20 sizes of S. Pivotality and KL are known "
        "here exactly; nobody has them beforehand. X2.c1 fails: the means of five mazes are as it "
        "says, the smallest with turns anywhere is not above the largest without.",
    ),
    Family(
        id="X4",
        title="Whether entropy finds the edits",
        statement="Entropy finds edits among all tokens, and so does counting ports; among "
        "junctions it is no guide, unless the base is unsure where it is wrong.",
        source=f"{_PAPER} §3.3, where a gate at 1.2 nats matches the teacher; counting ports "
        "beside it, no paper",
        control="X4.c1: a base that knows the way where it is settled: entropy must find more than "
        "with opinions drawn at random. X4.c2: a fork at which the base is nearly sure and wrong: "
        "the gate must miss it. X4.c3: a fork of high entropy whose arms are worth the same: the "
        "gate opens there, in vain.",
        scope=_WORLD,
    ),
    Family(
        id="X15",
        title="Where turning back is to be learned, entropy does not find it",
        statement="With turns anywhere an entropy gate has to open at most of the tokens before "
        "it carries the gain; gates by pivotality or KL open at fewer.",
        source="no paper: joins arXiv 2605.06241 to Wei & Kim's question",
        control="X15.c: on the same mazes with turns at junctions alone it needs few tokens.",
        scope=_WORLD + "Much of what is gained in passages is that turns which the base takes "
        "with 0.02 become rarer, which changes no first choice.",
    ),
)


def table(records: list[Record]) -> Tables:
    """Shares of each cell, its curves, and what else is told of it; X1 to X15."""
    shares = pd.DataFrame([row for record in records for row in _shares(record)])
    curves = pd.DataFrame([row for record in records for row in _curves(record)])
    cells = pd.DataFrame([_cell(record) for record in records])
    frames = {"edits": shares, "edits_curves": curves, "edits_cells": cells}
    return Tables(frames, [
        *_sparse(shares, cells), *_enough(cells), *_found(cells), *_hidden(cells),
    ])  # fmt: skip


def _name(record: Record) -> dict[str, object]:
    return {key: record.config[key] for key in ("passage", "turns", "kind", "seed")}


def _shares(record: Record) -> list[dict[str, object]]:
    return [
        _name(record) | {"teacher": teacher, "along": along}
        | dict(zip(Edits._fields, record.arrays["shares"][n, m].tolist(), strict=True))
        for n, teacher in enumerate(_TEACHERS)
        for m, along in enumerate(("base", "teacher"))
    ]  # fmt: skip


def _recovered(record: Record, success: np.ndarray) -> np.ndarray:
    """Part of the last teacher's gain over the base."""
    p = record.arrays["success"].mean(1)
    return np.asarray((success - p[0]) / (p[-1] - p[0]))


def _curves(record: Record) -> list[dict[str, object]]:
    return [
        _name(record) | {"gate": gate, "share": share, "enough": enough, "needed": needed}
        for gate, curve in zip(GATES, record.arrays["curves"], strict=True)
        for share, enough, needed in zip(
            curve[:, 0], *_recovered(record, curve[:, 1:].T), strict=True
        )
    ]


def _cell(record: Record) -> dict[str, object]:
    told, p = _name(record), record.arrays["success"].mean(1)
    told |= dict(zip(("p_base", "p_early", "p_teacher"), p.tolist(), strict=True))
    told |= dict(zip(("chance_edited", "chance_rank"), record.arrays["by_chance"], strict=True))
    told["shifted_half"] = float(record.arrays["half"][0])
    for names, key in ((_FINDING, "finding"), (_SUBSTITUTES, "substitutes"), (_MARKED, "marked")):
        told |= dict(zip(names, record.arrays[key].tolist(), strict=True))
    for name in _SUBSTITUTES[:3]:
        told[f"gain_{name}"] = float(_recovered(record, record.arrays["substitutes"])[
            _SUBSTITUTES.index(name)
        ])  # fmt: skip
    for gate, curve in zip(GATES, record.arrays["curves"], strict=True):
        enough, needed = _recovered(record, curve[:, 1:].T)
        # The last size is all decisions, which is the teacher.
        told[f"enough_{gate}"] = float(curve[int((enough >= _MOST).argmax()), 0])
        told[f"needed_{gate}"] = float(curve[int((needed <= 1 - _MOST).argmax()), 0])
    return told


def _plain(frame: pd.DataFrame, passage: int, turns: str = "junctions") -> pd.DataFrame:
    mine = (frame["passage"] == passage) & (frame["turns"] == turns) & (frame["kind"] == "plain")
    return frame[mine].set_index("seed").sort_index()


def _sparse(shares: pd.DataFrame, cells: pd.DataFrame) -> list[dict[str, object]]:
    along = shares[shares["along"] == "base"]
    trained, drawn = (along[along["teacher"] == name] for name in (str(REACH[-1]), "random"))
    none, few, many = (1 - _plain(trained, s)["unshifted"] for s in (0, 3, 12))
    long, random, chance = (_plain(each, 12) for each in (trained, drawn, cells))
    sparse = (many <= 0.05) & (long["entropy_ratio"] >= 5)
    alike = (random["entropy_ratio"] / long["entropy_ratio"] - 1).abs() < 0.25
    alike &= 1 - random["unshifted"] < 0.08
    dense = (none > 0.2) & (_plain(trained, 0)["entropy_ratio"] < 2)
    anywhere = _plain(trained, 12, "anywhere")
    more = (1 - anywhere["unshifted"] > many) & (
        anywhere["entropy_ratio"] < long["entropy_ratio"] / 2
    )
    return [
        every(claim, "X1.1", "the share of tokens whose first choice RL changes falls with the "
              "length of passages, 0, 3, 12: mazes", int(((none > few) & (few > many)).sum()),
              len(many)),
        every(claim, "X1.2", "with passages of 12 it is at most 5% along the base's walks, at 5 "
              "times the mean entropy or more: mazes", int(sparse.sum()), len(sparse)),
        every(claim, "X1.3", "a teacher of random preferences is below 8% there, and its ratio of "
              "entropies is RL's within a quarter: mazes", int(alike.sum()), len(alike)),
        every(claim, "X1.4", "the mean base rank of RL's new choice is not below 0.9 of what "
              "chance gives there: mazes", int((long["rank"] >= 0.9 * chance["chance_rank"]).sum()),
              len(long)),
        every(control, "X1.c1", "without passages more than 20% is changed, at less than twice the "
              "mean entropy: mazes", int(dense.sum()), len(dense)),
        every(control, "X1.c2", "with turns anywhere more is changed than with turns at junctions, "
              "at less than half of the entropy ratio: mazes", int(more.sum()), len(more)),
    ]  # fmt: skip


def _enough(cells: pd.DataFrame) -> list[dict[str, object]]:
    same = (cells["greedy_patched"] - cells["greedy_teacher"]).abs().to_numpy()
    odd = (cells["greedy_random_patched"] - cells["greedy_random"]).abs().to_numpy()
    plain = cells[cells["kind"] == "plain"]
    fewer = plain["enough_pivotality"] < plain["enough_chance"]
    reverted = plain["needed_pivotality"] < plain["needed_chance"]
    forced = plain[(plain["turns"] == "junctions") & (plain["passage"] > 0)]
    free = plain[plain["turns"] == "anywhere"]
    others = forced["gain_without_first"].max() < free["gain_without_first"].min()
    told = [
        every(claim, "X2.1", "greedy patching where first choices differ has the teacher's p to "
              "the bit, by construction, RL's teacher or a random one: pairs",
              int((same == 0).sum() + (odd == 0).sum()), 2 * len(cells)),
        every(claim, "X2.2", "for 90% of the gain S by pivotality needs fewer tokens than by "
              "chance: mazes", int(fewer.sum()), len(fewer)),
        every(claim, "X2.3", "and to take 90% away it needs fewer: mazes", int(reverted.sum()),
              len(reverted)),
        every(claim, "X2.4", "with turns at junctions the base's other moves in place of the "
              "teacher's new first choices recover less than a third of the gain: mazes",
              int((forced["gain_without_first"] < _PART).sum()), len(forced)),
        every(claim, "X2.5", "and so do moves of the teacher's ranks, dealt anew: mazes",
              int((forced["gain_rank_dealt"] < _PART).sum()), len(forced)),
    ]  # fmt: skip
    if cells["seed"].nunique() >= _SEEDS:
        told.append(control(
            "X2.c1", "with turns anywhere random substitution recovers more in every maze than in "
            "any with turns at junctions: least part of the gain", "above the other's largest",
            float(free["gain_without_first"].min()), others,
        ))  # fmt: skip
    return told


def _found(cells: pd.DataFrame) -> list[dict[str, object]]:
    plain = cells[cells["kind"] == "plain"]
    forced = plain[(plain["turns"] == "junctions") & (plain["passage"] > 0)]
    as_well = (forced["found_entropy"] > 0.9) & (
        forced["found_degree"] > forced["found_entropy"] - 0.05
    )
    guide = forced["junctions_entropy"]
    sure, fork, settled = (
        cells[cells["kind"] == kind] for kind in ("confident", "decorative", "calibrated")
    )
    missed = (sure["marked_entropy_half"] == 0) & (sure["marked_pivotality_half"] > _PART)
    missed &= sure["p_pivotality_half"] > sure["p_entropy_half"]
    vain = (fork["p_marked"] - fork["p_base"]).abs() < 1e-9
    vain &= (fork["entropy_marked"] > 0.69) & (fork["marked"] > 0.1)
    knows, drawn = settled["junctions_entropy"], _plain(cells, 3)["junctions_entropy"]
    return [
        every(claim, "X4.1", "among all tokens entropy finds edits (area above 0.9), and a port "
              "count of 3 or more within 0.05 as well: mazes", int(as_well.sum()), len(as_well)),
        claim("X4.2", "among junctions alone it is no guide: mean area under the curve",
              "0.35 to 0.65", float(guide.mean()), 0.35 <= guide.mean() <= 0.65),
        control("X4.c1", "where the base knows the way at settled forks it is one: mean area under "
                "the curve over mazes with edits, 0.1 above that of random opinions",
                f"above {drawn.mean() + 0.1:.3f}", float(knows.mean()),
                knows.mean() > drawn.mean() + 0.1),
        every(control, "X4.c2", "a confidently wrong fork is missed: it is no part of half of the "
              "decisions by entropy, but a third or more by pivotality, whose p is larger: mazes",
              int(missed.sum()), len(missed)),
        every(control, "X4.c3", "a gate below ln 2 nats opens at all decorative forks, a tenth or "
              "more of decisions, and patching them changes p by less than 1e-9: mazes",
              int(vain.sum()), len(vain)),
    ]  # fmt: skip


def _hidden(cells: pd.DataFrame) -> list[dict[str, object]]:
    free, forced = _plain(cells, 12, "anywhere"), _plain(cells, 12)
    most = (free["enough_entropy"] > 0.6).sum()
    found = (free[["enough_kl", "enough_pivotality"]].max(axis=1) < 0.6).sum()
    return [
        every(claim, "X15.1", "passages of 12, turns anywhere: the entropy gate opens at more than "
              "60% of tokens before it has 90% of the gain: mazes", int(most), len(free)),
        every(claim, "X15.2", "and gates by KL and by pivotality at less: mazes", int(found),
              len(free)),
        every(control, "X15.c", "with turns at junctions the entropy gate needs at most 10%: mazes",
              int((forced["enough_entropy"] <= 0.1).sum()), len(forced)),
    ]  # fmt: skip
