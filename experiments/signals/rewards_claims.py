"""Claims about rewards that leak (A5)."""

from typing import Any

import pandas as pd

from mazerl.sweep.claims import Family, claim, control, every, share

CLAIM_FAMILIES = (
    Family(
        id="A5",
        title="Rewards that leak",
        statement="What is paid is learned, not what is meant. A check of the end state that also "
        "passes at a decoy ends there; pay by agreement with a demonstration or by time near the "
        "goal is farmed, though such pay tells most pairs of the base's walks apart and few "
        "of the trained policy's; pay for the demonstration to the letter says nothing where that "
        "is unlikely. A bonus added to arrival is farmed in a part of the caves, the same bonus "
        "behind the gate of arrival in none. Training on arrival first and on the letter after "
        "gains success, and not the letter.",
        source="arXiv 2605.25624 (CUA-Gym, its README: a reward by end state, written apart from "
        "the demonstration, accepted if it passes the golden state and fails the initial one), "
        "2605.03871 (EvoLM, abstract and code: accuracy on fixed pairs does not order reward "
        "models by the policies that they make), 2605.13301 (SU-01, README: coarse, then refined "
        "rewards). All rewards here are our reconstructions, and gated rubrics are an instance of "
        "nobody's. That what is paid without a bound is farmed is so by construction, in "
        "how many caves and how far success falls is not",
        control="A5.c1: a potential, paid back at the end, must leave every gradient alone (Ng et "
        "al. 1999, a theorem). A5.c2: its rises alone must not. A5.c3: the gated bonus must not "
        "be farmed, since a walk that does not arrive is paid nothing. A5.c4: a bounded checklist "
        "with the goal on it must learn the task and stay right on its own pairs. A5.c5: the end "
        "state itself must learn the task. A5.c6: on pairs of the policies that they made, "
        "accuracy must order the two rewards of A5.6 again.",
        scope="Exact expected updates, plain steps of one size, 120 of them; a tabular policy; "
        "caves of six junctions, which are trees, so that no second way is wrongly refused: what "
        "the letter refuses is detours. 30 steps; what is counted is counted to 12. Rewards are "
        "not scaled to each other. The demonstration is one shortest way and the decoy the dead "
        "end that the base comes to most: the check passes CUA-Gym's acceptance, not its votes "
        "and filters. No reward is learned or evolves with the policy. A5.4 base, which held on 16 "
        "caves of development, fails here: in 5 of 40 caves time near the goal is right on fewer "
        "than 0.9 of the base's pairs (median 0.98, least 0.36, where it is below the letter's "
        "0.96: the one cave in which A5.6 does not hold), and the statement above says most where "
        "it said almost all. Seen after the run: the letter says "
        "nothing in the 6 caves in which the base walks it with probability below 0.0013 (A5.2, "
        "whose interval reaches below what was asked); arrival first costs the letter up to 0.97, "
        "in caves where training on arrival settles on other walks, and gains it 0.008 at most "
        "(A5.9); the gated bonus costs 0.05 of success at most, and the additive one up to 0.59.",
    ),
)

_ENOUGH = 5  # seeds that a share is made of
FALL = 0.1  # of p from its highest on record


