"""What the tables of walks that are scored otherwise than they were drawn say: family O6."""

from itertools import product

import numpy as np
import pandas as pd

from experiments.common.walkers import WALKERS
from mazerl.store.records import Record
from mazerl.sweep.claims import Family, claim, control, every, share

MOST_RATIO = 2.0
REPAIRS = ("none", "moves", "moves up to 2", "whole walks")
"""What the score of a move is weighted by: 1, its ratio, that but for its largest, all ratios."""

BASELINES = ("none", "walker's mean")
SAMPLED = ("temperature 0.7", "mixed 0.1", "top-p 0.9")

_SAME = "as scored"
_CUT = tuple(name for name in WALKERS if name.startswith("top-p"))
_FULL = tuple(name for name in WALKERS if name not in (_SAME, *_CUT))
_COLD, _HOT = "temperature 0.5", ("temperature 1.5", "mixed 0.1")
_WHOLE, _MEAN = REPAIRS[-1], BASELINES[1]
_ROUNDING, _MOST_ERRORS = 1e-9, 4.0

FAMILIES = (
    Family(
        id="O6",
        title="Walks that are drawn otherwise than they are scored",
        statement="Walked at another temperature, with chance mixed in, greedily or from a "
        "nucleus, and scored at temperature 1, an update leaves the gradient of success; weights "
        "of whole walks repair it exactly where the walker can make every move, weights of single "
        "moves nearly, and nothing does where moves are cut off. Without weights the baseline "
        "decides where ascent ends.",
        source="importance weights are textbook (Precup et al. 2000); truncated weights of single "
        "moves are Espeholt et al. 2018's and current practice where sampler and trainer differ; "
        "top-p is Holtzman et al. 2020's. What each climbs exactly, and where it ends, no paper "
        "gives that we know of",
        control="O6.c1 walks as it scores: whatever is weighted and subtracted, the update must be "
        "∇p. O6.2c cuts off moves: whole-walk weights must not repair it. O6.4c takes no weights: "
        "a baseline must not be harmless there. O6.5c and O6.6c weight whole walks: from the same "
        "starts p must reach 1. O6.c2 holds sampled updates without weights against ∇p: they must "
        "miss it.",
        scope="Small mazes without chance, one goal, free rows, policies drawn at random, anew for "
        "the confirming run; expected updates, and 250 steps of natural ascent. Weights are "
        "exact: with samples those of whole walks cost what O6.8 says, and its column `second` is "
        "the mean square of a weight. O6.2, O6.4 and O6.7 are true by construction.",
        sampled=("O6.9", "O6.c2"),
    ),
)


def frames_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """A row a cell, walker, repair, baseline and policy; and sampled updates."""
    rows, samples = [], []
    for record in records:
        cell = {name: record.config[name] for name in ("maze", "limit", "seed")}
        rows += [cell | row for row in _rows(record)]
        if "drawn" in record.arrays:
            samples += [cell | row for row in _samples(record)]
    frames = {"mismatched_scoring": pd.DataFrame(rows)}
    return frames | ({"mismatched_scoring_samples": pd.DataFrame(samples)} if samples else {})


def _rows(record: Record) -> list[dict[str, object]]:
    arrays, told = record.arrays, []
    (cosine, length, distance), (end, walked, last) = arrays["updates"], arrays["ends"]
    choices = product(enumerate(WALKERS), enumerate(REPAIRS), enumerate(BASELINES))
    for (w, walker), (r, repair), (b, baseline) in choices:
        for x, success in enumerate(arrays["success"]):
            at = (w, r, b, x)
            told.append({
                "walker": walker, "repair": repair, "baseline": baseline, "policy": x,
                "success": success, "walked": arrays["walked"][w, x],
                "second": arrays["second"][w, 0, x], "second_twice": arrays["second"][w, 1, x],
                "cosine": cosine[at], "length": length[at],
                "distance": distance[at], "end": end[at], "end_walked": walked[at],
                "last": last[at],
            })  # fmt: skip
    return told


