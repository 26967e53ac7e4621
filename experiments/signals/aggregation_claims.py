"""Claims about faults in how SFT adds up its tokens (A1)."""

from typing import Any

import numpy as np
import pandas as pd

from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share

CLAIM_FAMILIES = (
    Family(
        id="A1",
        title="Faults in adding up tokens",
        statement="A mean of microbatch means gives long demonstrations less, and moves what SFT "
        "ends at by an amount that falls as one over the walks of a microbatch. It raises success "
        "within the demonstrations' own limit on every maze; H, which takes backtracking, moves "
        "either way where that limit is short, by up to a half, and mostly falls where it is long. "
        "An optimiser that sees the first of M microbatches ends at the same place, slower; under "
        "Adam its noise there is √M as large, under plain steps no larger.",
        source="arXiv 2604.23747 (SFT-then-RL) names the two faults in public trainers; that the "
        "second suppresses backtracking is this project's reading of it (1/L), and is "
        "true of some mazes. Sizes of microbatches, sign of the harm and the √M no paper asks",
        control="A1.c1: demonstrations of one length leave the second fault nothing to weigh. "
        "A1.c2: with 64 walks a microbatch H must be within 1% of the right one. A1.c3: trainers "
        "without a fault must end nearer the right rows than the fault's.",
        scope="A1.3 held on the caves of development, and on fresh ones only of about half. Free "
        "rows, blind to the goal; demonstrations are a uniform walker's that arrive "
        "within 30 or 200 steps, tokens are all their moves, on a corridor and on 20 caves. The "
        "fixed points are exact, of endless demonstrations; that trained rows lie there is judged "
        "on the corridor, at the short limit, with one walk a microbatch and 16 of them, two "
        "optimisers and one rate each. The first fault divides by the tokens of the whole batch "
        "here: where it divides by its own, it brings the second along, since it is then a mean of "
        "means itself. No RL follows, and no transformer is trained.",
        sampled=("A1.6*", "A1.7*", "A1.8*", "A1.9*", "A1.10*", "A1.c3*"),
    ),
)

_LATE = 5  # records at the end of a run over which its noise is averaged


def claims(
    points: pd.DataFrame, exact: list[Record], trained: list[Record]
) -> list[dict[str, Any]]:
    """A1, from fixed points of each maze and limit, and from training."""
    return _fixed_points(points, exact) + _training(trained)


def _fixed_points(points: pd.DataFrame, exact: list[Record]) -> list[dict[str, Any]]:
    wide = points.pivot_table(
        index=["world", "seed", "limit"], columns="walks", values=["time", "success", "apart"]
    )
    time, success, apart = (wide[name] for name in ("time", "success", "apart"))
    falls = apart[32] / apart[64]
    gains = success[1] > success[np.inf]
    harm = (time[1] / time[np.inf]).reset_index(name="ratio")
    caves = harm[harm["world"] == "caves"]
    short, long = (caves[caves["limit"] == limit]["ratio"] for limit in np.unique(caves["limit"]))
    near = abs(time[64] / time[np.inf] - 1) <= 0.01
    equal = max(float(record.arrays["equal_lengths"]) for record in exact)
    worst = float(harm["ratio"].max())
    rows = [
        claim("A1.1", "one walk a microbatch, demonstrations within 30 steps: largest H over that "
              "of all tokens alike", "above 1.2", worst, worst > 1.2),
        every(claim, "A1.2", "the rows' distance falls as one over the walks of a microbatch: "
              "mazes and limits at which 32 have 1.9 to 2.2 times that of 64",
              int(falls.between(1.9, 2.2).sum()), len(falls)),
        every(claim, "A1.4", "success within the demonstrations' limit is higher by the fault: "
              "mazes and limits", int(gains.sum()), len(gains)),
        control("A1.c1", "demonstrations of one length: largest difference of the rows", 0.0,
                equal, equal < 1e-12, tolerance="1e-12"),
        every(control, "A1.c2", "64 walks a microbatch: mazes and limits with H within 1%",
              int(near.sum()), len(near)),
    ]  # fmt: skip
    # A share of a few caves says little.
    if len(short) >= 20:
        rows += [
            share(claim, "A1.3", "caves, demonstrations within 30 steps: H is higher by the fault",
                  int((short > 1).sum()), len(short), 0.7),
            share(claim, "A1.5", "caves, demonstrations within 200 steps: H is lower by the fault",
                  int((long < 1).sum()), len(long), 0.7),
        ]  # fmt: skip
    return rows


def _training(trained: list[Record]) -> list[dict[str, Any]]:
    late = {
        (r.config["fault"], r.config["optimizer"], name): r.arrays[name][:, -_LATE:].mean(1)
        for r in trained
        for name in ("whole", "each")
    }
    early = {(r.config["fault"], r.config["optimizer"]): r.arrays["whole"][:, 1] for r in trained}

    def nearer(fault: str, name: str, other: str) -> tuple[int, int]:
        own = [late[fault, optimizer, name] for optimizer in ("sgd", "adam")]
        off = [late[fault, optimizer, other] for optimizer in ("sgd", "adam")]
        return int((np.concatenate(own) < np.concatenate(off)).sum()), sum(map(len, own))

    first = "first microbatch alone"
    noise = {
        optimizer: float(late[first, optimizer, "whole"].mean()
                         / late["none", optimizer, "whole"].mean())
        for optimizer in ("sgd", "adam")
    }  # fmt: skip
    slow = [float(early[first, each].mean() / early["none", each].mean())
            for each in ("sgd", "adam")]  # fmt: skip
    return [
        share(claim, "A1.6", "trained on means of microbatches: runs that end nearer the fault's "
              "exact rows than the right ones",
              *nearer("mean of microbatch means", "each", "whole"), 0.95),
        share(control, "A1.c3", "trained without a fault: runs that end nearer the right rows",
              *nearer("none", "whole", "each"), 0.95),
        share(claim, "A1.7", "on the first microbatch alone: runs that end nearer the right rows",
              *nearer(first, "whole", "each"), 0.95),
        claim("A1.8", "the first of 16 microbatches alone, Adam: late excess loss over that of "
              "all", "√16, within 3 to 5.3", noise["adam"], 3 <= noise["adam"] <= 5.3),
        claim("A1.9", "the same with plain steps", "1, within 0.8 to 1.25", noise["sgd"],
              0.8 <= noise["sgd"] <= 1.25),
        claim("A1.10", "excess loss after 100 updates, of the first microbatch alone over that of "
              "all: the smaller of both optimisers'", "above 2", min(slow), min(slow) > 2),
    ]  # fmt: skip
