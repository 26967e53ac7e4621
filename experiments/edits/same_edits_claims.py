"""What the study of same edits tabulates and claims: X10 and X3."""

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every
from mazerl.sweep.studies import Tables

DEALS = 5
"""Of ranks dealt anew, whose mean is looked at."""

IN_PLACE = ("own", "other", "without_first", "rank_dealt")
"""What stands in the places that a run edits: its first choices, another run's, and no one's."""

_OF_PPO, _NEAR, _MORE, _APART, _EQUAL = 0.85, 0.2, 0.1, 0.05, 0.1
_OWN, _LESS, _DEALT_LESS = 0.6, 0.3, 0.4

_SOURCE = "Gai et al. 2026 (arXiv 2605.06241)"
_WORLD = (
    "Trees of 16 junctions of four ports, 32 goals that free rows see, T = 24; base with opinions "
    "drawn at random, turns at junctions and dead ends; two runs each of GRPO and PPO on eight "
    "pools, no transformer. An edit is a first choice that is not the base's. "
)

CLAIM_FAMILIES = (
    Family(
        id="X10",
        title="Whether two runs of RL edit the same places",
        statement="Along their own walks two runs of PPO make nearly the same edits, two of GRPO "
        "fewer, and PPO and GRPO about as many in common as two of GRPO; along the base's walks "
        "even two seeds of one method differ, because most edits there are where no run learned.",
        source=f"{_SOURCE}, which leaves it open whether its method edits what RL edits; two runs "
        "of one method as the ceiling, and that the answer hangs on whose walks are counted, by no "
        "paper",
        control="X10.c1: a run beside its own rows for another goal is as much edited, but for "
        "nothing to do with this goal: it must have less in common with it than PPO has with GRPO.",
        scope=_WORLD + "Jaccard's index by occupancy, exact for the rows that were found. The "
        "gated method of the paper is not among the runs. X10.4 was added after the run, to tell "
        "an interval.",
        sampled=("X10*",),
    ),
    Family(
        id="X3",
        title="What else would do in the places that RL edits",
        statement="A run's first choices in the places that it edits carry most of its gain; the "
        "base's other moves, drawn at random or of equal rank, carry far less; another method's "
        "first choices do nearly as well.",
        source=f"{_SOURCE} §3.2, random substitution from the top 20; without the first choice, "
        "and by matched rank, after this project's review",
        control="X3.c1: first choices of the other method's run in the same places, which were not "
        "chosen with it, must not lose what random moves lose.",
        scope=_WORLD + "Exact p of each mixture; gates of matched gradient norm were not tried.",
        sampled=("X3*",),
    ),
)


def table(records: list[Record]) -> Tables:
    """A row of each pair of runs, and of each run; X10 and X3."""
    pairs = pd.DataFrame([row for record in records for row in _pairs(record)])
    runs = pd.DataFrame([row for record in records for row in _runs(record)])
    claims = [*_places(pairs), *_moves(runs)]
    return Tables({"same_edits": pairs, "same_edits_runs": runs}, claims)


def _learners(record: Record) -> list[str]:
    return [name for name in record.config["learners"] for _ in range(2)]


def _pairs(record: Record) -> list[dict[str, object]]:
    """Of two runs, or of a run and its own rows for another goal."""
    names, pairs, apart = _learners(record), record.arrays["pairs"], record.arrays["apart"]
    each = [
        ("-".join(sorted((names[n], names[m]))), pairs[n, m])
        for n in range(len(names))
        for m in range(n)
    ] + [(f"{name}, another goal", apart[n]) for n, name in enumerate(names)]
    return [
        {
            "seed": record.config["seed"], "pair": name, "along": along, "jaccard": found[k, 0],
            "agreed": found[k, 1], "alike": found[k].prod(),
        }
        for name, found in each
        for k, along in enumerate(("base", "runs"))
    ]  # fmt: skip


