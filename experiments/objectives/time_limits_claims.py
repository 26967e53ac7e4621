"""Tables of time limits, and O7."""

from typing import Any

import numpy as np
import pandas as pd

from mazerl.store.records import Record
from mazerl.sweep.claims import claim, control, every, share
from mazerl.sweep.studies import Tables

OBJECTIVES = ("success", "hitting_time", "discounted")
LAMBDAS = (0.0, 0.95, 1.0)
ENDS = ("objective", "bootstraps", "sees_time", "lam")
_COLUMNS = ("objective", "bootstraps", "clock", "begins", "seed", "record", "success", "time",
            "base_success", "best_success", "best_time")  # fmt: skip
_NOTHING = 1e-6  # of the exact gradient: rounding
_SHORT, _LONG = 4.5, 15.0  # limits in the base's H
_ENOUGH = 5  # seeds, of which claims are judged


def table(records: list[Record], runs: tuple[tuple[Any, ...], ...]) -> Tables:
    """One row an update, one an ascent, one a record of PPO; and O7."""
    updates = pd.DataFrame([row for r in _of(records, "gradient") for row in _updates(r)])
    ends = pd.DataFrame([row for r in _of(records, "ascent") for row in _ends(r, runs)])
    walked = [row for r in _of(records, "ppo") for row in _along(r)]
    ppo = pd.DataFrame(walked, columns=list(_COLUMNS))
    lags = [row for r in _of(records, "lag") for row in _lag(r)]
    frames = {"time_limits": updates, "time_limits_ends": ends, "time_limits_ppo": ppo}
    claims = [*_of_updates(updates), *_of_ends(ends), *_of_lag(lags), *_of_ppo(ppo)]
    return Tables(frames, claims)


def _of(records: list[Record], part: str) -> list[Record]:
    return [record for record in records if record.config["part"] == part]


def _where(record: Record) -> dict[str, object]:
    success, time = record.arrays["base"]
    limit = record.config["limit"]
    return {
        "maze": record.config["maze"], "limit": limit, "ratio": float(limit / time),
        "base_success": float(success), "base_time": float(time),
        "best_time": float(record.arrays["best_time"]),
    }  # fmt: skip


def _updates(record: Record) -> list[dict[str, object]]:
    arrays, told = record.arrays, []
    for place in np.ndindex(arrays["length"].shape):
        objective, end, sees, lam = place
        exact, length = (float(x) for x in (arrays["exact"][objective], arrays["length"][place]))
        nothing = length < _NOTHING * exact
        whole = objective == 0 and end == 0 and LAMBDAS[lam] == 1
        told.append(_where(record) | {
            "objective": OBJECTIVES[objective], "bootstraps": bool(end), "sees_time": bool(sees),
            "lam": LAMBDAS[lam], "exact": exact, "length": length / exact,
            "apart": float(arrays["apart"][place]) / exact,
            "cosine": np.nan if nothing else float(arrays["along"][place]) / (length * exact),
            "by_rows": np.nan if nothing else float(arrays["by_rows"][place]) / length,
            "variance": float(arrays["variance"][sees]) if whole else np.nan,
            "between": float(arrays["between"]),
        })  # fmt: skip
    return told


def _ends(record: Record, runs: tuple[tuple[Any, ...], ...]) -> list[dict[str, object]]:
    arrays, best = record.arrays, float(record.arrays["best_success"])
    return [
        _where(record) | dict(zip(ENDS, run, strict=True)) | {
            "moved": int(moved), "success": float(p), "time": float(time), "best_success": best,
            "loses": float(1 - p / best),
        }
        for run, (p, time), moved in zip(runs, arrays["ends"], arrays["moved"], strict=True)
    ]  # fmt: skip


def _along(record: Record) -> list[dict[str, object]]:
    config, arrays = record.config, record.arrays
    names = ("objective", "bootstraps", "clock", "begins", "seed")
    return [
        {name: config[name] for name in names} | {
            "record": n, "success": float(p), "time": float(time),
            "base_success": float(arrays["base"][0]),
            "best_success": float(arrays["best_success"]),
            "best_time": float(arrays["best_time"]),
        }
        for n, (p, time) in enumerate(arrays["ends"])
    ]  # fmt: skip