def _samples(record: Record) -> list[dict[str, object]]:
    told = []
    for n, walker in enumerate(SAMPLED):
        for r, repair in enumerate(REPAIRS):
            exact, drawn = record.arrays["exact"][n, r], record.arrays["drawn"][n, r]
            rest, half = drawn - exact, len(drawn) // 2
            told.append({
                "walker": walker, "repair": repair,
                "walks": record.config["walks"] * len(drawn),
                "deviation": _errors(rest @ exact),
                "common": _errors((rest[:half] * rest[half : 2 * half]).sum(1)),
                "off_gradient": _errors(
                    (drawn - record.arrays["gradient"]) @ (exact - record.arrays["gradient"])
                ),
            })  # fmt: skip
    return told


def _errors(values: np.ndarray) -> float:
    """The mean, in standard errors; 0 where all values are."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() / error) if error > 0 else 0.0


def claims_of(frames: dict[str, pd.DataFrame]) -> list[dict[str, object]]:
    """O6."""
    cells, samples = frames["mismatched_scoring"], frames.get("mismatched_scoring_samples")
    sampled = [] if samples is None else _of_samples(samples)
    return [*_of_updates(cells), *_of_ends(cells), *sampled]


def _worst(cells: pd.DataFrame) -> "pd.Series[float]":
    """The smallest cosine over policies and baselines, by maze, drawing and walker."""
    return cells.groupby(["maze", "limit", "seed", "walker"])["cosine"].min()


def _of_updates(cells: pd.DataFrame) -> list[dict[str, object]]:
    full, cut = cells[cells["walker"].isin(_FULL)], cells[cells["walker"].isin(_CUT)]
    same = float(cells.loc[cells["walker"] == _SAME, "distance"].max())
    whole = float(full.loc[full["repair"] == _WHOLE, "distance"].max())
    lost = cut[cut["repair"] == _WHOLE].groupby(["maze", "limit", "seed", "walker"])["distance"]
    plain = _worst(full[full["repair"] == "none"])
    single = _worst(full[full["repair"] == "moves"])
    one = full[full["repair"].isin(["none", "moves"])]
    by = ["maze", "limit", "seed", "walker", "policy", "repair"]
    moved = one.pivot_table("distance", by, "baseline")
    moved = (moved[BASELINES[0]] - moved[_MEAN]).abs().unstack("repair")
    harmful = moved["none"].groupby(["maze", "limit", "seed", "walker"]).max()
    return [
        control("O6.c1", "walked as it is scored, the update is ∇p whatever is weighted or "
                "subtracted: largest relative difference", f"below {_ROUNDING:g}", same,
                same < _ROUNDING),
        claim("O6.1", "walked otherwise and not weighted it leaves ∇p: largest, over mazes, "
              "drawings and walkers, of the smallest cosine", "below 0.999", float(plain.max()),
              plain.max() < 0.999),
        claim("O6.2", "weights of whole walks repair it, where the walker can make every move: "
              "largest relative difference", f"below {_ROUNDING:g}", whole, whole < _ROUNDING),
        control("O6.2c", "and not where moves are cut off: smallest, over mazes, drawings and "
                "walkers, of the largest relative difference", "above 0.02",
                float(lost.max().min()), lost.max().min() > 0.02),
        claim("O6.3", "weights of single moves do not: largest of the smallest cosine",
              "below 0.9998", float(single.max()), single.max() < 0.9998),
        claim("O6.4", "but with them a baseline is harmless: largest change of the relative "
              "difference from ∇p", f"below {_ROUNDING:g}", float(moved["moves"].max()),
              moved["moves"].max() < _ROUNDING),
        control("O6.4c", "without weights it is not: smallest of the largest change",
                "above 0.001", float(harmful.min()), harmful.min() > 0.001),
    ]  # fmt: skip


def _pick(cells: pd.DataFrame, walker: str, repair: str, baseline: str) -> pd.DataFrame:
    return cells[
        (cells["walker"] == walker) & (cells["repair"] == repair) & (cells["baseline"] == baseline)
    ]


def _of_ends(cells: pd.DataFrame) -> list[dict[str, object]]:
    cold, weighted = _pick(cells, _COLD, "none", _MEAN), _pick(cells, _COLD, _WHOLE, _MEAN)
    sure = int(((cold["end_walked"] > 0.999) & (cold["end"] < 0.995)).sum())
    sharp = _pick(cells, _COLD, "none", BASELINES[0])["end"]
    hot = pd.concat([_pick(cells, name, "none", BASELINES[0]) for name in _HOT])
    fixed = (hot["last"] < 1e-3) & (hot["end"] < 0.99)
    spread = hot.groupby(["maze", "limit", "seed", "walker"])["end"].agg(np.ptp).max()
    repaired = pd.concat([_pick(cells, name, _WHOLE, BASELINES[0]) for name in _HOT])
    cut = cells[cells["walker"].isin(_CUT)]
    blocked, open_ = cut[cut["walked"] < 1e-12], cut[cut["walked"] > 1e-12]
    still = float((blocked["end"] - blocked["success"]).abs().max()) if len(blocked) else 0.0
    short = open_[open_["baseline"] == _MEAN]
    part = (short["end_walked"] > 0.999) & (short["end"] < 0.999)
    starts = "mazes, drawings and policies"
    return [
        every(claim, "O6.5", "walked at temperature 0.5, not weighted, less the walker's mean, the "
              "walker ends above .999 and the policy that is scored below .995: " + starts, sure,
              len(cold)),
        every(control, "O6.5c", "with weights of whole walks the policy ends above .999: " + starts,
              int((weighted["end"] > 0.999).sum()), len(weighted)),
        share(claim, "O6.5.plain", "and without a baseline the policy does so too, by imitation "
              "of a colder walker: " + starts, int((sharp > 0.999).sum()), len(sharp), 0.9),
        every(claim, "O6.6", "walked hotter or with chance mixed in, neither weighted nor less a "
              "mean, ascent comes to rest below p = .99: " + starts + " and walkers",
              int(fixed.sum()), len(hot)),
        claim("O6.6.same", "at the same p from every policy: largest range", "below 1e-4",
              float(spread), spread < 1e-4),
        every(control, "O6.6c", "with weights of whole walks p passes .99 there: " + starts
              + " and walkers", int((repaired["end"] > 0.99).sum()), len(repaired)),
        claim("O6.7", "where no walk from the nucleus arrives p stays what it was, whatever is "
              f"weighted: largest change, of {len(blocked)} ascents", "below 1e-12", still,
              still < 1e-12),
        claim("O6.7.part", "where walks do, less their mean, the walker ends above .999 and the "
              "policy below it: share of ascents", "above 0.9", float(part.mean()),
              part.mean() > 0.9),
        _cost(cells),
    ]  # fmt: skip


def _cost(cells: pd.DataFrame) -> dict[str, object]:
    full = cells[cells["walker"].isin(_FULL) & (cells["repair"] == _WHOLE)]
    full = full[full["baseline"] == _MEAN]
    grows = (full["second"] > 1.01) & (full["second_twice"] > full["second"])
    greatest = full.groupby("walker")[["second", "second_twice"]].median().max()
    return every(
        claim, "O6.8", "the mean square of a whole walk's weight, by which walks must be more for "
        "as sure an estimate, is above 1.01 and grows with the time limit (largest median of a "
        f"walker: {greatest['second']:.3g}, with twice the limit {greatest['second_twice']:.3g}): "
        "mazes, drawings, policies and walkers", int(grows.sum()), len(full),
    )  # fmt: skip


def _of_samples(samples: pd.DataFrame) -> list[dict[str, object]]:
    errors = samples[["deviation", "common"]].abs().max(axis=1)
    near, tolerance = int((errors < _MOST_ERRORS).sum()), f"{_MOST_ERRORS:.0f} standard errors"
    plain = samples[samples["repair"] == "none"]
    missed = int((plain["off_gradient"] > _MOST_ERRORS).sum())
    return [
        every(claim, "O6.9", "sampled updates have the exact length and direction: drawings, "
              "walkers and weights", near, len(samples), tolerance),
        every(control, "O6.c2", "sampled updates without weights miss ∇p: drawings and walkers",
              missed, len(plain), tolerance),
    ]  # fmt: skip