def claims(curves: pd.DataFrame, gaps: pd.DataFrame) -> list[dict[str, Any]]:
    """A5, from training on each reward, and from a cell's largest and least gap of shaping."""
    first, last = (
        curves[curves["update"] == update].pivot(index="seed", columns="arm")
        for update in (0, curves["update"].max())
    )
    p, before, right = last["success"], first["success"], last["accuracy"]
    near = p["near"] < before["near"]
    check = (p["weak check"] < p["end"]) & (last["reward"]["weak check"] > 0.9)
    bounded = (p["checklist"] >= 0.9) & (right["checklist"] >= 0.5)
    end, still, moved = p["end"] >= 0.9, gaps["potential"] <= 1e-12, gaps["rises"] > 1e-3
    n = len(p)
    rows = [
        share(claim, "A5.1", "a check that passes at a decoy too is paid above 0.9, and success "
              "is below that of training on the end state: caves", int(check.sum()), n, 0.95),
        share(claim, "A5.5", "paid for time near the goal, success ends below that of the base: "
              "caves", int(near.sum()), n, 0.95),
        every(control, "A5.c1", "shaping by a potential leaves the gradient where it is: caves",
              int(still.sum()), n, "1e-12 an entry"),
        every(control, "A5.c2", "the potential's rises alone move the gradient: caves",
              int(moved.sum()), n, "1e-3 in an entry"),
        share(control, "A5.c4", "a checklist with the goal on it: success is 0.9 or more, and "
              "accuracy on its own pairs 0.5 or more: caves", int(bounded.sum()), n, 0.95),
        share(control, "A5.c5", "the end state: success is 0.9 or more: caves",
              int(end.sum()), n, 0.95),
    ]  # fmt: skip
    return rows if n < _ENOUGH else rows + _many(curves, first, last)


def _many(curves: pd.DataFrame, first: pd.DataFrame, last: pd.DataFrame) -> list[dict[str, Any]]:
    """What many seeds say."""
    p, before, n = last["success"], first["success"], len(last)
    old, new = first["accuracy"], last["accuracy"]
    silent = p["whole path"] < p["end"] - 0.5
    more = last["reward"]["agreement"] > first["reward"]["agreement"]
    farmed = (p["agreement"] < before["agreement"]) & more
    order = (old["whole path"] < old["near"]) & (p["whole path"] > p["near"])
    added, behind = (curves[curves["arm"] == arm] for arm in ("additive", "gated"))
    additive, gated = _falls(added) & _rises(added), _falls(behind)
    letter = last["whole"]["end, then path"] - last["whole"]["whole path"]

    def told(kind: Any, name: str, what: str, met: "pd.Series[bool]", least: float) -> Any:
        return share(kind, name, f"{what}: caves", int(met.sum()), n, least)

    return [
        told(claim, "A5.2", "paid for the demonstration to the letter, success ends 0.5 or more "
             "below that of training on the end state", silent, 0.15),
        told(claim, "A5.3", "paid for moves of the demonstration, reward rises and success ends "
             "below that of the base", farmed, 0.5),
        told(claim, "A5.4 base", "time near the goal tells 0.9 or more of the base's pairs apart",
             old["near"] >= 0.9, 0.9),
        told(claim, "A5.4 own", "after training on it, fewer than half of the policy's own pairs",
             new["near"] < 0.5, 0.95),
        told(claim, "A5.6", "the letter is right on fewer of the base's pairs than time near the "
             "goal, and makes the better policy", order, 0.9),
        told(claim, "A5.7", "a bonus added to arrival: success falls by 0.1 or more from its "
             "highest while reward never falls", additive, 0.25),
        told(claim, "A5.8", "arrival first, then the letter: success is 0.9 or more",
             p["end, then path"] >= 0.9, 0.95),
        told(claim, "A5.9", "arrival first gains less than 0.05 in walking the letter over the "
             "letter all along", letter < 0.05, 0.9),
        every(control, "A5.c3", "the same bonus behind the gate of arrival: success never falls "
              "by 0.1 from its highest: caves", int((~gated).sum()), n),
        told(control, "A5.c6", "on pairs of the policies that they made, time near the goal is "
             "right on fewer than the letter", new["near"] < new["whole path"], 0.95),
    ]  # fmt: skip


def _falls(arm: pd.DataFrame) -> "pd.Series[bool]":
    """Where an arm's success ends below its highest."""
    p = arm.pivot(index="seed", columns="update", values="success")
    return p.max(axis=1) - p.iloc[:, -1] >= FALL


def _rises(arm: pd.DataFrame) -> "pd.Series[bool]":
    """Where its reward is at no record lower than at the one before."""
    reward = arm.pivot(index="seed", columns="update", values="reward")
    return (reward.diff(axis=1).iloc[:, 1:] >= -1e-9).all(axis=1)