def _lag(record: Record) -> list[tuple[float, float]]:
    """Values begun with, and the change of p over the base's."""
    gain = float(record.arrays["ends"][0] / record.arrays["base"][0]) - 1
    return [(float(record.config["begins"]), gain)]


def _met(rows: "pd.Series[bool]") -> tuple[int, int]:
    return int(rows.sum()), len(rows)


def _of_updates(all_updates: pd.DataFrame) -> list[dict[str, object]]:
    short = all_updates[all_updates["ratio"] < _SHORT]
    success = short[short["objective"] == "success"]
    end, blind = ~success["bootstraps"], ~success["sees_time"]
    timed, whole = success[end & ~blind], success[end & blind & (success["lam"] == 1)]
    usual = success[end & blind & (success["lam"] == 0.95)]
    by = ["maze", "limit"]
    spread = success[success["variance"].notna()].pivot_table("variance", by, "sees_time")
    other = all_updates[(all_updates["objective"] != "success") & all_updates["bootstraps"]]
    cut = short[(short["objective"] == "hitting_time") & ~short["bootstraps"]]
    cut = cut[(cut["maze"] == "two ways") & (cut["ratio"] < 2.5)]
    apart = short[(short["maze"] == "two ways") & (short["ratio"] < 0.75)].groupby("limit")
    ratio, turned = float((spread[False] / spread[True]).min()), float(usual["cosine"].min())
    most = float(usual["apart"].max())
    told = [
        every(claim, "O7.1", "success, an end, a critic that sees the time left: the expected "
              "update is ∇p at every λ: mazes, limits and λ", *_met(timed["apart"] < 1e-9),
              "1e-9 of ∇p"),
        every(claim, "O7.2", "blind to the time it is so with whole returns, λ = 1: mazes and "
              "limits", *_met(whole["apart"] < 1e-9), "1e-9 of ∇p"),
        claim("O7.3", "which then costs variance alone: least ratio of a walk's, blind to seeing",
              "above 1", ratio, ratio > 1),
        claim("O7.4", "blind at λ = .95 the update is another: largest distance from ∇p over its "
              "length, limits up to 4 H", "above 0.1", most, most > 0.1),
        claim("O7.5", "but it turns little: least cosine with ∇p there", "above 0.95", turned,
              turned > 0.95),
        every(claim, "O7.6", "success with a time-out: nothing is left to climb: mazes, limits, "
              "critics and λ", *_met(success[~end]["length"] < _NOTHING), "1e-6 of ∇p"),
        every(claim, "O7.7", "hitting time and discounted return with a time-out: row by row a "
              "multiple of the exact gradient, not below 0, whatever the critic and λ: cells",
              *_met(other["by_rows"] > 1 - 1e-9), "1e-9"),
        every(claim, "O7.8", "hitting time with an end: on two ways the update points away from "
              "the exact gradient at limits up to 2 H: cells", *_met(cut["cosine"] < 0)),
        every(control, "O7.c2", "on two ways the gradients of success and of hitting time point "
              "apart at limits up to H/2: limits", *_met(apart["between"].first() < 0)),
    ]  # fmt: skip
    long = (all_updates["ratio"] > _LONG) & (all_updates["objective"] != "discounted")
    if long.any():
        # What little is left of ∇p is measured by what it was.
        scale = all_updates.groupby(["maze", "objective"])["exact"].transform("max")
        away = (all_updates["apart"] * all_updates["exact"] / scale)[long]
        told.append(
            every(
                control,
                "O7.c1",
                "at 20 H the four pairs of success and the four of "
                "hitting time agree with the exact gradients: mazes, pairs and λ",
                *_met(away < 0.05),
                "0.05 of the largest exact gradient at any limit",
            )
        )
    return told


