"""What free rows' table says: family B9."""

from typing import Any

import numpy as np
import pandas as pd

from experiments.boundary.pass_at_k_claims import above, below
from experiments.boundary.pass_at_k_tables import STEPS
from experiments.common.fork_problems import CATEGORIES, DISTANCE
from mazerl.measure.pass_at_k import pass_at_k
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control

UNSEEN = 0.2
"""How often the base model turns round, and with it free rows where they have learned nothing."""
TURNINGS = (0.02, 0.05, 0.1, UNSEEN, 0.3, 0.4)
_TRIES = 64

_SELDOM = min(TURNINGS)

FAMILIES = (
    Family(
        id="B9",
        title="Free rows on the problems of PASS@(k, T)",
        statement="What free rows learn of a problem stays with it: on problems shown to them SFT "
        "and RL gain on every one, chained or not, and on others they are the base model. A base "
        "model that has unlearned turning round everywhere, one number for all passages, falls on "
        "chained problems where SFT does and gains where SFT does; no such number gains what RL "
        "gains there.",
        source="no paper: what is left of 2604.14877's categories without a network. That free "
        "rows on problems not shown are the base model is so by construction",
        control="B9.c1 takes problems whose wrong arms end at once: there turning seldom must not "
        "fall. B9.c2 asks of that number what B9.4 asks of free rows, a loss on no problem: it "
        "must lose. B9.c3 asks B9.3 of tries of just the distance: there a number must gain.",
        scope="The problems are those of B1 to B3, seed by seed, free rows are trained on the 100 "
        "of B and the 100 of C that policies over turns were; their steps and rates are their own. "
        "That one number falls as SFT does says that it is enough for such a fall, not that a "
        "transformer falls by it alone. Numbers tried: " + ", ".join(map(str, TURNINGS)) + "; a "
        "policy that turns by what it sees of an arm is none of them. B9.1 to B9.3 and the "
        "controls are exact on the problems drawn; SFT and RL are trained on walks and judged by "
        "the chain, and B9.4 and B9.5 are what rows of their own are bound to do sooner or later.",
        sampled=("B9.4", "B9.5"),
    ),
)


def frame_of(records: list[Record]) -> pd.DataFrame:
    """Of each seed, category, model and limit: solved with 64 tries, and the worst loss."""
    return pd.DataFrame(
        {"seed": record.config["seed"], "category": category, "problems": where} | row
        for record in records
        for where in ("unseen", "shown")
        for category in CATEGORIES
        if f"{where}_{category}" in record.arrays
        for row in _models(record.arrays[f"{where}_{category}"], where)
    )


def _models(laws: np.ndarray, where: str) -> list[dict[str, Any]]:
    names = TURNINGS if where == "unseen" else ("base", "sft", "rl")
    # Sums of probabilities may pass 1 by a rounding.
    within = np.minimum(laws.cumsum(-1), 1.0)
    solved = {name: pass_at_k(p, _TRIES) for name, p in zip(names, within, strict=True)}
    before = solved[UNSEEN if where == "unseen" else "base"]
    return [
        {"model": name if where == "shown" else f"turning {name}", "steps": steps,
         "solved": float(found[:, steps].mean()),
         "least_gain": float((found - before)[:, steps].min())}
        for name, found in solved.items() for steps in STEPS
    ]  # fmt: skip


def claims_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Differences are the worst over seeds."""
    unseen = frame[frame["problems"] == "unseen"]
    seldom, usual = f"turning {_SELDOM}", f"turning {UNSEEN}"

    def less(category: str, steps: int) -> pd.DataFrame:
        """What each other number solves beyond the base model, [seeds, numbers]."""
        mine = unseen[(unseen["category"] == category) & (unseen["steps"] == steps)]
        solved = mine.pivot_table("solved", "seed", "model")
        return solved.drop(columns=usual).sub(solved[usual], axis=0)

    shown = frame[(frame["problems"] == "shown") & frame["model"].isin(["sft", "rl"])]
    chained = shown[(shown["category"] == "C") & (shown["steps"] == 4 * DISTANCE)]
    numbers = unseen[unseen["model"] == seldom]
    words = f"turning round with {_SELDOM} in place of {UNSEEN} - base"
    return [
        below(claim, "B9.1", f"chained (C), 64 tries, T = 4 × distance: {words}",
              less("C", 4 * DISTANCE)[seldom], -0.1),
        above(claim, "B9.2", f"chained, T = distance: {words}", less("C", DISTANCE)[seldom], 0.1),
        below(claim, "B9.3", "chained, T = 4 × distance: the best such number - base",
              less("C", 4 * DISTANCE).max(axis=1), 0.03),
        above(claim, "B9.4", "problems shown to free rows, B and C, any T: least gain of SFT and "
              "RL on any of them", shown.groupby("seed")["least_gain"].min(), -0.001),
        above(claim, "B9.5", "chained problems shown to free rows, T = 4 × distance: solved by SFT "
              "and by RL, the lesser", chained.groupby("seed")["solved"].min(), 0.99),
        above(control, "B9.c1", f"wrong arms that end at once (B), T = 4 × distance: {words}",
              less("B", 4 * DISTANCE)[seldom], -0.01),
        below(control, "B9.c2", f"any T: least gain on any problem, {words}",
              numbers.groupby("seed")["least_gain"].min(), -0.05),
        above(control, "B9.c3", "chained, T = distance: the best such number - base",
              less("C", DISTANCE).max(axis=1), 0.1),
    ]  # fmt: skip