def _runs(record: Record) -> list[dict[str, object]]:
    arrays, base = record.arrays, float(record.arrays["p_base"])
    told = []
    for n, learner in enumerate(_learners(record)):
        reached = float(arrays["p_run"][n])
        gain = (arrays["in_place"][n] - base) / (reached - base)
        told.append(
            {"seed": record.config["seed"], "learner": learner, "p_base": base, "p_run": reached,
             "edited": arrays["edited"][n]}
            | {f"gain_{name}": gain[k] for k, name in enumerate(IN_PLACE)}
        )  # fmt: skip
    return told


def _places(pairs: pd.DataFrame) -> list[dict[str, object]]:
    if not (pairs["pair"] == "grpo-ppo").any():
        return []
    own, base = (pairs[pairs["along"] == along] for along in ("runs", "base"))
    grpo, ppo, cross = (
        _means(own, pair, "jaccard") for pair in ("grpo-grpo", "ppo-ppo", "grpo-ppo")
    )
    between = (cross < ppo) & (np.abs(cross - grpo) < _NEAR)
    less = np.concatenate([
        _means(own, pair, "jaccard") - _means(base, pair, "jaccard")
        for pair in ("grpo-grpo", "ppo-ppo")
    ])  # fmt: skip
    wider = int((less >= _MORE).sum())
    strange = [_means(own, f"{name}, another goal", "alike") for name in ("grpo", "ppo")]
    apart = _means(own, "grpo-ppo", "alike") - np.mean(strange, 0) >= _APART
    away = cross - grpo
    spread = student_t.ppf(0.975, len(away) - 1) * away.std(ddof=1) / np.sqrt(len(away))
    interval = (float(away.mean() - spread), float(away.mean() + spread))
    return [
        every(claim, "X10.1", f"along their own walks two runs of PPO share {_OF_PPO:.0%} of their "
              "edited places or more: pools", int((ppo >= _OF_PPO).sum()), len(ppo)),
        every(claim, "X10.2", f"PPO and GRPO share less than two of PPO, and within {_NEAR} of "
              "what two of GRPO do: pools", int(between.sum()), len(between)),
        every(claim, "X10.3", f"along the base's walks two runs of one method share {_MORE} less "
              "or more: pools, both methods", wider, len(less)),
        claim("X10.4", "what PPO and GRPO share over what two of GRPO share, mean over pools; the "
              "95% interval is within", f"-{_EQUAL} to {_EQUAL}", float(away.mean()),
              interval[0] > -_EQUAL and interval[1] < _EQUAL, interval),
        every(control, "X10.c1", "places edited to the same port: a run and its own rows for "
              f"another goal share {_APART} less than PPO and GRPO, or more: pools",
              int(apart.sum()), len(apart)),
    ]  # fmt: skip


def _means(pairs: pd.DataFrame, pair: str, value: str) -> np.ndarray:
    """[pool] mean over all such pairs, by seed."""
    each = pairs[pairs["pair"] == pair].groupby("seed")[value].mean()
    return each.sort_index().to_numpy(float)


def _moves(runs: pd.DataFrame) -> list[dict[str, object]]:
    own = runs["gain_own"]
    less = {name: own - runs[f"gain_{name}"] for name in IN_PLACE[1:]}
    return [
        every(claim, "X3.1", f"a run's own first choices in its places have {_OWN:.0%} of its gain "
              "or more: runs", int((own >= _OWN).sum()), len(own)),
        every(claim, "X3.2", "drawn from the base without its first choice, "
              f"{_LESS:.0%} of the gain less or more: runs",
              int((less["without_first"] >= _LESS).sum()), len(own)),
        every(claim, "X3.3", f"of the run's ranks, dealt anew, {_DEALT_LESS:.0%} less or more: "
              "runs", int((less["rank_dealt"] >= _DEALT_LESS).sum()), len(own)),
        every(control, "X3.c1", f"another run's first choices lose less than {_LESS:.0%} of the "
              "gain: runs", int((less["other"] < _LESS).sum()), len(own)),
    ]  # fmt: skip