def _of_ends(ends: pd.DataFrame) -> list[dict[str, object]]:
    def pair(objective: str, bootstraps: bool, lam: float = 0.95) -> pd.DataFrame:
        mine = (ends["objective"] == objective) & (ends["bootstraps"] == bootstraps)
        return ends[mine & (ends["lam"] == lam)]

    success, time = pair("success", False), pair("hitting_time", True)
    right = success[success["sees_time"]]
    met = _met(pd.concat([right["loses"] < 0.01, time["time"] < 1.01 * time["best_time"]]))
    blind = success[~success["sees_time"]]
    one_step = float(pair("success", False, 0.0)["loses"].max())
    cut = pair("hitting_time", False)
    ways = cut[(cut["maze"] == "two ways") & (cut["ratio"] < 2.5)]
    still = pair("success", True)
    costly = time[(time["loses"] >= 0.1) & (time["maze"] == "two ways")]["ratio"].max()
    told = [
        every(claim, "O7.9", "exact ascent by right pairs ends at the best p, or the best H: "
              "limits and critics", *met, "1%"),
        claim("O7.10", "success, an end, a critic blind to the time, at λ = 0 ends lower: largest "
              "share of p lost", "above 0.05", one_step, one_step > 0.05),
        claim("O7.11", "at λ = .95 hardly: largest share of p lost", "below 0.01",
              float(blind["loses"].max()), bool((blind["loses"] < 0.01).all())),
        every(claim, "O7.12", "hitting time with an end: on two ways ascent ends 1.4 times as far "
              "away as the best, or more, at limits up to 2 H: limits and critics",
              *_met(ways["time"] > 1.4 * ways["best_time"])),
        every(claim, "O7.13", "success with a time-out: ascent makes no step: limits and critics",
              *_met(still["moved"] == 0)),
        claim("O7.14", "to climb H, rightly, where p is meant costs a tenth of p or more on two "
              "ways up to a limit of so many base's H", "from 0.5 to 1", float(costly),
              bool(0.5 <= costly <= 1)),
    ]  # fmt: skip
    later = ways[ways["ratio"] > 1.3]
    if len(later):
        told.append(every(claim, "O7.15", "to climb -E[min(τ, T)], what hitting time with an end "
                          "is, costs as much at limits from 1.5 to 2 H: limits and critics",
                          *_met(later["loses"] >= 0.1)))  # fmt: skip
    return told


def _of_lag(lags: list[tuple[float, float]]) -> list[dict[str, object]]:
    told = []
    for begins, gain in lags:
        if begins == 0:
            told.append(claim(
                "O7.20", "success with a time-out, expected updates while a table is averaged from "
                "0 as PPO's is: change of p over the base's", "below -0.1", gain, gain < -0.1,
            ))  # fmt: skip
        else:
            told.append(control(
                "O7.c5", "from 1, where nothing is left to learn: change of p", "0", gain,
                abs(gain) < 1e-9,
            ))  # fmt: skip
    return told


def _of_ppo(ppo: pd.DataFrame) -> list[dict[str, object]]:
    if ppo["seed"].nunique() < _ENOUGH:
        return []
    last = ppo[ppo["record"] == ppo["record"].max()]
    limit = last["clock"].max()
    full, plain = last["clock"] == limit, last["begins"] == 0
    success, timeout = last["objective"] == "success", last["bootstraps"]
    reaches = last["success"] > 0.99 * last["best_success"]
    near, far = (last["time"] < 1.02 * last["best_time"]), last["time"] > 1.4 * last["best_time"]
    falls = last["success"] < 0.9 * last["base_success"]
    stays = (last["success"] - last["base_success"]).abs() < 1e-3

    def told(kind: Any, name: str, said: str, which: "pd.Series[bool]",
             does: "pd.Series[bool]") -> dict[str, object]:  # fmt: skip
        return share(kind, name, said, *_met(does[which]), least=1.0)

    return [
        told(claim, "O7.16", "PPO for success, an end, a critic that sees the time left: ends "
             "within 1% of the best p: runs", success & ~timeout & full, reaches),
        told(claim, "O7.17", "PPO for success with a time-out: ends a tenth or more below the p "
             "it began with: runs", success & timeout & ~full & plain, falls),
        told(claim, "O7.18", "PPO for steps with a time-out: ends within 2% of the best H: runs",
             ~success & timeout & ~full, near),
        told(claim, "O7.19", "PPO for steps with an end: ends 1.4 times as far away, or more: "
             "runs", ~success & ~timeout, far),
        told(control, "O7.c3", "PPO as in O7.17 whose critic begins at 1 everywhere, where it "
             "would end: p stays within .001: runs", success & timeout & ~plain, stays),
        told(control, "O7.c4", "PPO with a time-out and a table that sees all the time left ends "
             "as with an end: runs", timeout & full, reaches.where(success, far)),
    ]  # fmt: skip
